/** Goes back to an earlier policy. */
import { applyPolicy, type ApplyResult } from "./apply.js";
import { readConfirmed } from "./confirmed.js";
import { hashTexts, makeEntry, type Numbered, numbered, readHistory } from "./history.js";
import { Obstacle } from "./obstacle.js";
import { revertTrial } from "./revert.js";
import { readApplied, recompileKept } from "./state.js";
import { readTrial } from "./trial.js";

export interface Rolled {
  readonly policy: string;
  /** Of what is live now; undefined when that is nothing. */
  readonly hash: string | undefined;
  readonly changed: boolean;
  readonly changes: readonly string[];
  readonly problems: readonly string[];
  readonly timings: ApplyResult["timings"] | undefined;
}

/** Names of all policies that have entries or are live by `live`. */
export function knownPolicies(live: readonly string[]): string[] {
  return [...new Set([...live, ...readHistory().map(({ policy }) => policy)])].sort();
}

/** The policy's entries, counted from what is live. */
export function entriesOf(policy: string): Numbered[] {
  const applied = readApplied(policy);
  const trial = readTrial();
  const by = (trial?.policy === policy ? trial : readConfirmed(policy))?.by ?? "unknown";
  const live = applied === undefined ? undefined : makeEntry(policy, applied.at, by, applied);
  return numbered(
    readHistory(policy).filter((entry) => entry.policy === policy),
    live,
  );
}

/**
 * Applies the policy's entry `n`, counted back from what is live, as a whole. Of a policy that is on trial, 1 is what the
 * trial would go back to. Throws `Obstacle` when there is no such entry, and what an apply throws.
 */
export async function rollBack(policy: string, n: number, waiting?: (holder: string) => void): Promise<Rolled> {
  const trial = readTrial();
  if (n === 1 && trial?.policy === policy) {
    const reverted = await revertTrial(trial, { early: true, ...(waiting === undefined ? {} : { waiting }) });
    return { ...reverted, changed: reverted.changes.length > 0, timings: undefined };
  }
  const entries = entriesOf(policy);
  const found = entries.find((one) => one.n === n);
  if (found === undefined) throw missing(policy, n, entries);
  const result = await applyPolicy(recompileKept(found.entry), {
    purpose: { kind: "rollback" },
    backend: found.entry.backend ?? "nft",
    ...(waiting === undefined ? {} : { waiting }),
  });
  return { policy, hash: hashTexts(found.entry), ...result };
}

function missing(policy: string, n: number, entries: readonly Numbered[]): Obstacle {
  const last = entries.at(-1)?.n ?? 0;
  const isLive = entries[0]?.n === 0;
  if (entries.length === 0) return new Obstacle(`the history knows no policy '${policy}'`, "tsnet rollback --list");
  if (last === 0)
    return new Obstacle(
      `'${policy}' has nothing to go back to: what is live is the first that was applied`,
      `to take it away: tsnet remove --policy ${policy}`,
    );
  return new Obstacle(
    `'${policy}' has no entry ${n}: the oldest ${isLive ? "before the live one " : ""}is ${last}`,
    "tsnet rollback --list shows them",
  );
}
