/** Finds the rules that can cover packets to one container without asking all of them. */
import type { Address, AddressSet } from "../net/address.js";
import { contains, intersect, type Ranges } from "../net/ranges.js";
import { ownAddresses } from "./own.js";
import type { Policy, Rule } from "./policy.js";

type Value = number | bigint;

/** A rule to more containers than this isn't looked up by their addresses, but always found. */
const FEW = 8;

export class RuleIndex {
  private readonly rules: readonly Rule[];
  /** Positions of the rules to few containers, by address. */
  private readonly byAddress = new Map<Value, number[]>();
  /** Positions of the rules to many. */
  private readonly wide: number[] = [];

  constructor(rules: readonly Rule[], { containers }: Policy) {
    this.rules = rules;
    const own = ownAddresses(containers);
    const known = new Map<AddressSet, readonly Value[] | undefined>();
    rules.forEach(({ to: { container } }, position) => {
      if (!known.has(container)) known.set(container, few(container, own));
      const addresses = known.get(container);
      if (addresses === undefined) this.wide.push(position);
      for (const value of addresses ?? []) {
        const list = this.byAddress.get(value);
        if (list === undefined) this.byAddress.set(value, [position]);
        else list.push(position);
      }
    });
  }

  /** All rules that cover one of these containers' addresses, in the policy's order; and some others. */
  to(addresses: readonly Address[]): Rule[] {
    const positions = new Set(this.wide);
    for (const { value } of addresses) for (const position of this.byAddress.get(value) ?? []) positions.add(position);
    return [...positions].sort((a, b) => a - b).map((position) => this.rules[position] as Rule);
  }
}

/** The containers' addresses in a set; undefined where there are many. */
function few(set: AddressSet, own: AddressSet): Value[] | undefined {
  const v4 = among<number>(set.v4, own.v4);
  const v6 = among<bigint>(set.v6, own.v6);
  return v4 && v6 && [...v4, ...v6];
}

function among<T extends Value>(set: Ranges<T>, own: Ranges<T>): T[] | undefined {
  if (set.length === 0) return [];
  if (set.length === 2 && set[0] === set[1]) return contains(own, set[0] as T) ? [set[0] as T] : [];
  const both = intersect(set, own);
  if (both.length > 2 * FEW) return undefined;
  const out: T[] = [];
  for (let i = 0; i < both.length; i += 2) {
    // Containers whose addresses follow each other are one interval.
    if (both[i] !== both[i + 1]) return undefined;
    out.push(both[i] as T);
  }
  return out;
}
