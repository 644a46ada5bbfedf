/**
 * Cells of addresses as few prefixes, of which the longest that holds an address counts (Draves, King, Venkatachary and
 * Zill, "Constructing Optimal IP Routing Tables", 1999; here with at most four candidates at a node).
 */
import type { Family } from "../../net/address.js";
import type { Prefix } from "../../net/prefix.js";
import type { Value } from "../shape/lanes.js";

export interface Cell<A> {
  readonly from: Value;
  readonly to: Value;
  readonly action: A;
}

/** A node of the binary tree of prefixes, those left out that have one child and no action. */
export interface Entry<A> {
  readonly prefix: Prefix;
  /** What is done with the addresses of this prefix that no longer one holds; undefined: what the one around says. */
  action: A | undefined;
  children: Entry<A>[];
  /** Actions in it, its own included. */
  weight: number;
}

interface Node<A> {
  readonly prefix: Prefix;
  /** Actions that this prefix may have at the least cost. */
  readonly candidates: readonly A[];
  readonly children: readonly Node<A>[];
}

const CANDIDATES = 4;

/** Actions are compared by identity. The root is the prefix of all addresses, and has no action: it is `rest`. */
export function prefixTree<A>(family: Family, cells: readonly Cell<A>[], rest: A): Entry<A> {
  const top = new Coverer(family, cells, rest).top();
  const root: Entry<A> = { prefix: top.prefix, action: undefined, children: [], weight: 0 };
  choose(top, rest, root);
  return root;
}

/** Puts the entries of a node to its parent's children; `outer` is the action around. */
function choose<A>({ prefix, candidates, children }: Node<A>, outer: A, parent: Entry<A>): void {
  const same = candidates.includes(outer);
  const action = same ? outer : (candidates[0] as A);
  const isFork = children.length === 2;
  if (same && !isFork) {
    for (const child of children) choose(child, action, parent);
    return;
  }
  const own: Entry<A> = { prefix, action: same ? undefined : action, children: [], weight: same ? 0 : 1 };
  for (const child of children) choose(child, action, own);
  if (own.weight === 0) return;
  // A fork of which one side says nothing is none.
  const [only] = own.children;
  parent.children.push(same && only !== undefined && own.children.length === 1 ? only : own);
  parent.weight += own.weight;
}

/** What is asked of a family's addresses. IPv4's are numbers throughout: they are by far the most. */
interface Line<V extends Value> {
  readonly first: V;
  /** The last address of a prefix, and the first of its upper half. */
  last(base: V, length: number): V;
  middle(base: V, length: number): V;
  /** The length of the longest prefix that holds both addresses, and where it begins. */
  common(low: V, high: V): number;
  begin(address: V, length: number): V;
  prefix(base: V, length: number): Prefix;
}

const NUMBERS: Line<number> = {
  first: 0,
  last: (base, length) => base + 2 ** (32 - length) - 1,
  middle: (base, length) => base + 2 ** (31 - length),
  common: (low, high) => Math.clz32(low ^ high),
  begin: (address, length) => address - (address % 2 ** (32 - length)),
  prefix: (base, length) => ({ family: 4, base, length }),
};

const BIGINTS: Line<bigint> = {
  first: 0n,
  last: (base, length) => base + (1n << BigInt(128 - length)) - 1n,
  middle: (base, length) => base + (1n << BigInt(127 - length)),
  common: (low, high) => (low === high ? 128 : 128 - (low ^ high).toString(2).length),
  begin: (address, length) => (address >> BigInt(128 - length)) << BigInt(128 - length),
  prefix: (base, length) => ({ family: 6, base, length }),
};

/** What is asked of a family's addresses. */
export function lineOf(family: Family): Line<Value> {
  return (family === 4 ? NUMBERS : BIGINTS) as Line<Value>;
}

class Coverer<A> {
  private readonly line: Line<Value>;
  private readonly cells: readonly Cell<A>[];
  private readonly rest: A;

  constructor(family: Family, cells: readonly Cell<A>[], rest: A) {
    this.line = lineOf(family);
    this.cells = cells;
    this.rest = rest;
  }

  /** The prefix of all addresses. */
  top(): Node<A> {
    return this.node(this.line.first, 0, 0, this.cells.length);
  }

  /** The node of a prefix, whose addresses only the cells from `first` to before `end` can hold. */
  private node(base: Value, length: number, first: number, end: number): Node<A> {
    const { line, cells } = this;
    const prefix = line.prefix(base, length);
    if (first === end) return { prefix, candidates: [this.rest], children: [] };
    const last = line.last(base, length);
    const { from: low, action } = cells[first] as Cell<A>;
    const { to: high } = cells[end - 1] as Cell<A>;
    if (end - first === 1 && low <= base && high >= last) return { prefix, candidates: [action], children: [] };
    // Straight down to the prefix that all of it is in.
    const inner = line.common(low < base ? base : low, high > last ? last : high);
    if (inner > length) {
      const node = this.node(line.begin(low < base ? base : low, inner), inner, first, end);
      return { prefix, candidates: [this.rest], children: [node] };
    }
    const middle = line.middle(base, length);
    let [split, after] = [first, end];
    // The first cell that doesn't end before the middle.
    while (split < after) {
      const at = (split + after) >> 1;
      if ((cells[at] as Cell<A>).to < middle) split = at + 1;
      else after = at;
    }
    const upper = split < end && (cells[split] as Cell<A>).from < middle ? split + 1 : split;
    const children = [this.node(base, length + 1, first, upper), this.node(middle, length + 1, split, end)] as const;
    return { prefix, candidates: merge(children[0].candidates, children[1].candidates), children };
  }
}

function merge<A>(a: readonly A[], b: readonly A[]): readonly A[] {
  const both = a.filter((action) => b.includes(action));
  if (both.length > 0) return both;
  return [...a.slice(0, CANDIDATES / 2), ...b.slice(0, CANDIDATES / 2)];
}
