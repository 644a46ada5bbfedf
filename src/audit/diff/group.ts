/** Sets of ends: places of containers, and addresses of the host and the world. */
import { type AddressSet, type Family, isEmptySet, NO_ADDRESSES, subtractSet } from "../../net/address.js";
import { countCommon, normalise } from "../../net/ranges.js";
import { V4, V6 } from "../../net/address.js";
import type { Class } from "./axes.js";
import type { Place } from "./ends.js";

export interface Group {
  readonly places: ReadonlySet<Place>;
  readonly host: AddressSet;
  readonly world: AddressSet;
}

export const EMPTY_GROUP: Group = { places: new Set(), host: NO_ADDRESSES, world: NO_ADDRESSES };

export function groupOf(classes: readonly Class[]): Group {
  const pieces = classes.flatMap((one) => one.pieces);
  const flat = <T>(zone: "host" | "world", family: Family): T[] =>
    pieces.filter((piece) => piece.zone === zone && piece.family === family).flatMap(({ ranges }) => ranges as T[]);
  const set = (zone: "host" | "world"): AddressSet => ({
    v4: normalise(flat<number>(zone, 4), V4),
    v6: normalise(flat<bigint>(zone, 6), V6),
  });
  return { places: new Set(classes.flatMap(({ places }) => places)), host: set("host"), world: set("world") };
}

export function inFamilies({ places, host, world }: Group, families: ReadonlySet<Family>): Group {
  const of = (set: AddressSet): AddressSet => ({
    v4: families.has(4) ? set.v4 : [],
    v6: families.has(6) ? set.v6 : [],
  });
  return {
    places: new Set([...places].filter(({ family }) => families.has(family))),
    host: of(host),
    world: of(world),
  };
}

export function without(a: Group, b: Group): Group {
  return {
    places: new Set([...a.places].filter((place) => !b.places.has(place))),
    host: subtractSet(a.host, b.host),
    world: subtractSet(a.world, b.world),
  };
}

/** How many places and intervals a group has. */
export function weight({ places, host, world }: Group): number {
  const count = ({ v4, v6 }: AddressSet): number => (v4.length + v6.length) / 2;
  return places.size + count(host) + count(world);
}

/** The weight of what two groups have in common. */
export function shared(a: Group, b: Group): number {
  let sum = 0;
  if (a.places.size < b.places.size) for (const place of a.places) sum += b.places.has(place) ? 1 : 0;
  else for (const place of b.places) sum += a.places.has(place) ? 1 : 0;
  for (const zone of ["host", "world"] as const)
    sum += countCommon(a[zone].v4, b[zone].v4) + countCommon(a[zone].v6, b[zone].v6);
  return sum;
}

export function joined(...groups: readonly Group[]): Group {
  const all = (zone: "host" | "world"): AddressSet => ({
    v4: normalise(
      groups.flatMap((one) => one[zone].v4),
      V4,
    ),
    v6: normalise(
      groups.flatMap((one) => one[zone].v6),
      V6,
    ),
  });
  return { places: new Set(groups.flatMap(({ places }) => [...places])), host: all("host"), world: all("world") };
}

export function isEmpty({ places, host, world }: Group): boolean {
  return places.size === 0 && isEmptySet(host) && isEmptySet(world);
}

/** Whether all of `a` is in `b`. */
export function within(a: Group, b: Group): boolean {
  return isEmpty(without(a, b));
}
