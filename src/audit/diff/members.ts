/** Finds the classes that have a member in a group, by place and by address. */
import { FAMILIES, type Family } from "../../net/address.js";
import { overlaps } from "../../net/ranges.js";
import { rangesOf } from "../../ir/classes.js";
import type { Class } from "./axes.js";
import type { Piece, Place } from "./ends.js";
import type { Group } from "./group.js";

type Kept = readonly [piece: Piece, index: number];

export class Members {
  private readonly places = new Map<Place, number>();
  /** By zone and family, ascending: pieces don't overlap. */
  private readonly pieces = new Map<string, Kept[]>();

  constructor(classes: readonly Class[]) {
    classes.forEach(({ places, pieces }, i) => {
      for (const place of places) this.places.set(place, i);
      for (const piece of pieces) {
        const key = `${piece.zone} ${piece.family}`;
        const list = this.pieces.get(key);
        if (list === undefined) this.pieces.set(key, [[piece, i]]);
        else list.push([piece, i]);
      }
    });
    for (const list of this.pieces.values()) list.sort(([a], [b]) => (first(a) < first(b) ? -1 : 1));
  }

  /** Indices of the classes, ascending. */
  of(group: Group, families: ReadonlySet<Family>): number[] {
    const found = new Set<number>();
    for (const place of group.places) if (families.has(place.family)) found.add(this.places.get(place) ?? -1);
    for (const zone of ["host", "world"] as const)
      for (const family of FAMILIES.filter((one) => families.has(one))) {
        const list = this.pieces.get(`${zone} ${family}`) ?? [];
        const ranges = rangesOf(group[zone], family);
        for (let i = 0; i < ranges.length; i += 2) {
          const range = [ranges[i] as number | bigint, ranges[i + 1] as number | bigint];
          const [low, high] = range as [number, number];
          for (let at = lastUpTo(list, low); at < list.length; at++) {
            const [piece, index] = list[at] as Kept;
            if (first(piece) > high) break;
            if (overlaps(piece.ranges, range)) found.add(index);
          }
        }
      }
    found.delete(-1);
    return [...found].sort((a, b) => a - b);
  }
}

const first = ({ ranges }: Piece): number | bigint => ranges[0] as number | bigint;

/** Where the last piece is that begins at a value or before it; the first piece where none does. */
function lastUpTo(list: readonly Kept[], value: number | bigint): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (first((list[middle] as Kept)[0]) <= value) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
