/**
 * Sets of integers as sorted, disjoint, non-adjacent closed intervals.
 *
 * The same code serves IPv4 addresses and ports (number) and IPv6 addresses (bigint): both compare with `<`, and only
 * the neighbours of a value need arithmetic, which the domain supplies. Intervals are flat arrays `[lo, hi, lo, hi, …]`
 * so that ten thousand single addresses cost ten thousand small arrays and nothing else.
 */

export type Scalar = number | bigint;

/** Flat closed intervals, ascending; `[]` is the empty set. Never mutated once built. */
export type Ranges<T extends Scalar> = readonly T[];

export interface Domain<T extends Scalar> {
  readonly min: T;
  readonly max: T;
  readonly next: (value: T) => T;
  readonly previous: (value: T) => T;
}

export const EMPTY: readonly never[] = [];

/** All values of a domain. */
export function full<T extends Scalar>(domain: Domain<T>): Ranges<T> {
  return [domain.min, domain.max];
}

/** Sorts and merges arbitrary closed intervals. */
export function normalise<T extends Scalar>(flat: readonly T[], domain: Domain<T>): Ranges<T> {
  if (flat.length <= 2 || isNormal(flat, domain)) return flat;
  const pairs: [T, T][] = [];
  for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i] as T, flat[i + 1] as T]);
  pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  const out: T[] = [];
  for (const [lo, hi] of pairs) {
    const last = out.length - 1;
    if (last > 0 && (lo <= (out[last] as T) || lo === domain.next(out[last] as T))) {
      if (hi > (out[last] as T)) out[last] = hi;
    } else out.push(lo, hi);
  }
  return out;
}

function isNormal<T extends Scalar>(flat: readonly T[], domain: Domain<T>): boolean {
  for (let i = 2; i < flat.length; i += 2) {
    const end = flat[i - 1] as T;
    if ((flat[i] as T) <= end || flat[i] === domain.next(end)) return false;
  }
  return true;
}

export function union<T extends Scalar>(a: Ranges<T>, b: Ranges<T>, domain: Domain<T>): Ranges<T> {
  if (a.length === 0 || a === b) return b;
  if (b.length === 0) return a;
  return normalise([...a, ...b], domain);
}

export function intersect<T extends Scalar>(a: Ranges<T>, b: Ranges<T>): Ranges<T> {
  if (a.length === 0 || b.length === 0) return EMPTY;
  if (a === b) return a;
  const out: T[] = [];
  let i = firstReaching(a, b[0] as T);
  let j = firstReaching(b, a[0] as T);
  while (i < a.length && j < b.length) {
    const lo = (a[i] as T) > (b[j] as T) ? (a[i] as T) : (b[j] as T);
    const hi = (a[i + 1] as T) < (b[j + 1] as T) ? (a[i + 1] as T) : (b[j + 1] as T);
    if (lo <= hi) out.push(lo, hi);
    if ((a[i + 1] as T) < (b[j + 1] as T)) i = reachingAfter(a, b[j] as T, i);
    else j = reachingAfter(b, a[i] as T, j);
  }
  return out;
}

export function subtract<T extends Scalar>(a: Ranges<T>, b: Ranges<T>, domain: Domain<T>): Ranges<T> {
  if (a.length === 0 || b.length === 0) return a;
  const out: T[] = [];
  let j = firstReaching(b, a[0] as T);
  for (let i = 0; i < a.length; i += 2) {
    let lo = a[i] as T;
    const hi = a[i + 1] as T;
    if (j < b.length && (b[j + 1] as T) < lo) j = reachingAfter(b, lo, j);
    let done = false;
    for (let k = j; k < b.length && (b[k] as T) <= hi; k += 2) {
      if ((b[k] as T) > lo) out.push(lo, domain.previous(b[k] as T));
      if ((b[k + 1] as T) >= hi) {
        done = true;
        break;
      }
      lo = domain.next(b[k + 1] as T);
    }
    if (!done) out.push(lo, hi);
  }
  return out;
}

export function contains<T extends Scalar>(set: Ranges<T>, value: T): boolean {
  if (set.length === 2) return value >= (set[0] as T) && value <= (set[1] as T);
  let low = 0;
  let high = set.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (value < (set[2 * middle] as T)) high = middle - 1;
    else if (value > (set[2 * middle + 1] as T)) low = middle + 1;
    else return true;
  }
  return false;
}

/** The first value from `from` on that isn't in the set; undefined where there is none. */
export function firstOutside<T extends Scalar>(set: Ranges<T>, from: T, domain: Domain<T>): T | undefined {
  const at = firstReaching(set, from);
  const [start, end]: readonly (T | undefined)[] = [set[at], set[at + 1]];
  if (start === undefined || end === undefined || start > from) return from;
  return end < domain.max ? domain.next(end) : undefined;
}

export function overlaps<T extends Scalar>(a: Ranges<T>, b: Ranges<T>): boolean {
  if (a.length > b.length) return overlaps(b, a);
  for (let i = 0; i < a.length; i += 2) {
    const lo = a[i] as T;
    const hi = a[i + 1] as T;
    // The first interval of b that ends at or after lo is the only one that can begin before it.
    const at = firstReaching(b, lo);
    if (at < b.length && (b[at] as T) <= hi) return true;
  }
  return false;
}

/** How many intervals two sets have in common. */
export function countCommon<T extends Scalar>(a: Ranges<T>, b: Ranges<T>): number {
  if (a.length === 0 || b.length === 0) return 0;
  let count = 0;
  let i = firstReaching(a, b[0] as T);
  let j = firstReaching(b, a[0] as T);
  while (i < a.length && j < b.length) {
    if ((a[i] as T) <= (b[j + 1] as T) && (b[j] as T) <= (a[i + 1] as T)) count++;
    if ((a[i + 1] as T) < (b[j + 1] as T)) i += 2;
    else j += 2;
  }
  return count;
}

/** As `firstReaching`, behind place `at`: most often the next one, and of very many found without a look at each. */
function reachingAfter<T extends Scalar>(set: Ranges<T>, value: T, at: number): number {
  const next = at + 2;
  return next >= set.length || (set[next + 1] as T) >= value ? next : firstReaching(set, value, next + 2);
}

/** Where the first interval is that ends at a value or after it, from place `start` on; the length where none does. */
function firstReaching<T extends Scalar>(set: Ranges<T>, value: T, start = 0): number {
  let low = start / 2;
  let high = set.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((set[2 * middle + 1] as T) < value) low = middle + 1;
    else high = middle;
  }
  return 2 * low;
}

/** Whether every value of `a` is in `b`. */
export function covers<T extends Scalar>(b: Ranges<T>, a: Ranges<T>, domain: Domain<T>): boolean {
  return a === b || subtract(a, b, domain).length === 0;
}

export function equal<T extends Scalar>(a: Ranges<T>, b: Ranges<T>): boolean {
  return a === b || (a.length === b.length && a.every((value, i) => value === b[i]));
}

/** The values of a set whose intervals are all single values; undefined when one isn't. */
export function singles<T extends Scalar>(set: Ranges<T>): T[] | undefined {
  const out: T[] = [];
  for (let i = 0; i < set.length; i += 2) {
    if (set[i] !== set[i + 1]) return undefined;
    out.push(set[i] as T);
  }
  return out;
}

/** Cut points: every value at which membership of one of the sets changes, ascending, starting with the minimum. */
export function cuts<T extends Scalar>(sets: Iterable<Ranges<T>>, domain: Domain<T>): T[] {
  const points = new Set<T>([domain.min]);
  for (const set of sets) {
    for (let i = 0; i < set.length; i += 2) {
      points.add(set[i] as T);
      const end = set[i + 1] as T;
      if (end < domain.max) points.add(domain.next(end));
    }
  }
  return [...points].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
