/** Prefixes that don't overlap, and whether another one overlaps any of them, without asking each. */
import type { Family } from "./address.js";
import { bounds, type Prefix } from "./prefix.js";

export class PrefixSet {
  /** First and last addresses, ascending. */
  private readonly ends: Readonly<Record<Family, (number | bigint)[]>> = { 4: [], 6: [] };

  /** Returns false, and leaves the set as it was, where the prefix overlaps one of it. */
  add(prefix: Prefix): boolean {
    const at = this.place(prefix);
    if (at === undefined) return false;
    this.ends[prefix.family].splice(at, 0, ...bounds(prefix));
    return true;
  }

  overlaps(prefix: Prefix): boolean {
    return this.place(prefix) === undefined;
  }

  /** Where the prefix belongs; undefined where something is there. */
  private place(prefix: Prefix): number | undefined {
    const [from, to] = bounds(prefix);
    const ends = this.ends[prefix.family];
    let [low, high] = [0, ends.length / 2];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[2 * middle + 1] as typeof from) < from) low = middle + 1;
      else high = middle;
    }
    const next = ends[2 * low];
    return next === undefined || next > to ? 2 * low : undefined;
  }
}
