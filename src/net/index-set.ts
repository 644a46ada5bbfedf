/**
 * Sets of places in a list, for set arithmetic in bulk: closed intervals, as ranges.ts has them.
 *
 * What a statement speaks of is mostly one place or all but a few, so a set costs what it says and not what the list
 * is long: with 100,000 ends a set of bits takes 12 kB, and there are several sets of ends for each statement.
 */
import { type Domain, intersect, normalise, overlaps, type Ranges, subtract } from "./ranges.js";

export type IndexSet = Ranges<number>;

const PLACES: Domain<number> = { min: 0, max: 2 ** 31, next: (place) => place + 1, previous: (place) => place - 1 };

/** Of all `size` places. */
export function allOf(size: number): IndexSet {
  return size === 0 ? [] : [0, size - 1];
}

/** `ascending`: without repetition. */
export function indexSet(ascending: Iterable<number>): IndexSet {
  const out: number[] = [];
  for (const place of ascending)
    if (out.length > 0 && out[out.length - 1] === place - 1) out[out.length - 1] = place;
    else out.push(place, place);
  return out;
}

/** In any order, with repetition. */
export function indexSetOf(places: Iterable<number>): IndexSet {
  return indexSet([...new Set(places)].sort((a, b) => a - b));
}

/** Sets of more intervals are looked up as a whole: what is to be left out costs less than looking for each. */
const MANY = 128;

/** The set, or one interval that has all of it. */
export function hull(set: IndexSet): IndexSet {
  return set.length <= MANY ? set : [set[0] as number, set[set.length - 1] as number];
}

/** What is in both; undefined where nothing is. */
export function both(a: IndexSet, b: IndexSet): IndexSet | undefined {
  const found = intersect(a, b);
  return found.length === 0 ? undefined : found;
}

/** What is in the first alone; undefined where nothing is. */
export function without(a: IndexSet, b: IndexSet): IndexSet | undefined {
  const found = subtract(a, b, PLACES);
  return found.length === 0 ? undefined : found;
}

/** What is in any of them. */
export function joined(sets: readonly IndexSet[]): IndexSet {
  return normalise(sets.flat(), PLACES);
}

export function meets(a: IndexSet, b: IndexSet): boolean {
  return overlaps(a, b);
}

export function sizeOf(set: IndexSet): number {
  let size = 0;
  for (let i = 0; i < set.length; i += 2) size += (set[i + 1] as number) - (set[i] as number) + 1;
  return size;
}

/** In ascending order. */
export function* places(set: IndexSet): Generator<number> {
  for (let i = 0; i < set.length; i += 2) for (let at = set[i] as number; at <= (set[i + 1] as number); at++) yield at;
}
