/** Statements over sets of addresses, cut into the intervals in which the same ones hold. */
import type { Family } from "../../net/address.js";
import type { Ranges } from "../../net/ranges.js";
import { domain, type Value } from "./lanes.js";

/** Intervals of the other side and the boxes that cover each; adjacent equal ones merged. */
export interface Cell<B> {
  readonly from: Value;
  to: Value;
  readonly boxes: readonly B[];
  /** Of the boxes, ascending. */
  readonly positions: readonly number[];
}

/** Cuts the address space at every boundary of the boxes; cells that no box covers are left out. */
export function cut<B extends { readonly other: Ranges<Value> }>(boxes: readonly B[], family: Family): Cell<B>[] {
  const { next, previous, max } = domain(family);
  // Boxes by their positions, so that those of a cell can be put in order without looking at all others.
  const starts = new Map<Value, number[]>();
  const ends = new Map<Value, number[]>();
  const push = (map: Map<Value, number[]>, at: Value, position: number): void => {
    const list = map.get(at);
    if (list === undefined) map.set(at, [position]);
    else list.push(position);
  };
  boxes.forEach(({ other }, position) => {
    for (let i = 0; i < other.length; i += 2) {
      push(starts, other[i] as Value, position);
      const end = other[i + 1] as Value;
      if (end !== max) push(ends, next(end), position);
    }
  });
  const points = [...new Set([...starts.keys(), ...ends.keys()])].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const active = new Set<number>();
  const cells: Cell<B>[] = [];
  points.forEach((point, i) => {
    for (const position of ends.get(point) ?? []) active.delete(position);
    for (const position of starts.get(point) ?? []) active.add(position);
    if (active.size === 0) return;
    const after = points[i + 1];
    const to = after === undefined ? max : previous(after);
    const last = cells[cells.length - 1];
    if (
      last !== undefined &&
      next(last.to) === point &&
      last.positions.length === active.size &&
      last.positions.every((position) => active.has(position))
    ) {
      last.to = to;
      return;
    }
    const positions = [...active].sort((a, b) => a - b);
    cells.push({ from: point, to, positions, boxes: positions.map((position) => boxes[position] as B) });
  });
  return cells;
}
