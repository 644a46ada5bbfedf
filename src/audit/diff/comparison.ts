/** What becomes of every class of packets in two policies, cell by cell. */
import { FAMILIES, type Family } from "../../net/address.js";
import type { End } from "../../ir/evaluate.js";
import { both, meets } from "../../ir/matcher.js";
import type { Policy, Rule } from "../../ir/policy.js";
import type { Axes, Class } from "./axes.js";
import type { Grid } from "./cover.js";
import { ABSENT, differs, isPossible, Meaning, type Outcome, sameness } from "./outcome.js";
import type { Service } from "./services.js";

/** In each policy, undefined where it hasn't both. */
export type Ends = readonly (readonly [source: End, destination: End] | undefined)[];

/** Services of a pair of classes that fare alike, in one family. */
export interface Part {
  readonly ends: Ends;
  /** Indices. */
  readonly services: readonly number[];
  readonly outcomes: readonly [Outcome, Outcome];
}

/** Above this many cells the fewest boxes aren't looked for. */
const LARGE = 4_000_000;

/** Cells: 0 is no change, -1 no packet, and every other number a kind of change. */
export class Comparison {
  private readonly axes: Axes;
  private readonly meanings: readonly Meaning[];
  private readonly known = new Map<string, number>();
  private readonly cells: Int32Array;
  private readonly size: readonly [number, number, number];
  /** Indices of all services: what most pairs have, whose rules tell none apart. */
  private readonly every: readonly number[];
  /** The services that each rule tells from others; none where it covers all. */
  private readonly told = new Map<Rule, readonly number[]>();

  constructor(before: Policy, after: Policy, axes: Axes) {
    this.axes = axes;
    this.meanings = [before, after].map(
      (policy, i) => new Meaning(policy, axes.matchers[i] as Axes["matchers"][number]),
    );
    this.every = [...axes.services.keys()];
    this.size = [axes.sources.length, axes.destinations.length, axes.services.length];
    this.cells = new Int32Array(this.size[0] * this.size[1] * this.size[2]);
    for (const matcher of axes.matchers) {
      const lists = new Map<Rule, number[]>(matcher.rules.map((rule) => [rule, []]));
      axes.services.forEach(({ protocol, port }, z) => {
        for (const rule of matcher.pick(matcher.service(protocol, port))) lists.get(rule)?.push(z);
      });
      for (const [rule, list] of lists) this.told.set(rule, list.length === axes.services.length ? [] : list);
    }
  }

  /** How many kinds of change there are: numbered from 1. */
  get kinds(): number {
    return this.known.size;
  }

  get isLarge(): boolean {
    return this.cells.length > LARGE;
  }

  grid(kind: number): Grid {
    const [, height, depth] = this.size;
    const at = (x: number, y: number, z: number): number => this.cells[(x * height + y) * depth + z] as number;
    return { size: this.size, wanted: (x, y, z) => at(x, y, z) === kind, free: (x, y, z) => at(x, y, z) === -1 };
  }

  /** False where two packets of one class fare differently, for being of different families. */
  fill(): boolean {
    const [, height, depth] = this.size;
    for (const [x, source] of this.axes.sources.entries())
      for (const [y, destination] of this.axes.destinations.entries()) {
        const at = (x * height + y) * depth;
        const families = FAMILIES.filter((family) => endsIn(family, source, destination) !== undefined);
        if (families.length === 0) this.cells.fill(-1, at, at + depth);
        else if (destination.pieces[0]?.zone === "host" || meets(source.regions, destination.regions)) {
          const row = this.cells.subarray(at, at + depth).fill(-1);
          for (const { services, outcomes } of this.parts(x, y)) {
            const kind = this.kindOf(outcomes);
            for (const z of services) {
              if (row[z] !== -1 && row[z] !== kind) return false;
              row[z] = kind;
            }
          }
        }
      }
    return true;
  }

  /** All services of a pair of classes, in each family that it has packets of. */
  parts(x: number, y: number): Part[] {
    const { sources, destinations, services, translated, matchers } = this.axes;
    const [source, destination] = [sources[x] as Class, destinations[y] as Class];
    return FAMILIES.flatMap((family) => {
      const ends = endsIn(family, source, destination);
      if (ends === undefined) return [];
      // All services that no rule of the pair and no publish tells apart fare alike.
      const apart = new Set(destination.pieces[0]?.zone === "host" ? translated : []);
      ends.forEach((pair, i) => {
        const matcher = matchers[i];
        if (pair === undefined || matcher === undefined) return;
        for (const rule of matcher.pick(both(matcher.from(pair[0]), matcher.to(pair[1]))))
          for (const z of this.told.get(rule) ?? []) apart.add(z);
      });
      const alike = apart.size === 0 ? this.every : this.every.filter((z) => !apart.has(z));
      return [...(alike.length === 0 ? [] : [alike]), ...[...apart].map((z) => [z])].map((list): Part => {
        const outcomes = this.outcomes(ends, services[list[0] as number] as Service);
        return { ends, services: list, outcomes };
      });
    });
  }

  private outcomes(ends: Ends, { protocol, port }: Service): [Outcome, Outcome] {
    return this.meanings.map((meaning, i) => {
      const pair = ends[i];
      return pair === undefined ? ABSENT : meaning.of({ source: pair[0], destination: pair[1], protocol, port });
    }) as [Outcome, Outcome];
  }

  private kindOf([before, after]: readonly [Outcome, Outcome]): number {
    if (!differs(before, after)) return 0;
    const key = `${sameness(before)} > ${sameness(after)}`;
    let kind = this.known.get(key);
    if (kind === undefined) this.known.set(key, (kind = this.known.size + 1));
    return kind;
  }
}

/** Ends that stand for two classes in a family; undefined where no packet is between them. */
export function endsIn(family: Family, source: Class, destination: Class): Ends | undefined {
  const of = (one: { readonly family: Family }): boolean => one.family === family;
  const [from, to] = [source.pieces.find(of)?.end, destination.pieces.find(of)?.end];
  for (const one of source.places.length > 0 ? source.places.filter(of) : [undefined])
    for (const other of destination.places.length > 0 ? destination.places.filter(of) : [undefined]) {
      // What a container says to itself stays in its sandbox.
      if (one !== undefined && one.container === other?.container) continue;
      const ends = [0, 1].map((i) => {
        const pair = [one?.in[i]?.end ?? from, other?.in[i]?.end ?? to] as const;
        return pair[0] === undefined || pair[1] === undefined ? undefined : ([pair[0], pair[1]] as const);
      });
      const some = ends[1] ?? ends[0];
      if (some === undefined || !isPossible({ source: some[0], destination: some[1] })) return undefined;
      return ends;
    }
  return undefined;
}
