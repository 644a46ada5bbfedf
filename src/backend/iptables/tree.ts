/**
 * Decision trees over addresses: what is to be done with a packet by one of its addresses, as chains of few rules each,
 * so that a packet walks a number of rules that grows with the logarithm of what the tree holds.
 *
 * A tree holds prefixes, the longest of which counts, and is cut where a part of it holds its share of them: so every
 * chain has about as many rules as the fan-out says, however the addresses lie. Parts are entered by goto. A packet for
 * which an action doesn't decide falls to the tree's rest; where that is empty, it goes on behind the rule that led to
 * the tree's root by a jump.
 */
import type { Prefix } from "../../net/prefix.js";
import { goto, RETURN, rule, type TableBuilder } from "./builder.js";
import { type Cell, type Entry, prefixTree } from "./prefixes.js";
import type { Match, Rule, Target } from "./ruleset.js";

/** What is done with a packet: rules without the test of the address. Empty: nothing. */
export type Action = readonly Rule[];

export const NONE: Action = [];

const BACK: Action = [rule([], RETURN)];

/** Rules of a chain, about; the figures are in ARCHITECTURE.md. */
export const FAN_OUT = 12;

/** The same where a packet passes one tree of many addresses: chains cost more to load than their rules to walk. */
export const WIDE = 32;

export interface Tree {
  /** Of which address of a packet. */
  readonly key: (prefix: Prefix) => Match;
  /** Ascending and disjoint; what is in none of them falls to `rest`. Equal actions are best one object. */
  readonly cells: readonly Cell<Action>[];
  readonly rest?: Action;
  /** Rules of a chain, about; `FAN_OUT` unless given. */
  readonly fan?: number;
  /** How deep chains may lead on: the kernel's bound, 16 from the built-in chain on, is shared with what comes before. */
  readonly levels?: number;
}

/** Makes the tree's chains; returns its root, to be jumped to. */
export function treeChain(table: TableBuilder, kind: string, tree: Tree): string {
  const rest = tree.rest ?? NONE;
  const root = prefixTree(table.family, tree.cells, rest);
  const fan = fanFor(root.weight, tree.fan ?? FAN_OUT, tree.levels);
  return new Maker(table, kind, tree.key, rest, fan).chain(root, rest);
}

/** The same as rules that stand in a chain themselves, where they are few and no longer prefix covers a shorter one. */
export function treeRules(table: TableBuilder, tree: Tree, most: number): Rule[] | undefined {
  const rest = tree.rest ?? NONE;
  if (tree.cells.length > 2 * most + 1) return undefined;
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

/** The same of the packets of which this holds too. */
export function within(match: Match, body: Rule): Rule {
  return rule([match, ...body.matches], body.target, body.from, body.note);
}

/** Whether no packet leaves an action for what stands behind it. */
function isFinal(action: Action): boolean {
  const last = action.at(-1);
  return last !== undefined && last.matches.length === 0 && ends(last.target);
}

function ends(target: Target): boolean {
  return target.kind !== "jump" && target.kind !== "log";
}

/** The fan-out by which a tree of so many prefixes is no deeper than this. */
export function fanFor(weight: number, fan: number, levels = Infinity): number {
  while (depthOf(weight, fan) > levels) fan = Math.ceil(fan * 1.5);
  return fan;
}

/** How deep a tree of so many prefixes can become: a part has less than two shares of them. */
function depthOf(weight: number, fan: number): number {
  return weight <= roomOf(fan) ? 1 : 1 + depthOf(2 * shareOf(weight, fan) - 1, fan);
}

/** What a chain holds without being cut. */
export function roomOf(fan: number): number {
  return Math.floor(1.5 * fan);
}

/** How many prefixes are worth a chain of their own: parts of the last cut have room in one. */
export function shareOf(weight: number, fan: number): number {
  return Math.max(Math.ceil(weight / fan), Math.ceil(roomOf(fan) / 2));
}

class Maker {
  private readonly table: TableBuilder;
  private readonly kind: string;
  private readonly key: (prefix: Prefix) => Match;
  private readonly rest: Action;
  private readonly fan: number;

  constructor(table: TableBuilder, kind: string, key: (prefix: Prefix) => Match, rest: Action, fan: number) {
    this.table = table;
    this.kind = kind;
    this.key = key;
    this.rest = rest;
    this.fan = fan;
  }

  /** A chain of the subtree, which is used up; `outer` is what it falls to. */
  chain(root: Entry<Action>, outer: Action): string {
    const rules: Rule[] = [];
    if (root.weight > roomOf(this.fan)) this.cut(root, outer, shareOf(root.weight, this.fan), rules, true);
    // What is left after the cut may itself be too much for a chain.
    if (rules.length > 0 && root.weight > this.fan) rules.push(rule([], goto(this.chain(root, outer))));
    else {
      this.list(root, outer, rules);
      rules.push(...outer);
      // The end of a chain is a return, whatever the rest says.
      if (outer !== this.rest && outer.length > 0 && !isFinal(outer)) rules.push(...this.rest);
    }
    return this.table.chain(this.kind, rules);
  }

  /** Takes parts out of the tree that hold a share of it, longer prefixes first, and leads to a chain of each. */
  private cut(entry: Entry<Action>, outer: Action, share: number, rules: Rule[], isRoot = false): void {
    const inner = entry.action ?? outer;
    let weight = entry.action === undefined ? 0 : 1;
    for (const child of entry.children) {
      if (child.weight >= share) this.cut(child, inner, share, rules);
      weight += child.weight;
    }
    entry.children = entry.children.filter((child) => child.weight > 0);
    entry.weight = weight;
    if (isRoot || weight < share) return;
    // Its own action is what its chain falls to.
    entry.action = undefined;
    entry.weight = entry.children.reduce((sum, child) => sum + child.weight, 0);
    rules.push(rule([this.key(entry.prefix)], goto(this.chain(entry, inner))));
    entry.weight = 0;
  }

  /** Rules for each prefix that is left, longer ones first. */
  private list({ prefix, action, children }: Entry<Action>, outer: Action, rules: Rule[]): void {
    for (const child of children) this.list(child, action ?? outer, rules);
    if (action === undefined) return;
    const match = this.key(prefix);
    for (const body of action) rules.push(within(match, body));
    if (action.length === 0) rules.push(rule([match], RETURN));
    // What stands behind for the prefix around is another's.
    else if (!isFinal(action) && outer !== this.rest)
      for (const body of this.rest.length === 0 ? BACK : this.rest) rules.push(within(match, body));
  }
}
