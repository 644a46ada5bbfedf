/** Statements between single addresses, as large policies are made of: rules of one address and one port each. */
import type { Origins } from "../../ir/origins.js";
import type { Origin } from "../../ir/policy.js";
import type { Family } from "../../net/address.js";
import { ALL_PORTS, portSet, type PortSet } from "../../net/ports.js";
import { contains, type Ranges } from "../../net/ranges.js";
import type { ExactSets } from "../shape/exact.js";
import type { Value } from "../shape/lanes.js";
import type { Tuples, Way } from "../shape/tuples.js";
import { alone } from "./builder.js";
import type { Match, Rule, Target } from "./ruleset.js";

/** What is said of one address: a tuple of a set. */
export interface Single {
  /** The address at the other end. */
  readonly value: Value;
  readonly tuples: Tuples;
  readonly index: number;
}

/** By the container's address, each in the order of the other end's. */
export type Singles = ReadonlyMap<Value, readonly Single[]>;

/** The tuples that go one way; of those between containers the source is looked up first. */
export function singlesOf(exact: ExactSets, way: Way, own: Ranges<Value>): Singles {
  const all = new Map<Value, Single[]>();
  for (const tuples of [exact.pairs, exact.protocols, exact.ports]) {
    if (tuples.ways[way] === 0) continue;
    const [near, far] =
      way === "destination" ? [tuples.destinations, tuples.sources] : [tuples.sources, tuples.destinations];
    for (let index = 0; index < near.length; index++) {
      const address = near[index] as Value;
      const value = far[index] as Value;
      if (!contains(own, address) || contains(own, value) !== (way === "both")) continue;
      const list = all.get(address);
      if (list === undefined) all.set(address, [{ value, tuples, index }]);
      else list.push({ value, tuples, index });
    }
  }
  for (const [address, list] of all) all.set(address, inOrder(list));
  return all;
}

/** Places in a list that fit behind an IPv4 address in an integer that is exact. */
const PLACES = 2 ** 21;

/** By address, and those of one as they came. */
function inOrder(list: Single[]): Single[] {
  const [first] = list;
  if (typeof first?.value !== "number" || list.length > PLACES)
    return list.sort((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : 0));
  const keys = new Float64Array(list.length);
  for (let i = 0; i < list.length; i++) keys[i] = ((list[i] as Single).value as number) * PLACES + i;
  keys.sort();
  return Array.from(keys, (key) => list[key % PLACES] as Single);
}

/** The ports of which it speaks. */
export function portsOf({ tuples, index }: Single): PortSet {
  const protocol = tuples.protocols[index] as number;
  const port = tuples.ports[index] as number;
  if (protocol === 0) return ALL_PORTS;
  return portSet(protocol, port === 0 ? null : [port, port]);
}

/** Its statements. */
export function originsOfSingle({ tuples, index }: Single): Origin[] {
  return tuples.originsOf(index).map((origin) => tuples.origins.at(origin));
}

/** The rule of a tuple. What it is made of is worked out for who asks: loading needs only its text. */
export class SingleRule implements Rule {
  readonly target: Target;
  /** Of which end of a packet. */
  readonly side: "source" | "destination";
  readonly family: Family;
  readonly isPlain: boolean;
  private readonly single: Single;

  constructor(single: Single, family: Family, side: "source" | "destination", target: Target, isPlain: boolean) {
    this.single = single;
    this.isPlain = isPlain;
    this.family = family;
    this.side = side;
    this.target = target;
  }

  get value(): Value {
    return this.single.value;
  }

  /** 0: any. */
  get protocol(): number {
    return this.single.tuples.protocols[this.single.index] as number;
  }

  /** 0: any. */
  get port(): number {
    return this.single.tuples.ports[this.single.index] as number;
  }

  get matches(): readonly Match[] {
    const { family, value, protocol, port, side } = this;
    const address: Match = { kind: side, prefix: alone(family, value) };
    if (protocol === 0) return [address];
    return [address, port === 0 ? { kind: "protocol", protocol } : { kind: "port", protocol, run: [port, port] }];
  }

  get from(): readonly Origin[] {
    return originsOfSingle(this.single);
  }

  /** The text of its first statement, and how many more there are. */
  get said(): { readonly text: string; readonly more: number } {
    const { tuples, index } = this.single;
    const all = tuples.originsOf(index);
    const origins: Origins = tuples.origins;
    return { text: origins.textOf(all[0] as number), more: all.length - 1 };
  }
}
