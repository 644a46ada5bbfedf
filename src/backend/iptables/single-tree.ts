/**
 * Decision trees over single addresses: the same as tree.ts makes of them, from a sorted list instead of a tree of
 * prefixes, which 10,000 statements would make ten thousand objects for.
 */
import type { Value } from "../shape/lanes.js";
import { goto, rule, type TableBuilder } from "./builder.js";
import { lineOf } from "./prefixes.js";
import type { Rule } from "./ruleset.js";
import { type Action, fanFor, roomOf, shareOf, type Tree, WIDE } from "./tree.js";

export interface SingleTree {
  readonly key: Tree["key"];
  /** Ascending, each once. */
  readonly values: readonly Value[];
  /** What is done with each, the test of the address included. */
  readonly rules: readonly (readonly Rule[])[];
  readonly rest: Action;
  /** How deep chains may lead on. */
  readonly levels: number;
}

/** Makes the tree's chains; returns its root. */
export function singleTreeChain(table: TableBuilder, kind: string, tree: SingleTree): string {
  const all = tree.values.map((_, i) => i);
  return new Maker(table, kind, tree, fanFor(all.length, WIDE, tree.levels)).chain(all);
}

class Maker {
  private readonly table: TableBuilder;
  private readonly kind: string;
  private readonly tree: SingleTree;
  private readonly fan: number;

  constructor(table: TableBuilder, kind: string, tree: SingleTree, fan: number) {
    this.table = table;
    this.kind = kind;
    this.tree = tree;
    this.fan = fan;
  }

  /** A chain of some places in the list, ascending. */
  chain(places: readonly number[]): string {
    const { table, kind, tree, fan } = this;
    const rules: Rule[] = [];
    let left: readonly number[] = places;
    if (places.length > roomOf(fan)) {
      const pending: number[] = [];
      this.cut(places, 0, places.length, shareOf(places.length, fan), pending, rules);
      left = pending;
    }
    // What is left after the cut may itself be too much for a chain.
    if (rules.length > 0 && left.length > fan) rules.push(rule([], goto(this.chain(left))));
    else {
      for (const place of left) rules.push(...(tree.rules[place] as readonly Rule[]));
      rules.push(...tree.rest);
    }
    return table.chain(kind, rules);
  }

  /**
   * Leads parts that hold a share, longer prefixes first, to a chain of each; what is in none is added to `pending`.
   * Less than two shares are left where this ends.
   */
  private cut(
    places: readonly number[],
    first: number,
    end: number,
    share: number,
    pending: number[],
    rules: Rule[],
    isRoot = true,
  ): void {
    const { values, key } = this.tree;
    if (end - first < share) {
      for (let i = first; i < end; i++) pending.push(places[i] as number);
      return;
    }
    const line = lineOf(this.table.family);
    const low = values[places[first] as number] as Value;
    const high = values[places[end - 1] as number] as Value;
    const length = line.common(low, high);
    const base = line.begin(low, length);
    const before = pending.length;
    if (end - first === 1) pending.push(places[first] as number);
    else {
      const middle = line.middle(base, length);
      let [split, after] = [first, end];
      while (split < after) {
        const at = (split + after) >> 1;
        if ((values[places[at] as number] as Value) < middle) split = at + 1;
        else after = at;
      }
      this.cut(places, first, split, share, pending, rules, false);
      this.cut(places, split, end, share, pending, rules, false);
    }
    if (isRoot || pending.length - before < share) return;
    const part = this.chain(pending.splice(before));
    rules.push(rule([key(line.prefix(base, length))], goto(part)));
  }
}
