/** Finds the rules whose packets overlap a rule's, by their addresses or ports, without asking each of all. */
import { Intervals } from "../net/intervals.js";
import type { Ranges } from "../net/ranges.js";
import { overlapsPorts, PORT, type PortSet } from "../net/ports.js";
import { overlapsPeers } from "./peers.js";
import { type PeerSet, type Rule, ZONES } from "./policy.js";

/** One side of all rules. */
class Side {
  private readonly parts = ZONES.flatMap((zone) =>
    (["v4", "v6"] as const).map((family) => ({ zone, family, intervals: new Intervals() })),
  );

  constructor(sets: readonly PeerSet[]) {
    for (const { zone, family, intervals } of this.parts) {
      sets.forEach((set, rule) => intervals.add(set[zone][family], rule));
      intervals.build();
    }
  }

  count(set: PeerSet): number {
    return this.parts.reduce((sum, { zone, family, intervals }) => sum + intervals.count(set[zone][family]), 0);
  }

  collect(set: PeerSet): Set<number> {
    const found = new Set<number>();
    for (const { zone, family, intervals } of this.parts) intervals.collect(set[zone][family], found);
    return found;
  }
}

const EVERY_PORT: Ranges<number> = [PORT.min, PORT.max];

/** The protocols and ports of all rules. */
class Services {
  /** By protocol number; those that no rule names share one. */
  private readonly protocols = new Map<number | undefined, Intervals>();

  constructor(sets: readonly PortSet[]) {
    const named = sets.flatMap((set) => (set.all ? [] : [...set.protocols.keys()]));
    for (const protocol of new Set<number | undefined>([...named, undefined]))
      this.protocols.set(protocol, new Intervals());
    sets.forEach((set, rule) => this.of(set, (intervals, ranges) => intervals.add(ranges, rule)));
    for (const intervals of this.protocols.values()) intervals.build();
  }

  private of(set: PortSet, work: (intervals: Intervals, ranges: Ranges<number>) => void): void {
    if (set.all) {
      for (const intervals of this.protocols.values()) work(intervals, EVERY_PORT);
      return;
    }
    for (const [protocol, ranges] of set.protocols)
      work(
        (this.protocols.get(protocol) ?? this.protocols.get(undefined)) as Intervals,
        // Packets of a protocol that knows no ports count as of every port.
        ranges ?? EVERY_PORT,
      );
  }

  count(set: PortSet): number {
    let sum = 0;
    this.of(set, (intervals, ranges) => (sum += intervals.count(ranges)));
    return sum;
  }

  collect(set: PortSet): Set<number> {
    const found = new Set<number>();
    this.of(set, (intervals, ranges) => intervals.collect(ranges, found));
    return found;
  }
}

/** So few are asked one by one, before anything is sorted by ports. */
const FEW = 64;

export class OverlapIndex<R extends Pick<Rule, "from" | "to" | "ports"> = Rule> {
  private readonly rules: readonly R[];
  private readonly from: Side;
  private readonly to: Side;
  private byPorts: Services | undefined;

  constructor(rules: readonly R[]) {
    this.rules = rules;
    this.from = new Side(rules.map(({ from }) => from));
    this.to = new Side(rules.map(({ to }) => to));
  }

  /** All rules that share a packet with this one, itself among them, in the policy's order. */
  overlapping({ from, to, ports }: Pick<Rule, "from" | "to" | "ports">): R[] {
    return [...this.near(from, to, ports)]
      .sort((a, b) => a - b)
      .map((i) => this.rules[i] as R)
      .filter(
        (rule) => overlapsPorts(rule.ports, ports) && overlapsPeers(rule.to, to) && overlapsPeers(rule.from, from),
      );
  }

  /** Those that overlap in what tells most of them apart. */
  private near(from: PeerSet, to: PeerSet, ports: PortSet): Set<number> {
    const [senders, receivers] = [this.from.count(from), this.to.count(to)];
    const least = Math.min(senders, receivers);
    if (least > FEW) {
      this.byPorts ??= new Services(this.rules.map((rule) => rule.ports));
      if (this.byPorts.count(ports) < least) return this.byPorts.collect(ports);
    }
    return senders < receivers ? this.from.collect(from) : this.to.collect(to);
  }
}
