/**
 * Decision trees over addresses: what is to be done with a packet by one of its addresses, as chains of few rules each,
 * so that a packet walks a number of rules that grows with the logarithm of what the tree holds.
 *
 * A tree holds prefixes, the longest of which counts, and is cut where a part of it holds its share of them: so every
 * chain has about as many rules as the fan-out says, however the addresses lie. Parts are entered by goto. A packet of
 * which the tree says nothing goes on behind the rule that led to the tree's root by a jump.
 */
import type { Prefix } from "../../net/prefix.js";
import { goto, RETURN, rule, type TableBuilder } from "./builder.js";
import { type Cell, type Entry, prefixTree } from "./prefixes.js";
import type { Match, Rule, Target } from "./ruleset.js";

/** What is done with a packet: rules without the test of the address. Empty: nothing. */
export type Action = readonly Rule[];

export const NONE: Action = [];

/** Rules of a chain, about; the figures are in ARCHITECTURE.md. */
export const FAN_OUT = 8;

export interface Tree {
  /** Of which address of a packet. */
  readonly key: (prefix: Prefix) => Match;
  /** Ascending and disjoint; what is in none of them falls to `rest`. Equal actions are best one object. */
  readonly cells: readonly Cell<Action>[];
  readonly rest?: Action;
  /** How deep chains may lead on: the kernel's bound, 16 from the built-in chain on, is shared with what comes before. */
  readonly levels?: number;
}

/** Makes the tree's chains; returns its root, to be jumped to. */
export function treeChain(table: TableBuilder, kind: string, tree: Tree): string {
  const rest = tree.rest ?? NONE;
  const root = prefixTree(table.family, tree.cells, rest);
  for (let fan = FAN_OUT; ; fan = Math.ceil(fan * 1.5)) {
    const maker = new Maker(table, kind, tree.key, fan);
    // Chains are made only once it is known that they fit.
    if (tree.levels !== undefined && depthOf(root, fan) > tree.levels) continue;
    return maker.chain(root, rest);
  }
}

/** The same as rules that stand in a chain themselves, where they are few and no longer prefix covers a shorter one. */
export function treeRules(table: TableBuilder, tree: Tree, most: number): Rule[] | undefined {
  const rest = tree.rest ?? NONE;
  const root = prefixTree(table.family, tree.cells, rest);
  const rules: Rule[] = [];
  const add = (entry: Entry<Action>): boolean => {
    if (entry.action !== undefined) {
      if (entry.children.length > 0) return false;
      for (const body of entry.action) rules.push(within(tree.key(entry.prefix), body));
    }
    return rules.length <= most && entry.children.every(add);
  };
  return add(root) ? [...rules, ...rest] : undefined;
}

function within(match: Match, body: Rule): Rule {
  return { ...body, matches: [match, ...body.matches] };
}

/** Whether no packet leaves an action for what stands behind it. */
function isFinal(action: Action): boolean {
  const last = action.at(-1);
  return last !== undefined && last.matches.length === 0 && ends(last.target);
}

function ends(target: Target): boolean {
  return target.kind !== "jump" && target.kind !== "log";
}

/** Parts of a tree that become chains of their own, and what is left of it. */
function cutOf(root: Entry<Action>, fan: number): { parts: Set<Entry<Action>>; weight: number } {
  const total = root.weight;
  const parts = new Set<Entry<Action>>();
  if (total <= fan + fan / 2) return { parts, weight: total };
  const share = Math.ceil(total / fan);
  const visit = (entry: Entry<Action>, top: boolean): number => {
    let left = entry.action === undefined ? 0 : 1;
    for (const child of entry.children) left += child.weight < share ? child.weight : visit(child, false);
    if (top || left < share) return left;
    parts.add(entry);
    return 0;
  };
  return { parts, weight: visit(root, true) };
}

/** The tree without the parts that were cut from it. */
function without(entry: Entry<Action>, parts: ReadonlySet<Entry<Action>>): Entry<Action> {
  const children = entry.children.filter((child) => !parts.has(child)).map((child) => without(child, parts));
  const weight = children.reduce((sum, child) => sum + child.weight, entry.action === undefined ? 0 : 1);
  return { ...entry, children, weight };
}

function depthOf(root: Entry<Action>, fan: number): number {
  const { parts, weight } = cutOf(root, fan);
  if (parts.size === 0) return 1;
  let depth = 0;
  for (const part of parts) depth = Math.max(depth, depthOf(without(part, parts), fan));
  if (weight > fan) depth = Math.max(depth, depthOf(without(root, parts), fan));
  return depth + 1;
}

class Maker {
  private readonly table: TableBuilder;
  private readonly kind: string;
  private readonly key: (prefix: Prefix) => Match;
  private readonly fan: number;

  constructor(table: TableBuilder, kind: string, key: (prefix: Prefix) => Match, fan: number) {
    this.table = table;
    this.kind = kind;
    this.key = key;
    this.fan = fan;
  }

  /** A chain of the subtree; `rest` is what it falls to. */
  chain(root: Entry<Action>, rest: Action): string {
    return this.table.chain(this.kind, this.rules(root, rest));
  }

  private rules(root: Entry<Action>, rest: Action): Rule[] {
    const { parts, weight } = cutOf(root, this.fan);
    const rules: Rule[] = [];
    // What is left after the cut may itself be too much for a chain.
    const apart = parts.size > 0 && weight > this.fan;
    const visit = (entry: Entry<Action>, outer: Action, elsewhere: boolean): void => {
      const inner = entry.action ?? outer;
      const part = entry !== root && parts.has(entry);
      // Longer prefixes come first; of a part that has its own chain, only the parts in it.
      for (const child of entry.children) visit(child, inner, elsewhere || part);
      if (part) {
        const bare = without(entry, parts);
        // Its own action is what its chain falls to.
        const chain = this.chain({ ...bare, action: undefined, weight: bare.weight - (entry.action ? 1 : 0) }, inner);
        rules.push(rule([this.key(entry.prefix)], goto(chain)));
      } else if (!apart && !elsewhere && entry.action !== undefined) {
        for (const body of entry.action) rules.push(within(this.key(entry.prefix), body));
        if (!isFinal(entry.action) && (outer.length > 0 || entry.action.length === 0))
          rules.push(rule([this.key(entry.prefix)], RETURN));
      }
    };
    visit(root, rest, false);
    if (apart) rules.push(rule([], goto(this.chain(without(root, parts), rest))));
    else rules.push(...rest);
    return rules;
  }
}
