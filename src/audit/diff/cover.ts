/**
 * Covers cells of a three-dimensional grid with few boxes (products of a subset of each axis), exactly: every wanted cell
 * is in a box, and no box has a forbidden one. The fewest is an NP-hard question (minimum cover by bicliques); this is
 * the greedy answer over maximal boxes, which then drops what others cover.
 */

export const AXES = [0, 1, 2] as const;

/** Indices along each axis, ascending. Boxes may overlap. */
export type Box = readonly [readonly number[], readonly number[], readonly number[]];

export interface Grid {
  readonly size: readonly [number, number, number];
  /** Cells that no packet has: a box may hold them or not. */
  readonly free: (x: number, y: number, z: number) => boolean;
  readonly wanted: (x: number, y: number, z: number) => boolean;
}

type Cell = readonly [number, number, number];

const ORDERS: readonly (readonly [number, number, number])[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

/** As many cells are tried as the beginning of the next box. */
const SEEDS = 48;

export function cover(grid: Grid): Box[] {
  const cells = wantedOf(grid);
  const key = ([x, y, z]: Cell): number => (x * grid.size[1] + y) * grid.size[2] + z;
  const left = new Map(cells.map((cell) => [key(cell), cell]));
  const boxes: Box[] = [];
  while (left.size > 0) {
    let best: Box | undefined;
    let most = 0;
    let seeds = 0;
    for (const cell of left.values()) {
      if (seeds++ === SEEDS) break;
      for (const order of ORDERS) {
        const box = grow(grid, cell, order);
        const gain = cellsOf(box).reduce((n, one) => n + (left.has(key(one)) ? 1 : 0), 0);
        if (gain > most) [best, most] = [box, gain];
      }
    }
    if (best === undefined) throw new Error("a cell that no box covers");
    boxes.push(best);
    for (const cell of cellsOf(best)) left.delete(key(cell));
  }
  return shrunk(grid, boxes, key);
}

function wantedOf({ size: [width, height, depth], wanted }: Grid): Cell[] {
  const out: Cell[] = [];
  for (let x = 0; x < width; x++)
    for (let y = 0; y < height; y++) for (let z = 0; z < depth; z++) if (wanted(x, y, z)) out.push([x, y, z]);
  return out;
}

/**
 * A cover in one pass, for grids too large to look for the fewest: rows along the last axis that want the same are
 * taken together along the second, then along the first. Its boxes don't overlap, and hold wanted cells only.
 */
export function coverByRows({ size: [width, height, depth], wanted }: Grid): Box[] {
  const columns = new Map<string, { xs: number[]; ys: readonly number[]; zs: readonly number[] }>();
  for (let x = 0; x < width; x++) {
    const rows = new Map<string, { ys: number[]; zs: readonly number[] }>();
    for (let y = 0; y < height; y++) {
      const zs: number[] = [];
      for (let z = 0; z < depth; z++) if (wanted(x, y, z)) zs.push(z);
      if (zs.length === 0) continue;
      const key = zs.join();
      const row = rows.get(key);
      if (row === undefined) rows.set(key, { ys: [y], zs });
      else row.ys.push(y);
    }
    for (const [key, { ys, zs }] of rows) {
      const column = columns.get(`${ys.join()} ${key}`);
      if (column === undefined) columns.set(`${ys.join()} ${key}`, { xs: [x], ys, zs });
      else column.xs.push(x);
    }
  }
  return [...columns.values()].map(({ xs, ys, zs }): Box => [xs, ys, zs]);
}

/** The largest box around a cell that takes what it can along one axis, then the next, then the last. */
function grow(grid: Grid, cell: Cell, order: readonly number[]): Box {
  const box: [number[], number[], number[]] = [[cell[0]], [cell[1]], [cell[2]]];
  for (const axis of order) box[axis as 0 | 1 | 2] = extent(grid, box, axis as 0 | 1 | 2);
  return box;
}

/** All indices along an axis with which a box holds no forbidden cell. */
export function extent(grid: Grid, box: Box, axis: 0 | 1 | 2): number[] {
  const out: number[] = [];
  for (let i = 0; i < grid.size[axis]; i++) if (fits(grid, along(box, axis, i))) out.push(i);
  return out;
}

/** The indices along an axis with which a box holds a wanted cell. */
export function busy(grid: Grid, box: Box, axis: 0 | 1 | 2): number[] {
  return box[axis].filter((i) => cellsOf(along(box, axis, i)).some(([x, y, z]) => grid.wanted(x, y, z)));
}

function along(box: Box, axis: number, index: number): Box {
  return box.map((list, i) => (i === axis ? [index] : list)) as unknown as Box;
}

function fits(grid: Grid, [xs, ys, zs]: Box): boolean {
  for (const x of xs)
    for (const y of ys) for (const z of zs) if (!grid.wanted(x, y, z) && !grid.free(x, y, z)) return false;
  return true;
}

export function cellsOf([xs, ys, zs]: Box): Cell[] {
  const out: Cell[] = [];
  for (const x of xs) for (const y of ys) for (const z of zs) out.push([x, y, z]);
  return out;
}

/** The boxes without what others cover: those that are left with nothing go. */
function shrunk(grid: Grid, boxes: readonly Box[], key: (cell: Cell) => number): Box[] {
  const counts = new Map<number, number>();
  const wanted = (box: Box): number[] =>
    cellsOf(box)
      .filter(([x, y, z]) => grid.wanted(x, y, z))
      .map(key);
  for (const box of boxes) for (const cell of wanted(box)) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  const idle = (cells: readonly number[]): boolean => cells.every((cell) => (counts.get(cell) ?? 0) > 1);
  const forget = (cells: readonly number[]): void =>
    cells.forEach((cell) => counts.set(cell, (counts.get(cell) ?? 0) - 1));
  // The last are the smallest: they give way to the first.
  const kept = boxes.toReversed().flatMap((whole) => {
    let box = whole;
    for (const axis of AXES)
      for (const i of box[axis]) {
        const cells = wanted(along(box, axis, i));
        if (!idle(cells)) continue;
        forget(cells);
        box = box.map((list, at) => (at === axis ? list.filter((one) => one !== i) : list)) as unknown as Box;
      }
    return box.every((list) => list.length > 0) ? [box] : [];
  });
  return kept.reverse();
}
