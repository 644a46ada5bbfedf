/** Which of many things, each with some intervals, have one that overlaps given ones, without asking each. */
import type { Ranges } from "./ranges.js";

type Value = number | bigint;

/** Closed intervals by their beginnings, each subtree of the implicit balanced tree with its highest end. */
export class Intervals {
  private readonly sorted: { readonly from: Value; readonly to: Value; readonly of: number }[] = [];
  private highest: Value[] = [];
  private ends: Value[] = [];

  add(ranges: Ranges<Value>, of: number): void {
    for (let i = 0; i < ranges.length; i += 2)
      this.sorted.push({ from: ranges[i] as Value, to: ranges[i + 1] as Value, of });
  }

  build(): void {
    this.sorted.sort((a, b) => order(a.from, b.from));
    this.ends = this.sorted.map(({ to }) => to).sort(order);
    this.highest = this.sorted.map(({ to }) => to);
    this.raise(0, this.sorted.length);
  }

  private raise(low: number, high: number): Value | undefined {
    if (low >= high) return undefined;
    const middle = (low + high) >> 1;
    for (const one of [this.raise(low, middle), this.raise(middle + 1, high)])
      if (one !== undefined && one > (this.highest[middle] as Value)) this.highest[middle] = one;
    return this.highest[middle];
  }

  /** How many overlap: all but those that end before and those that begin after. */
  count(ranges: Ranges<Value>): number {
    let sum = 0;
    for (let i = 0; i < ranges.length; i += 2) {
      const before = below(this.ends.length, (at) => (this.ends[at] as Value) < (ranges[i] as Value));
      sum += below(this.sorted.length, (at) => (this.sorted[at]?.from as Value) <= (ranges[i + 1] as Value)) - before;
    }
    return sum;
  }

  collect(ranges: Ranges<Value>, into: Set<number>): void {
    for (let i = 0; i < ranges.length; i += 2)
      this.search(0, this.sorted.length, ranges[i] as Value, ranges[i + 1] as Value, into);
  }

  private search(low: number, high: number, from: Value, to: Value, into: Set<number>): void {
    if (low >= high) return;
    const middle = (low + high) >> 1;
    const one = this.sorted[middle];
    if (one === undefined || (this.highest[middle] as Value) < from) return;
    this.search(low, middle, from, to, into);
    if (one.from > to) return;
    if (one.to >= from) into.add(one.of);
    this.search(middle + 1, high, from, to, into);
  }
}

const order = (a: Value, b: Value): number => (a < b ? -1 : a > b ? 1 : 0);

/** How many of the first indices fulfil what holds up to some point and not beyond. */
function below(size: number, holds: (at: number) => boolean): number {
  let [low, high] = [0, size];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where in an ascending list the first value is that is no less; the length where there is none. */
export function firstFrom<T extends Value>(ascending: readonly T[], value: T): number {
  return below(ascending.length, (at) => (ascending[at] as T) < value);
}
