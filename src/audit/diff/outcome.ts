/** What becomes of a packet as it was sent, in one policy: followed through a publish where one translates it. */
import { isLoopback } from "../../net/address.js";
import { protocolIn } from "../../net/ports.js";
import { type End, evaluate, type Packet, translate, type Verdict } from "../../ir/evaluate.js";
import type { Matcher } from "../../ir/matcher.js";
import type { Origin, Policy } from "../../ir/policy.js";
import { OTHER } from "./services.js";

/** A packet before translation: the destination and the port are those that were asked for. */
export interface Sent {
  readonly source: End;
  readonly destination: End;
  /** As in port sets: 1 is ICMP of either family. */
  readonly protocol: number;
  readonly port: number | undefined;
}

/** Where a publish leads: container port less host port, and what becomes of the connection there. */
export interface Way {
  readonly container: string;
  readonly offset: number;
  readonly verdict: Verdict;
}

export interface Outcome {
  /** `absent`: an end is a container that this policy doesn't have; `mixed`: of a spread publish, some ways pass. */
  readonly verdict: Verdict | "absent" | "mixed";
  /** Through a publish: one for each container that it leads to. */
  readonly ways: readonly Way[];
  readonly by: readonly Origin[];
  readonly defaults: readonly string[];
}

export const ABSENT: Outcome = { verdict: "absent", ways: [], by: [], defaults: [] };
const UNTOUCHED: Outcome = { verdict: "untouched", ways: [], by: [], defaults: ["untouched"] };

/** Whether such a packet can be on its way through this host at all. */
export function isPossible({ source, destination }: Pick<Sent, "source" | "destination">): boolean {
  if (source.address.family !== destination.address.family) return false;
  // What is sent to loopback stays where it is; only the host itself has services there.
  if (isLoopback(destination.address)) return destination.zone === "host" && source.zone === "host";
  return !isLoopback(source.address) || source.zone === "host";
}

/** The meaning of a policy, as a function of what is sent. */
export class Meaning {
  private readonly policy: Policy;
  private readonly matcher: Matcher;
  private readonly targets = new Map<number | bigint, End>();

  /** `matcher` must hold every rule that can cover what is asked. */
  constructor(policy: Policy, matcher: Matcher) {
    this.policy = policy;
    this.matcher = matcher;
  }

  /** The packet must be possible, and not between two ends of one container. */
  of(sent: Sent): Outcome {
    const { source, destination, port } = sent;
    const protocol = sent.protocol === OTHER ? OTHER : protocolIn(source.address.family, sent.protocol);
    if (destination.zone === "host" && port !== undefined) {
      const ways = translate(this.policy, destination.address, protocol, port);
      if (ways.length > 0)
        return this.translated(
          ways.map(({ publish: via, target, address, port: inside }) => {
            const packet = { source, destination: this.target(address), protocol, port: inside, via };
            return [target.container, inside - port, packet];
          }),
        );
    }
    if (source.zone !== "container" && destination.zone !== "container") return UNTOUCHED;
    const packet = { source, destination, protocol, port };
    const { verdict, by, default: name } = evaluate(this.policy, packet, this.matcher.speaking(packet));
    return { verdict, ways: [], by, defaults: name === null ? [] : [name] };
  }

  private translated(ways: readonly (readonly [container: string, offset: number, packet: Packet])[]): Outcome {
    const by = new Set<Origin>();
    const defaults = new Set<string>();
    const out = ways.map(([container, offset, packet]): Way => {
      const decision = evaluate(this.policy, packet, this.matcher.speaking(packet));
      for (const origin of decision.by) by.add(origin);
      if (decision.default !== null) defaults.add(decision.default);
      return { container, offset, verdict: decision.verdict };
    });
    const verdicts = new Set(out.map(({ verdict }) => verdict));
    const [only] = verdicts;
    return {
      verdict: verdicts.size === 1 && only !== undefined ? only : "mixed",
      ways: out,
      by: [...by],
      defaults: [...defaults],
    };
  }

  /** One object for each end: a matcher knows them by identity. */
  private target(address: End["address"]): End {
    let end = this.targets.get(address.value);
    if (end === undefined) this.targets.set(address.value, (end = { zone: "container", address }));
    return end;
  }
}

/**
 * Equal for outcomes between which nobody can tell: where a packet goes that passes, and how one that doesn't is
 * answered. What never existed and what is denied are the same: nothing passes.
 */
export function sameness({ verdict, ways }: Outcome): string {
  if (verdict === "mixed")
    return `mixed ${ways
      .map((way) => `${way.container}+${way.offset}:${way.verdict}`)
      .sort()
      .join()}`;
  if (verdict !== "allow") return verdict;
  return `allow ${ways
    .map((way) => `${way.container}+${way.offset}`)
    .sort()
    .join()}`;
}

/** Whether a change of outcome is one of a packet's verdict or destination. */
export function differs(before: Outcome, after: Outcome): boolean {
  if (before.verdict === "absent" || after.verdict === "absent") return passes(before) || passes(after);
  return sameness(before) !== sameness(after);
}

/** Whether something passes. */
export function passes({ verdict }: Outcome): boolean {
  return verdict === "allow" || verdict === "mixed";
}
