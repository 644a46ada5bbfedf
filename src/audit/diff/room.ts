/** How far a box could reach along an axis: what its words may mean beyond it, since all of that changes alike. */
import type { Family } from "../../net/address.js";
import type { Axis, Box, Cells } from "./cells.js";
import type { Comparison } from "./comparison.js";

/** Indices of one axis: as groups of the cells, and one of each sort that has no wanted cell. */
interface Reach {
  readonly groups: readonly number[];
  readonly idle: readonly number[];
}

/** Groups of the cells by whom they have packets with: the name of each group, and the groups of each name. */
interface Sorts {
  readonly names: readonly string[];
  readonly lists: ReadonlyMap<string, readonly number[]>;
}

function byName(list: readonly number[], name: (one: number) => string): ReadonlyMap<string, readonly number[]> {
  const lists = new Map<string, number[]>();
  for (const one of list) {
    const key = name(one);
    const known = lists.get(key);
    if (known === undefined) lists.set(key, [one]);
    else known.push(one);
  }
  return lists;
}

export class Room {
  private readonly cells: Cells;
  private readonly comparison: Comparison;
  /** Of sources and destinations, those without a wanted cell, by whom they have packets with. */
  private readonly idle: readonly ReadonlyMap<string, readonly number[]>[];
  /** Of sources and destinations with wanted cells the same. */
  private readonly sorts: readonly [Sorts, Sorts];

  constructor(comparison: Comparison, cells: Cells) {
    this.comparison = comparison;
    this.cells = cells;
    this.sorts = ([0, 1] as const).map((axis): Sorts => {
      const names = (cells.groups[axis] ?? []).map(([one = -1]) => this.sort(axis, one));
      return { names, lists: byName([...names.keys()], (group) => names[group] as string) };
    }) as [Sorts, Sorts];
    this.idle = ([0, 1] as const).map((axis) => {
      const without = [...this.line(axis).classes.keys()].filter((i) => cells.indexOf(axis, i) === undefined);
      return byName(without, (i) => this.sort(axis, i));
    });
  }

  private line(axis: 0 | 1): Comparison["sources"] {
    return axis === 0 ? this.comparison.sources : this.comparison.destinations;
  }

  private sort(axis: 0 | 1, i: number): string {
    const line = this.line(axis);
    return `${line.natures[i]} ${line.alone[i]?.join(" ")}`;
  }

  private reach(axis: Axis, list: readonly number[]): Reach {
    const groups = new Set<number>();
    const idle = new Map<string, number>();
    for (const i of list) {
      const group = this.cells.indexOf(axis, i);
      if (group !== undefined) groups.add(group);
      else idle.set(axis === 2 ? "" : this.sort(axis, i), i);
    }
    return { groups: [...groups], idle: [...idle.values()] };
  }

  /** All sources, destinations or services with which a box holds nothing that doesn't change like it. */
  along(axis: Axis, box: Box, families: ReadonlySet<Family>): readonly number[] {
    const [xs, ys, zs] = ([0, 1, 2] as const).map((i) => this.reach(i, box[i])) as [Reach, Reach, Reach];
    const membersOf = (group: number): readonly number[] => this.cells.groups[axis]?.[group] ?? [];
    if (axis === 2) {
      if (!this.isIdleEmpty(xs, ys)) return [];
      const pairs = xs.groups.flatMap((x) => ys.groups.map((y) => [x, y] as const));
      const some = pairs.filter(([x, y]) => !this.cells.isEmpty(x, y));
      const [first] = some;
      const near = first === undefined ? [...(this.cells.groups[2] ?? []).keys()] : this.cells.along(2, ...first);
      const wanted = near.filter((group) => some.every(([x, y]) => this.cells.has(x, y, group)));
      return wanted.flatMap(membersOf).sort((a, b) => a - b);
    }
    const across = axis === 0 ? ys : xs;
    const fits = (group: number): boolean => {
      const [one = -1] = this.cells.groups[axis]?.[group] ?? [];
      return (
        across.groups.every((other) => {
          const [x, y] = axis === 0 ? [group, other] : [other, group];
          if (this.cells.isEmpty(x, y)) return true;
          return zs.idle.length === 0 && zs.groups.every((z) => this.cells.has(x, y, z));
        }) && across.idle.every((other) => this.isEmpty(axis, one, other))
      );
    };
    const line = this.line(axis);
    const others = [...across.groups.map((i) => this.cells.groups[1 - axis]?.[i]?.[0] ?? -1), ...across.idle];
    const beyond = [...(this.idle[axis]?.values() ?? [])].filter(
      ([one = -1]) =>
        [...families].some((family) => line.has(one, family)) &&
        others.every((other) => this.isEmpty(axis, one, other)),
    );
    const near = this.near(axis, across.groups, zs).filter(fits).map(membersOf);
    return [...near, ...beyond].flat().sort((a, b) => a - b);
  }

  /** Those that may fit: of a sort that has packets with one of these, what has a wanted cell with the first such. */
  private near(axis: 0 | 1, across: readonly number[], zs: Reach): number[] {
    const [z] = zs.groups;
    const { names, lists } = this.sorts[axis];
    return [...lists].flatMap(([name, groups]) => {
      const other = across.find((one) => {
        const [x, y] = axis === 0 ? [groups[0] as number, one] : [one, groups[0] as number];
        return !this.cells.isEmpty(x, y);
      });
      if (other === undefined) return groups;
      if (z === undefined || zs.idle.length > 0) return [];
      return this.cells.along(axis, other, z).filter((group) => names[group] === name);
    });
  }

  private isEmpty(axis: 0 | 1, one: number, other: number): boolean {
    return axis === 0 ? this.comparison.isEmpty(one, other) : this.comparison.isEmpty(other, one);
  }

  /** Whether those without a wanted cell have no packets with the others of a box. */
  private isIdleEmpty(xs: Reach, ys: Reach): boolean {
    const first = (axis: 0 | 1, i: number): number => this.cells.groups[axis]?.[i]?.[0] ?? -1;
    const [sources, destinations] = [
      [...xs.groups.map((i) => first(0, i)), ...xs.idle],
      [...ys.groups.map((i) => first(1, i)), ...ys.idle],
    ];
    return (
      xs.idle.every((x) => destinations.every((y) => this.comparison.isEmpty(x, y))) &&
      ys.idle.every((y) => sources.every((x) => this.comparison.isEmpty(x, y)))
    );
  }
}
