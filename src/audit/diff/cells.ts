/**
 * The cells of one kind of change, as a three-dimensional grid of which only these are kept. What the blocks don't tell
 * apart is one index of the grid: a thousand sources that a change opens to the same are one.
 */
import type { Block, Comparison } from "./comparison.js";

export type Axis = 0 | 1 | 2;
export const AXES: readonly Axis[] = [0, 1, 2];

/** Indices along each axis, ascending. */
export type Box = readonly [readonly number[], readonly number[], readonly number[]];

/** A product of groups, and the blocks that it was. */
export interface Cluster {
  readonly box: Box;
  readonly blocks: readonly Block[];
}

export class Cells {
  readonly clusters: readonly Cluster[];
  /** Of each axis, what its indices stand for: sources, destinations and services, ascending. */
  readonly groups: readonly (readonly (readonly number[])[])[];
  readonly size: readonly [number, number, number];
  private readonly comparison: Comparison;
  /** The other way round. */
  private readonly indices: readonly ReadonlyMap<number, number>[];
  private readonly wanted = new Map<number, number>();
  private readonly empty = new Map<number, boolean>();
  /** Of each axis, its indices that have a wanted cell, by those of the others. */
  private readonly lines: (ReadonlyMap<number, readonly number[]> | undefined)[] = [];

  constructor(comparison: Comparison, blocks: readonly Block[]) {
    this.comparison = comparison;
    let clusters: Cluster[] = blocks.map((block) => ({
      box: [block.sources, block.destinations, block.services],
      blocks: [block],
    }));
    let groups: readonly (readonly number[])[][] = AXES.map((axis) =>
      [...new Set(clusters.flatMap(({ box }) => box[axis]))].sort((a, b) => a - b).map((one) => [one]),
    );
    const lists = new Lists();
    const keys = emptiness(comparison, groups);
    clusters = AXES.reduce((all, axis) => {
      const ids = new Map((groups[axis] ?? []).map(([one], i) => [one as number, i]));
      return regrouped(all, axis, ids, lists);
    }, clusters);
    // What one axis no longer tells apart may let another do so, too.
    for (let before = Infinity; clusters.length < before;) {
      before = clusters.length;
      for (const axis of AXES) {
        const ids = merged(clusters, axis, groups[axis] ?? [], keys[axis], lists);
        const next: number[][] = [];
        for (const [old, id] of ids) (next[id] ??= []).push(...(groups[axis]?.[old] ?? []));
        groups = groups.map((own, i) => (i === axis ? next.map((list) => list.sort((a, b) => a - b)) : own));
        clusters = regrouped(clusters, axis, ids, lists);
      }
    }
    this.clusters = clusters;
    this.groups = groups;
    this.size = groups.map(({ length }) => length) as [number, number, number];
    this.indices = groups.map((own) => new Map(own.flatMap((list, i) => list.map((one) => [one, i] as const))));
  }

  /** How many cells the clusters have; those that several have count for each. */
  get count(): number {
    return this.clusters.reduce((sum, { box: [xs, ys, zs] }) => sum + xs.length * ys.length * zs.length, 0);
  }

  key(x: number, y: number, z: number): number {
    return (x * this.size[1] + y) * this.size[2] + z;
  }

  /** The keys of all wanted cells, each with how many it stands for; ascending. */
  all(): ReadonlyMap<number, number> {
    if (this.wanted.size === 0) {
      const keys = new Set<number>();
      for (const { box } of this.clusters)
        for (const x of box[0]) for (const y of box[1]) for (const z of box[2]) keys.add(this.key(x, y, z));
      const weight = (axis: Axis, i: number): number => this.groups[axis]?.[i]?.length ?? 0;
      for (const key of Float64Array.from(keys).sort()) {
        const [x, y, z] = this.at(key);
        this.wanted.set(key, weight(0, x) * weight(1, y) * weight(2, z));
      }
    }
    return this.wanted;
  }

  has(x: number, y: number, z: number): boolean {
    return this.all().has(this.key(x, y, z));
  }

  /** The indices along an axis that have a wanted cell with these of the two others, ascending. */
  along(axis: Axis, one: number, other: number): readonly number[] {
    const lines = (this.lines[axis] ??= this.collected(axis));
    return lines.get(one * this.size[axis === 2 ? 1 : 2] + other) ?? [];
  }

  private collected(axis: Axis): ReadonlyMap<number, readonly number[]> {
    const lines = new Map<number, number[]>();
    for (const key of this.all().keys()) {
      const cell = this.at(key);
      const [one, other] = AXES.filter((i) => i !== axis).map((i) => cell[i]) as [number, number];
      const line = one * this.size[axis === 2 ? 1 : 2] + other;
      const list = lines.get(line);
      if (list === undefined) lines.set(line, [cell[axis]]);
      else list.push(cell[axis]);
    }
    return lines;
  }

  at(key: number): [number, number, number] {
    const [, height, depth] = this.size;
    const row = Math.floor(key / depth);
    return [Math.floor(row / height), row % height, key % depth];
  }

  /** Whether no packet is between these: a box may hold such a cell or not. */
  isEmpty(x: number, y: number): boolean {
    const key = x * this.size[1] + y;
    let known = this.empty.get(key);
    if (known === undefined) {
      known = this.comparison.isEmpty(this.groups[0]?.[x]?.[0] as number, this.groups[1]?.[y]?.[0] as number);
      this.empty.set(key, known);
    }
    return known;
  }

  /** Where along an axis something is; undefined where it is in no wanted cell. */
  indexOf(axis: Axis, one: number): number | undefined {
    return this.indices[axis]?.get(one);
  }

  /** What a box stands for. */
  expanded(box: Box): Box {
    return AXES.map((axis) =>
      box[axis].flatMap((i) => this.groups[axis]?.[i] ?? []).sort((a, b) => a - b),
    ) as unknown as Box;
  }
}

/** Numbers for lists of indices, equal for equal ones. */
class Lists {
  private readonly numbers = new Map<string, number>();
  private readonly known = new WeakMap<readonly number[], number>();

  of(list: readonly number[]): number {
    let id = this.known.get(list);
    if (id !== undefined) return id;
    const text = list.join();
    id = this.numbers.get(text);
    if (id === undefined) this.numbers.set(text, (id = this.numbers.size));
    this.known.set(list, id);
    return id;
  }
}

/** What tells ends apart by whom they have no packets with, as far as this kind of change is concerned. */
function emptiness(
  { sources, destinations }: Comparison,
  [xs, ys]: readonly (readonly (readonly number[])[])[],
): readonly [(x: number) => string, (y: number) => string, (z: number) => string] {
  const lines = [sources, destinations];
  const names = [xs, ys].map((list, i) =>
    [0, 1].map((family) => new Set(list?.map(([one]) => lines[i]?.alone[one as number]?.[family as 0 | 1]))),
  );
  const keyOf = (axis: 0 | 1) => (one: number) => {
    const alone = lines[axis]?.alone[one]?.map((name, family) => (names[1 - axis]?.[family]?.has(name) ? name : ""));
    return `${lines[axis]?.natures[one]} ${alone?.join(" ")}`;
  };
  return [keyOf(0), keyOf(1), () => ""];
}

/** New numbers for the indices of an axis, one for those that the clusters don't tell apart. */
function merged(
  clusters: readonly Cluster[],
  axis: Axis,
  groups: readonly (readonly number[])[],
  keyOf: ((one: number) => string) | undefined,
  lists: Lists,
): Map<number, number> {
  const met = groups.map((): string[] => []);
  const [one, other] = AXES.filter((i) => i !== axis) as [Axis, Axis];
  for (const { box } of clusters) {
    const rest = `${lists.of(box[one])} ${lists.of(box[other])}`;
    for (const i of box[axis]) met[i]?.push(rest);
  }
  const found = new Map<string, number>();
  const ids = new Map<number, number>();
  met.forEach((rests, i) => {
    const key = `${keyOf?.(groups[i]?.[0] as number)}|${[...new Set(rests)].sort().join()}`;
    const id = found.get(key) ?? found.size;
    found.set(key, id);
    ids.set(i, id);
  });
  return ids;
}

/** Clusters in new numbers, those together that become equal. */
function regrouped(
  clusters: readonly Cluster[],
  axis: Axis,
  ids: ReadonlyMap<number, number>,
  lists: Lists,
): Cluster[] {
  const renamed = new Map<number, readonly number[]>();
  const found = new Map<string, { box: Box; blocks: Block[] }>();
  for (const { box, blocks } of clusters) {
    const old = lists.of(box[axis]);
    let list = renamed.get(old);
    if (list === undefined) {
      list = [...new Set(box[axis].map((i) => ids.get(i) as number))].sort((a, b) => a - b);
      renamed.set(old, list);
    }
    const now = AXES.map((i) => (i === axis ? list : box[i])) as unknown as Box;
    const key = now.map((one) => lists.of(one)).join();
    const known = found.get(key);
    if (known === undefined) found.set(key, { box: now, blocks: [...blocks] });
    else for (const block of blocks) known.blocks.push(block);
  }
  return [...found.values()];
}
