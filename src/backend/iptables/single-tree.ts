/**
 * Decision trees over single addresses: the same as tree.ts makes of them, from sorted columns instead of a tree of
 * prefixes, which 10,000 statements would make some ten thousand objects for.
 */
import type { Value } from "../shape/lanes.js";
import { goto, rule, type TableBuilder } from "./builder.js";
import { lineOf } from "./prefixes.js";
import type { Rule } from "./ruleset.js";
import type { SingleForm, Singles } from "./single.js";
import { type Action, fanFor, roomOf, shareOf, type Tree, WIDE } from "./tree.js";

export interface SingleTree {
  readonly key: Tree["key"];
  readonly singles: Singles;
  readonly form: SingleForm;
  /** Rules of the addresses that have several tuples, the test of the address included. */
  readonly others: ReadonlyMap<number, readonly Rule[]>;
  readonly rest: Action;
  /** How deep chains may lead on. */
  readonly levels: number;
}

/** Makes the tree's chains; returns its root. */
export function singleTreeChain(table: TableBuilder, kind: string, tree: SingleTree): string {
  const { length } = tree.singles.values;
  const places = new Int32Array(length);
  for (let i = 0; i < length; i++) places[i] = i;
  return new Maker(table, kind, tree, fanFor(length, WIDE, tree.levels)).chain(places);
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

  /** A chain of some places among the addresses, ascending. */
  chain(places: Int32Array): string {
    const { table, kind, tree, fan } = this;
    const parts: Rule[] = [];
    let left = places;
    if (places.length > roomOf(fan)) {
      const cut = new Cut(places, shareOf(places.length, fan), this.tree, (part) => this.chain(part));
      cut.below(0, places.length);
      left = cut.left;
      parts.push(...cut.rules);
    }
    // What is left after the cut may itself be too much for a chain.
    if (parts.length > 0 && left.length > fan) return table.chain(kind, [...parts, rule([], goto(this.chain(left)))]);
    return this.list(parts, left, tree.rest);
  }

  private list(before: readonly Rule[], places: Int32Array, after: readonly Rule[]): string {
    const { singles, form, others } = this.tree;
    const lines = this.table.begin(this.kind);
    for (const rule of before) lines.add(rule);
    for (const words of [form.head, form.tail]) lines.content.add(words, 0, words.length);
    let alone = 0;
    for (let i = 0; i < places.length; i++) {
      const place = places[i] as number;
      const several = others.size === 0 ? undefined : others.get(place);
      if (several === undefined) {
        singles.write(place, form, lines);
        alone++;
      } else for (const rule of several) lines.add(rule);
    }
    lines.lead(form.target, alone);
    for (const rule of after) lines.add(rule);
    return this.table.written(lines, () => [
      ...before,
      ...Array.from(places).flatMap((place) => others.get(place) ?? [singles.rule(place, form)]),
      ...after,
    ]);
  }
}

/** Takes parts out of sorted places that hold a share of them, longer prefixes first, and leads to a chain of each. */
class Cut {
  readonly rules: Rule[] = [];
  private readonly places: Int32Array;
  private readonly share: number;
  private readonly tree: SingleTree;
  private readonly chain: (places: Int32Array) => string;
  /** What is in no part yet: less than two shares of each prefix. */
  private readonly pending: Int32Array;
  private count = 0;

  constructor(places: Int32Array, share: number, tree: SingleTree, chain: (places: Int32Array) => string) {
    this.places = places;
    this.share = share;
    this.tree = tree;
    this.chain = chain;
    this.pending = new Int32Array(places.length);
  }

  get left(): Int32Array {
    return this.pending.slice(0, this.count);
  }

  /** Of the places from `first` to before `end`, which are those of one prefix. */
  below(first: number, end: number): void {
    const { places, share, pending, tree } = this;
    if (end - first < share) {
      for (let i = first; i < end; i++) pending[this.count++] = places[i] as number;
      return;
    }
    const { values } = tree.singles;
    const line = lineOf(tree.form.family);
    const low = values[places[first] as number] as Value;
    const length = line.common(low, values[places[end - 1] as number] as Value);
    const base = line.begin(low, length);
    const middle = line.middle(base, length);
    let [split, after] = [first, end];
    while (split < after) {
      const at = (split + after) >> 1;
      if ((values[places[at] as number] as Value) < middle) split = at + 1;
      else after = at;
    }
    const before = this.count;
    this.below(first, split);
    this.below(split, end);
    // All of them have a chain already.
    if ((first === 0 && end === places.length) || this.count - before < share) return;
    const part = this.chain(pending.slice(before, this.count));
    this.count = before;
    this.rules.push(rule([tree.key(line.prefix(base, length))], goto(part)));
  }
}
