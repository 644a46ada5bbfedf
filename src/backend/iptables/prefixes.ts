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
  const top = new Coverer(family, cells, rest).node(0n, 0, 0, cells.length);
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

class Coverer<A> {
  private readonly family: Family;
  private readonly width: number;
  private readonly cells: readonly Cell<A>[];
  private readonly starts: readonly bigint[];
  private readonly ends: readonly bigint[];
  private readonly rest: A;

  constructor(family: Family, cells: readonly Cell<A>[], rest: A) {
    this.family = family;
    this.width = family === 4 ? 32 : 128;
    this.cells = cells;
    this.starts = cells.map((cell) => BigInt(cell.from));
    this.ends = cells.map((cell) => BigInt(cell.to));
    this.rest = rest;
  }

  private prefix(base: bigint, length: number): Prefix {
    return this.family === 4 ? { family: 4, base: Number(base), length } : { family: 6, base, length };
  }

  /** The node of a prefix, whose addresses only the cells from `first` to before `end` can hold. */
  node(base: bigint, length: number, first: number, end: number): Node<A> {
    const prefix = this.prefix(base, length);
    if (first === end) return { prefix, candidates: [this.rest], children: [] };
    const size = 1n << BigInt(this.width - length);
    const last = base + size - 1n;
    const low = this.starts[first] as bigint;
    const high = this.ends[end - 1] as bigint;
    if (end - first === 1 && low <= base && high >= last)
      return { prefix, candidates: [(this.cells[first] as Cell<A>).action], children: [] };
    // Straight down to the prefix that all of it is in.
    const inner = this.around(low < base ? base : low, high > last ? last : high);
    if (inner.length > length) {
      const node = this.node(inner.base, inner.length, first, end);
      return { prefix, candidates: [this.rest], children: [node] };
    }
    const middle = base + size / 2n;
    let split = first;
    while (split < end && (this.ends[split] as bigint) < middle) split++;
    const upper = split < end && (this.starts[split] as bigint) < middle ? split + 1 : split;
    const children = [this.node(base, length + 1, first, upper), this.node(middle, length + 1, split, end)] as const;
    return { prefix, candidates: merge(children[0].candidates, children[1].candidates), children };
  }

  /** The longest prefix that holds both addresses. */
  private around(low: bigint, high: bigint): { base: bigint; length: number } {
    const bits = (low ^ high) === 0n ? 0 : (low ^ high).toString(2).length;
    return { base: (low >> BigInt(bits)) << BigInt(bits), length: this.width - bits };
  }
}

function merge<A>(a: readonly A[], b: readonly A[]): readonly A[] {
  const both = a.filter((action) => b.includes(action));
  if (both.length > 0) return both;
  return [...a.slice(0, CANDIDATES / 2), ...b.slice(0, CANDIDATES / 2)];
}
