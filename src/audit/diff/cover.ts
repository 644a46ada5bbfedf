/**
 * Covers the cells of one kind of change with few boxes (products of a subset of each axis), exactly: every wanted cell
 * is in a box, and no box has a forbidden one. The fewest is an NP-hard question (minimum cover by bicliques); this is
 * the greedy answer over maximal boxes, which then drops what others cover.
 */
import { AXES, type Axis, type Box, type Cells } from "./cells.js";

const ORDERS: readonly (readonly [Axis, Axis, Axis])[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

/** As many cells are tried as the beginning of the next box. */
const SEEDS = 48;
export interface Limits {
  /** Above this many cells the fewest boxes aren't looked for. */
  readonly large: number;
  /** Nor any longer after as many cells were looked at: the rest is covered by rows. */
  readonly patience: number;
}

const LIMITS: Limits = { large: 1_000_000, patience: 30_000_000 };

export interface Cover {
  readonly boxes: readonly Box[];
  /** Boxes that were taken as they came, since the fewest would take too long. */
  readonly rows: readonly Box[];
}

/** Boxes may overlap; rows don't. Every index of a box has a wanted cell in it. */
export function cover(cells: Cells, { large, patience }: Limits = LIMITS): Cover {
  if (cells.count > large)
    return {
      boxes: [],
      rows: byRows(
        cells,
        cells.clusters.map(({ box }) => box),
      ),
    };
  const all = cells.all();
  const growth = new Growth(cells);
  const left = new Map(all);
  const boxes: Box[] = [];
  /** Of a cell, the boxes that begin there; of a box, what it would gain. */
  const grown = new Map<number, readonly Candidate[]>();
  const candidates = new Map<string, Candidate>();
  const having = new Map<number, Candidate[]>();
  const begin = (key: number): readonly Candidate[] => {
    const out = new Set<Candidate>();
    for (const order of ORDERS) {
      const box = growth.grow(cells.at(key), order);
      const name = box.join("/");
      let one = candidates.get(name);
      if (one === undefined) {
        one = { box, gain: 0 };
        candidates.set(name, one);
        for (const cell of growth.wantedOf(box)) {
          const weight = left.get(cell);
          if (weight === undefined) continue;
          one.gain += weight;
          const list = having.get(cell);
          if (list === undefined) having.set(cell, [one]);
          else list.push(one);
        }
      }
      out.add(one);
    }
    return [...out];
  };
  const window: number[] = [];
  const rest = all.keys();
  for (;;) {
    const stay = window.filter((key) => left.has(key));
    window.splice(0, window.length, ...stay);
    while (window.length < SEEDS) {
      const { value, done } = rest.next();
      if (done === true) break;
      if (left.has(value)) window.push(value);
    }
    if (window.length === 0) break;
    let best: Candidate | undefined;
    for (const key of window) {
      let some = grown.get(key);
      if (some === undefined) {
        if (growth.steps > patience) continue;
        grown.set(key, (some = begin(key)));
      }
      for (const one of some) if (best === undefined || one.gain > best.gain) best = one;
    }
    if (best === undefined) break;
    boxes.push(best.box);
    for (const cell of growth.wantedOf(best.box)) {
      const weight = left.get(cell);
      if (weight === undefined) continue;
      left.delete(cell);
      grown.delete(cell);
      for (const one of having.get(cell) ?? []) one.gain -= weight;
      having.delete(cell);
    }
  }
  return {
    boxes: shrunk(growth, boxes).map((box) => growth.trimmed(box)),
    rows: byRows(
      cells,
      [...left.keys()].map((key) => single(cells.at(key))),
    ),
  };
}

interface Candidate {
  readonly box: Box;
  /** How many cells it has that no box has yet. */
  gain: number;
}

const single = ([x, y, z]: readonly [number, number, number]): Box => [[x], [y], [z]];

/** Finds the largest boxes around cells, by the wanted cells next to them. */
class Growth {
  /** How many cells were looked at. */
  steps = 0;
  private readonly cells: Cells;
  /** Along each axis, by the key of the first cell that there could be: the indices that are wanted. */
  private readonly lines: readonly Map<number, number[]>[] = AXES.map(() => new Map<number, number[]>());
  private readonly counts: readonly Uint32Array[];

  constructor(cells: Cells) {
    this.cells = cells;
    this.counts = cells.size.map((size) => new Uint32Array(size));
    for (const key of cells.all().keys()) {
      const cell = cells.at(key);
      for (const axis of AXES) {
        const line = this.lineOf(cell, axis);
        const list = this.lines[axis]?.get(line);
        if (list === undefined) this.lines[axis]?.set(line, [cell[axis]]);
        else list.push(cell[axis]);
      }
    }
  }

  private lineOf([x, y, z]: readonly [number, number, number], axis: Axis): number {
    return this.cells.key(axis === 0 ? 0 : x, axis === 1 ? 0 : y, axis === 2 ? 0 : z);
  }

  /** The largest box around a cell that takes what it can along one axis, then the next, then the last. */
  grow(cell: readonly [number, number, number], order: readonly Axis[]): Box {
    let box = single(cell);
    for (const axis of order) {
      const list = this.extent(box, axis);
      box = AXES.map((i) => (i === axis ? list : box[i])) as unknown as Box;
    }
    return this.trimmed(box);
  }

  /** Without what no wanted cell of the box has. */
  trimmed(box: Box): Box {
    return AXES.map((axis) => this.busy(box, axis)) as unknown as Box;
  }

  /** All indices along an axis that have a wanted cell with a box, and none that is forbidden. */
  private extent(box: Box, axis: Axis): readonly number[] {
    const counts = this.counts[axis] as Uint32Array;
    counts.fill(0);
    const some: number[] = [];
    let lines = 0;
    const [xs, ys, zs] = AXES.map((i) => (i === axis ? [0] : box[i])) as [number[], number[], number[]];
    for (const x of xs)
      for (const y of ys) {
        if (axis === 2 && this.cells.isEmpty(x, y)) continue;
        for (const z of zs) {
          lines++;
          const list = this.lines[axis]?.get(this.cells.key(x, y, z)) ?? [];
          this.steps += list.length + 1;
          for (const i of list) if ((counts[i] = (counts[i] as number) + 1) === 1) some.push(i);
        }
      }
    const fits = (i: number): boolean => {
      const missing = lines - (counts[i] as number);
      if (missing === 0 || axis === 2) return missing === 0;
      const [across, depth] = [axis === 0 ? ys : xs, zs.length];
      // A pair without packets lacks a whole row.
      if (missing % depth !== 0) return false;
      let [empty, others] = [missing / depth, across.length - missing / depth];
      for (const j of across) {
        this.steps++;
        if (axis === 0 ? this.cells.isEmpty(i, j) : this.cells.isEmpty(j, i)) empty--;
        else others--;
        if (empty === 0 || others < 0) break;
      }
      return empty === 0;
    };
    return some.filter(fits).sort((a, b) => a - b);
  }

  /** The indices along an axis with which a box holds a wanted cell. */
  private busy(box: Box, axis: Axis): readonly number[] {
    if (box[axis].length === 1) return box[axis];
    return box[axis].filter((i) => {
      const [xs, ys, zs] = along(box, axis, i);
      return xs.some((x) => ys.some((y) => zs.some((z) => this.cells.has(x, y, z))));
    });
  }

  /** The keys of a box's wanted cells. */
  wantedOf([xs, ys, zs]: Box): number[] {
    const all = this.cells.all();
    this.steps += xs.length * ys.length * zs.length;
    const out: number[] = [];
    for (const x of xs)
      for (const y of ys)
        for (const z of zs) {
          const key = this.cells.key(x, y, z);
          if (all.has(key)) out.push(key);
        }
    return out;
  }
}

function along(box: Box, axis: Axis, index: number): Box {
  return AXES.map((i) => (i === axis ? [index] : box[i])) as unknown as Box;
}

/**
 * A cover in one pass, for grids too large to look for the fewest: rows along the last axis that want the same are
 * taken together along the second, then along the first. Its boxes don't overlap, and hold wanted cells only.
 */
function byRows({ size: [, height, depth] }: Cells, parts: readonly Box[]): Box[] {
  const rows = new Map<number, Set<number>>();
  for (const [xs, ys, zs] of parts)
    for (const x of xs)
      for (const y of ys) {
        let row = rows.get(x * height + y);
        if (row === undefined) rows.set(x * height + y, (row = new Set()));
        for (const z of zs) row.add(z);
      }
  const walls = new Map<number, Map<string, { ys: number[]; zs: readonly number[] }>>();
  for (const at of Float64Array.from(rows.keys()).sort()) {
    const x = Math.floor(at / height);
    const zs = rows.get(at)?.size === depth ? undefined : [...(rows.get(at) ?? [])].sort((a, b) => a - b);
    const key = zs?.join() ?? "all";
    const wall = walls.get(x) ?? new Map<string, { ys: number[]; zs: readonly number[] }>();
    walls.set(x, wall);
    const known = wall.get(key);
    if (known === undefined) wall.set(key, { ys: [at % height], zs: zs ?? Array.from({ length: depth }, (_, z) => z) });
    else known.ys.push(at % height);
  }
  const boxes = new Map<string, { xs: number[]; ys: readonly number[]; zs: readonly number[] }>();
  for (const [x, wall] of walls)
    for (const [key, { ys, zs }] of wall) {
      const name = `${ys.join()} ${key}`;
      const known = boxes.get(name);
      if (known === undefined) boxes.set(name, { xs: [x], ys, zs });
      else known.xs.push(x);
    }
  return [...boxes.values()].map(({ xs, ys, zs }): Box => [xs, ys, zs]);
}

/** The boxes without what others cover: those that are left with nothing go. */
function shrunk(growth: Growth, boxes: readonly Box[]): Box[] {
  const counts = new Map<number, number>();
  for (const box of boxes) for (const cell of growth.wantedOf(box)) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  const idle = (cells: readonly number[]): boolean => cells.every((cell) => (counts.get(cell) ?? 0) > 1);
  const forget = (cells: readonly number[]): void =>
    cells.forEach((cell) => counts.set(cell, (counts.get(cell) ?? 0) - 1));
  // The last are the smallest: they give way to the first.
  const kept = boxes.toReversed().flatMap((whole) => {
    let box = whole;
    for (const axis of AXES)
      for (const i of box[axis]) {
        const cells = growth.wantedOf(along(box, axis, i));
        if (!idle(cells)) continue;
        forget(cells);
        box = AXES.map((at) => (at === axis ? box[at].filter((one) => one !== i) : box[at])) as unknown as Box;
      }
    return box.every((list) => list.length > 0) ? [box] : [];
  });
  return kept.reverse();
}
