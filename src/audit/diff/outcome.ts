/** What becomes of a packet as it was sent, in one policy: followed through a publish where one translates it. */
import { isLoopback } from "../../net/address.js";
import { protocolIn } from "../../net/ports.js";
import { type End, evaluate, type Packet, translate, type Translation, type Verdict } from "../../ir/evaluate.js";
import type { Origin, Policy, Publish, Rule } from "../../ir/policy.js";
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
  /** Of each port that was asked for, the publishes that cover it in some family. */
  private readonly publishes = new Map<number, readonly Publish[]>();

  constructor(policy: Policy) {
    this.policy = policy;
  }

  /**
   * The packet must be possible, and not between two ends of one container.
   *
   * @param rules hold every one that can cover the packet, as it is sent and as it is translated
   */
  of(sent: Sent, rules: readonly Rule[]): Outcome {
    const { source, destination, port } = sent;
    const protocol = sent.protocol === OTHER ? OTHER : protocolIn(source.address.family, sent.protocol);
    if (destination.zone === "host" && port !== undefined) {
      const ways = this.translations(destination.address, protocol, port);
      if (ways.length > 0)
        return this.translated(
          ways.map(({ publish: via, target, address, port: inside }) => {
            const packet = { source, destination: inContainer(address), protocol, port: inside, via };
            return [target.container, inside - port, packet];
          }),
          rules,
        );
    }
    if (source.zone !== "container" && destination.zone !== "container") return UNTOUCHED;
    const packet = { source, destination, protocol, port };
    const { verdict, by, default: name } = evaluate(this.policy, packet, rules);
    return { verdict, ways: [], by, defaults: name === null ? [] : [name] };
  }

  /** Whether a publish takes what is sent to this address of the host. */
  isTranslated(address: End["address"], protocol: number, port: number): boolean {
    return this.translations(address, protocol, port).length > 0;
  }

  private translations(address: End["address"], protocol: number, port: number): Translation[] {
    const key = protocol * 65536 + port;
    let among = this.publishes.get(key);
    if (among === undefined) {
      among = this.policy.publishes.filter(
        (one) => one.protocol === protocol && port >= one.hostPorts[0] && port <= one.hostPorts[1],
      );
      this.publishes.set(key, among);
    }
    return translate(this.policy, address, protocol, port, among);
  }

  private translated(
    ways: readonly (readonly [container: string, offset: number, packet: Packet])[],
    rules: readonly Rule[],
  ): Outcome {
    const by = new Set<Origin>();
    const defaults = new Set<string>();
    const out = ways.map(([container, offset, packet]): Way => {
      const decision = evaluate(this.policy, packet, rules);
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
}

const inContainer = (address: End["address"]): End => ({ zone: "container", address });

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
