/**
 * Statements between groups, ranges and zones: the container's side leads to a class, there the other side is looked up
 * by prefix, which leads to a profile of ports. So a group costs its members and not its product.
 */
import type { Origin, Rule, Zone } from "../../ir/policy.js";
import { type Address, type AddressSet, type Family, V4, V6 } from "../../net/address.js";
import { type Domain, intersect, type Ranges } from "../../net/ranges.js";
import { type Far, LANE, type LaneName, type Near } from "./maps.js";
import { prefixesOf } from "./prefixes.js";
import { Profiles } from "./verdicts.js";

type Value = number | bigint;

export const ENDS: Readonly<Record<LaneName, { readonly source: Zone; readonly destination: Zone }>> = {
  cc: { source: "container", destination: "container" },
  cw: { source: "container", destination: "world" },
  ch: { source: "container", destination: "host" },
  wc: { source: "world", destination: "container" },
  hc: { source: "host", destination: "container" },
};

export const rangesOf = (set: AddressSet, family: Family): Ranges<Value> => (family === 4 ? set.v4 : set.v6);

export const addressIn = (family: Family, value: Value): Address => ({ family, value }) as Address;

/** Every value of ranges of containers' addresses, which are few. */
export function eachOf(ranges: Ranges<Value>): Value[] {
  const out: Value[] = [];
  for (let i = 0; i < ranges.length; i += 2)
    for (let value = ranges[i] as Value; value <= (ranges[i + 1] as Value); value++) out.push(value);
  return out;
}

/** Rows of the maps that classes are made of. Numbers of classes begin with 1. */
export class Classes {
  readonly near: Near[] = [];
  readonly far: Far[] = [];
  readonly profiles = new Profiles();
  private count = 0;

  /** `own`: all addresses of containers. */
  addLane(lane: LaneName, family: Family, rules: readonly Rule[], own: Ranges<Value>): void {
    const { source, destination } = ENDS[lane];
    const near = source === "container" ? "from" : "to";
    const boxes: { rule: Rule; other: Ranges<Value> }[] = [];
    const byAddress = new Map<Value, number[]>();
    for (const rule of rules) {
      const other = rangesOf(near === "from" ? rule.to[destination] : rule.from[source], family);
      if (other.length === 0) continue;
      const box = boxes.push({ rule, other }) - 1;
      for (const value of eachOf(intersect(rangesOf(rule[near].container, family), own))) {
        const known = byAddress.get(value);
        if (known === undefined) byAddress.set(value, [box]);
        else known.push(box);
      }
    }
    const classes = new Map<string, number>();
    for (const [value, here] of byAddress) {
      const signature = here.join(" ");
      let number = classes.get(signature);
      const members = here.map((box) => boxes[box] as (typeof boxes)[number]);
      if (number === undefined) classes.set(signature, (number = this.addClass(family, members)));
      const from = unique(members.map(({ rule }) => rule.origin));
      this.near.push({ lane, address: addressIn(family, value), class: number, from });
    }
  }

  private addClass(family: Family, boxes: readonly { rule: Rule; other: Ranges<Value> }[]): number {
    const number = ++this.count;
    for (const { low, high, at } of cells(
      boxes.map(({ other }) => other),
      family,
    )) {
      const rules = at.map((i) => (boxes[i] as { rule: Rule }).rule);
      const profile = this.profiles.of(family, rules);
      this.addRange(number, family, low, high, profile, unique(rules.map(({ origin }) => origin)));
    }
    return number;
  }

  /**
   * A class that only says which addresses of one family are in it: a prefix of IPv6's that covers ::ffff:0:0/96 would
   * have all of IPv4's in it.
   */
  addSources(set: AddressSet, family: Family, from: Origin): number {
    const number = ++this.count;
    const ranges = rangesOf(set, family);
    for (let i = 0; i < ranges.length; i += 2)
      this.addRange(number, family, ranges[i] as Value, ranges[i + 1] as Value, 0, [from]);
    return number;
  }

  private addRange(
    number: number,
    family: Family,
    low: Value,
    high: Value,
    profile: number,
    from: readonly Origin[],
  ): void {
    for (const { base, length } of prefixesOf(low, high, family === 4 ? 32 : 128)) {
      const address = addressIn(family, family === 4 ? Number(base) : base);
      this.far.push({ class: number, base: address, length, profile, from });
    }
  }
}

/** Cuts the addresses wherever one of the sets begins or ends; what none of them covers is left out. */
function* cells(sets: readonly Ranges<Value>[], family: Family): Generator<{ low: Value; high: Value; at: number[] }> {
  const { next, previous, max } = (family === 4 ? V4 : V6) as Domain<Value>;
  const edges = new Map<Value, { begins: number[]; ends: number[] }>();
  const edge = (value: Value): { begins: number[]; ends: number[] } => {
    let known = edges.get(value);
    if (known === undefined) edges.set(value, (known = { begins: [], ends: [] }));
    return known;
  };
  sets.forEach((set, index) => {
    for (let i = 0; i < set.length; i += 2) {
      edge(set[i] as Value).begins.push(index);
      if (set[i + 1] !== max) edge(next(set[i + 1] as Value)).ends.push(index);
    }
  });
  const points = [...edges].sort(([a], [b]) => (a < b ? -1 : 1));
  const active = new Set<number>();
  for (const [i, [low, { begins, ends }]] of points.entries()) {
    for (const index of ends) active.delete(index);
    for (const index of begins) active.add(index);
    if (active.size === 0) continue;
    const after = points[i + 1];
    yield { low, high: after === undefined ? max : previous(after[0]), at: [...active].sort((a, b) => a - b) };
  }
}

export const LANES = Object.keys(LANE) as LaneName[];

export function unique<T>(list: readonly T[]): readonly T[] {
  return list.length < 2 ? list : [...new Set(list)];
}
