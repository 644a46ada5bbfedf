/** Which backend carries a policy where the host is to decide: pure, over what probes have found. */
import type { BackendName, Part } from "./backend.js";
import { location } from "../text/source.js";
import type { Inexpressible } from "./inexpressible.js";

/** In place of a backend's name: the one that this host can carry the policy with. */
export const AUTO = "auto";
export type Asked = BackendName | typeof AUTO;

/** What is known of a backend that was asked. */
export interface Candidate {
  readonly backend: BackendName;
  /** The first statement that it can't carry out exactly; it isn't tried then. */
  readonly refuses: Inexpressible | undefined;
  readonly parts: readonly Part[];
}

export interface Choice {
  readonly backend: BackendName;
  /** Whether it carries the policy already. */
  readonly live: boolean;
  /** Those that come before it and can't. */
  readonly passed: readonly Candidate[];
}

/** What carries a policy stays with it; else as the backends are listed, the default first. */
export function orderOf(all: readonly BackendName[], carrier: BackendName | undefined): BackendName[] {
  return [...all].sort((a, b) => Number(b === carrier) - Number(a === carrier));
}

/** What a backend needs and hasn't. */
export function lacks({ parts }: Pick<Candidate, "parts">): Part[] {
  return parts.filter(({ ok, needed }) => needed && !ok);
}

export function canCarry(candidate: Candidate): boolean {
  return candidate.refuses === undefined && lacks(candidate).length === 0;
}

/** The first of the candidates, in their order, that can carry the policy; undefined where none can. */
export function choose(candidates: readonly Candidate[], carrier: BackendName | undefined): Choice | undefined {
  const at = candidates.findIndex(canCarry);
  const found = candidates[at];
  if (found === undefined) return undefined;
  return { backend: found.backend, live: found.backend === carrier, passed: candidates.slice(0, at) };
}

export interface Reason {
  readonly what: string;
  readonly mend: string;
}

/** Why a backend can't carry a policy: what it refuses, or each thing that it lacks. */
export function reasonsOf(candidate: Candidate): Reason[] {
  const { refuses } = candidate;
  if (refuses === undefined) return lacks(candidate).map(({ what, mend }) => ({ what, mend }));
  return [{ what: `${refuses.message} (${location(refuses.span)})`, mend: "take the statement out" }];
}

/** `nft: nft is not installed (apt-get install nftables)` */
export function reasonText(candidate: Candidate): string {
  const reasons = reasonsOf(candidate).map(({ what, mend }) => `${what} (${mend})`);
  return `${candidate.backend}: ${reasons.join("; ")}`;
}
