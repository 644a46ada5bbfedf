/** Looks packets up in sets as the kernel does: exact keys by hash, then intervals. For the interpreter. */
import type { Element, Key, Part, Set } from "./ruleset.js";

/** What a key loads from a packet. */
export type Loaded = number | bigint | string;

export function within(value: Loaded, part: Part): boolean {
  if (typeof part !== "object") return value === part;
  return typeof value !== "string" && value >= part.from && value <= part.to;
}

/** A set's elements. Refuses those that overlap, as the kernel should. */
export class Index {
  private readonly exact = new Map<string, Element>();
  private readonly ranges: Element[] = [];
  private readonly set: Set;

  constructor(set: Set) {
    this.set = set;
    for (const element of set.elements) {
      if (element.key.length !== set.type.length) throw new Error(`${set.name}: a key of the wrong length`);
      if (element.key.some((part) => typeof part === "object")) {
        const clash = this.ranges.find((other) => other.key.every((part, i) => meet(part, element.key[i] as Part)));
        if (clash !== undefined) throw new Error(`${set.name}: overlapping intervals`);
        this.ranges.push(element);
        continue;
      }
      const key = element.key.join(" ");
      if (this.exact.has(key)) throw new Error(`${set.name}: ${key} stands twice`);
      this.exact.set(key, element);
    }
  }

  find(values: readonly Loaded[] | undefined, keys: readonly Key[]): Element | undefined {
    if (values === undefined) return undefined;
    if (values.length !== this.set.type.length) throw new Error(`${this.set.name}: looked up by ${keys.join(" . ")}`);
    const found = this.exact.get(values.join(" "));
    if (found !== undefined) return found;
    return this.ranges.find((element) => element.key.every((part, i) => within(values[i] as Loaded, part)));
  }
}

function meet(a: Part, b: Part): boolean {
  const [aFrom, aTo] = typeof a === "object" ? [a.from, a.to] : [a, a];
  const [bFrom, bTo] = typeof b === "object" ? [b.from, b.to] : [b, b];
  return aFrom <= bTo && bFrom <= aTo;
}
