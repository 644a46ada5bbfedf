/**
 * The difference of two policies in packets: exact, over the classes of packets that their statements tell apart. Pure.
 *
 * What is compared is what becomes of a packet as it is sent: whether it passes and, through a publish, where it
 * arrives. How it is masqueraded on its way doesn't matter.
 */
import { FAMILIES, type Family, formatAddress } from "../../net/address.js";
import type { End } from "../../ir/evaluate.js";
import { meets } from "../../ir/matcher.js";
import type { Container, Origin, Policy } from "../../ir/policy.js";
import { type Axes, axesOf, type Class } from "./axes.js";
import { type Box, busy, cellsOf, cover, extent, type Grid } from "./cover.js";
import { common, type Group, groupOf, inFamilies, isEmpty } from "./group.js";
import { type Names, namesOf } from "./names.js";
import { ABSENT, differs, isPossible, Meaning, type Outcome, passes, sameness, type Sent } from "./outcome.js";
import { relevant } from "./regions.js";
import type { Service } from "./services.js";
import { endWords, serviceWords, type Worded } from "./words.js";

/** What becomes of all packets of a box, in one of the policies. */
export interface Side {
  readonly verdict: Outcome["verdict"];
  /** Through a publish: container, and port less the host's port. */
  readonly leads: readonly { readonly container: string; readonly offset: number; readonly verdict: string }[];
  /** Every statement and default that decides some packet of the box. */
  readonly by: readonly Origin[];
  readonly defaults: readonly string[];
}

/** Packets whose verdict changes alike. */
export interface Change {
  readonly source: string;
  readonly destination: string;
  /** Undefined: every service. */
  readonly service: string | undefined;
  /** Where it holds in one family only, though the words mean ends of both. */
  readonly family: Family | undefined;
  readonly before: Side;
  readonly after: Side;
  readonly example: {
    readonly sent: Sent;
    readonly ends: readonly (readonly [source: End, destination: End] | undefined)[];
  };
  /** The very packets, for who needs more than words. A packet of both families, or of one end twice, isn't meant. */
  readonly extent: { readonly sources: Group; readonly destinations: Group; readonly services: readonly Service[] };
}

export interface Difference {
  readonly changes: readonly Change[];
  /** Containers that one policy has and the other hasn't; whose addresses are others. */
  readonly added: readonly Container[];
  readonly removed: readonly Container[];
  readonly moved: readonly (readonly [before: Container, after: Container])[];
}

export function isSame({ changes, added, removed, moved }: Difference): boolean {
  return changes.length + added.length + removed.length + moved.length === 0;
}

export function diff(before: Policy, after: Policy): Difference {
  const matter = relevant(before, after);
  const rest = containers(before, after);
  if (matter.regions.length === 0) return { changes: [], ...rest };
  // Most statements speak of both families at once; where a published port has only one, they are told apart.
  for (const split of [{}, { destinations: true }, { sources: true, destinations: true }]) {
    const changes = new Comparison(before, after, axesOf([before, after], matter, split)).changes();
    if (changes !== undefined) return { changes, ...rest };
  }
  throw new Error("two packets of one class fare differently");
}

function containers(before: Policy, after: Policy): Omit<Difference, "changes"> {
  const old = new Map(before.containers.map((one) => [one.name, one]));
  const now = new Map(after.containers.map((one) => [one.name, one]));
  const addresses = ({ endpoints }: Container): string =>
    endpoints.map((one) => `${one.network} ${one.addresses.map(formatAddress).join()}`).join(";");
  return {
    added: after.containers.filter(({ name }) => !old.has(name)),
    removed: before.containers.filter(({ name }) => !now.has(name)),
    moved: after.containers.flatMap((one) => {
      const was = old.get(one.name);
      return was === undefined || addresses(was) === addresses(one) ? [] : [[was, one] as const];
    }),
  };
}

/** Cells: 0 is no change, -1 no packet, and every other number a kind of change. */
class Comparison {
  private readonly axes: Axes;
  private readonly meanings: readonly Meaning[];
  private readonly names: Names;
  private readonly kinds = new Map<string, number>();
  private readonly cells: Int32Array;
  private readonly size: readonly [number, number, number];

  constructor(before: Policy, after: Policy, axes: Axes) {
    this.axes = axes;
    this.meanings = [before, after].map(
      (policy, i) => new Meaning(policy, axes.matchers[i] as Axes["matchers"][number]),
    );
    this.names = namesOf(before, after, axes);
    this.size = [axes.sources.length, axes.destinations.length, axes.services.length];
    this.cells = new Int32Array(this.size[0] * this.size[1] * this.size[2]);
  }

  /** Undefined where the families of a class don't fare alike. */
  changes(): Change[] | undefined {
    const found = this.compare();
    if (found === undefined) return undefined;
    const out: Change[] = [];
    for (const [kind, cells] of found) {
      const grid: Grid = {
        size: this.size,
        wanted: (x, y, z) => this.cells[this.at(x, y, z)] === kind,
        free: (x, y, z) => this.cells[this.at(x, y, z)] === -1,
      };
      for (const box of cover(grid, cells)) out.push(this.describe(grid, box));
    }
    // What opens comes first: it is what a reader must not miss.
    const rank = ({ before, after }: Change): number => (opens(before, after) ? 0 : opens(after, before) ? 2 : 1);
    return out.sort((a, b) => rank(a) - rank(b));
  }

  private at(x: number, y: number, z: number): number {
    return (x * this.size[1] + y) * this.size[2] + z;
  }

  /** Fills the cells; the changed ones by their kind. */
  private compare(): Map<number, [number, number, number][]> | undefined {
    const found = new Map<number, [number, number, number][]>();
    const { sources, destinations, services } = this.axes;
    for (const [x, source] of sources.entries())
      for (const [y, destination] of destinations.entries()) {
        const pairs = endsOf(source, destination);
        const local = destination.pieces[0]?.zone === "host";
        const touched = local || meets(source.regions, destination.regions);
        if (pairs.length > 0 && !touched) continue;
        for (const [z, service] of services.entries()) {
          const [kind = -1, ...others] = pairs.map((ends) => this.kindOf(this.outcomes(ends, service)));
          if (others.some((other) => other !== kind)) return undefined;
          this.cells[this.at(x, y, z)] = kind;
          if (kind <= 0) continue;
          const list = found.get(kind);
          if (list === undefined) found.set(kind, [[x, y, z]]);
          else list.push([x, y, z]);
        }
      }
    return found;
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
    let kind = this.kinds.get(key);
    if (kind === undefined) this.kinds.set(key, (kind = this.kinds.size + 1));
    return kind;
  }

  private describe(grid: Grid, whole: Box): Change {
    const box = trim(grid, whole);
    const { sources, destinations, services } = this.axes;
    const pick = <T>(list: readonly T[], indices: readonly number[]): T[] => indices.map((i) => list[i] as T);
    const [from, to, what] = [pick(sources, box[0]), pick(destinations, box[1]), pick(services, box[2])];
    const families = (classes: readonly Class[]): Set<Family> =>
      new Set(classes.flatMap(({ places, pieces }) => [...places, ...pieces].map(({ family }) => family)));
    const both = new Set([...families(from)].filter((family) => families(to).has(family)));
    // Words may mean more than the box as long as all of that changes alike, and each word all the more so the next.
    const wide: [number[], number[], number[]] = [[...box[0]], [...box[1]], [...box[2]]];
    const worded = (classes: readonly Class[], all: readonly Class[], axis: 0 | 1): Worded => {
      const may = groupOf(pick(all, extent(grid, wide, axis)));
      const words = endWords({ must: groupOf(classes), may }, both, this.names);
      wide[axis] = meant(all, words.group, both);
      return words;
    };
    const source = worded(from, sources, 0);
    const destination = worded(to, destinations, 1);
    const [only] = both;
    const other = only === 4 ? 6 : 4;
    // Where no container has the other family, nobody asks about it.
    const narrow =
      both.size === 1 &&
      this.axes.places.some(({ family }) => family === other) &&
      !this.holds(grid, source.group, destination.group, box[2], other);
    return {
      source: source.text,
      destination: destination.text,
      service: serviceWords({ must: what, may: pick(services, extent(grid, wide, 2)) }, services, this.names),
      family: narrow ? only : undefined,
      ...this.sides(grid, box),
      extent: { sources: groupOf(from), destinations: groupOf(to), services: what },
    };
  }

  /** Whether what the words of a box mean in a family changes like the box. */
  private holds(grid: Grid, from: Group, to: Group, services: readonly number[], family: Family): boolean {
    const families = new Set([family]);
    const [xs, ys] = [meant(this.axes.sources, from, families), meant(this.axes.destinations, to, families)];
    for (const x of xs)
      for (const y of ys) {
        const [source, destination] = [this.axes.sources[x] as Class, this.axes.destinations[y] as Class];
        if (endsIn(family, source, destination) === undefined) continue;
        if (!services.every((z) => grid.wanted(x, y, z))) return false;
      }
    return true;
  }

  /** What decides in the box, the example's first. */
  private sides(grid: Grid, box: Box): Pick<Change, "before" | "after" | "example"> {
    const by = [new Set<Origin>(), new Set<Origin>()] as const;
    const defaults = [new Set<string>(), new Set<string>()] as const;
    let example: { change: Change["example"]; outcomes: [Outcome, Outcome] } | undefined;
    for (const [x, y, z] of cellsOf(box)) {
      if (!grid.wanted(x, y, z)) continue;
      const service = this.axes.services[z] as Service;
      for (const ends of endsOf(this.axes.sources[x] as Class, this.axes.destinations[y] as Class)) {
        const outcomes = this.outcomes(ends, service);
        outcomes.forEach((outcome, i) => {
          for (const origin of outcome.by) by[i as 0 | 1].add(origin);
          for (const name of outcome.defaults) defaults[i as 0 | 1].add(name);
        });
        const [source, destination] = (ends[1] ?? ends[0]) as readonly [End, End];
        const { protocol, port } = service;
        example ??= { change: { sent: { source, destination, protocol, port }, ends }, outcomes };
      }
    }
    if (example === undefined) throw new Error("a box without a packet");
    const [before, after] = example.outcomes.map((outcome, i): Side => {
      const { verdict, ways } = outcome;
      return {
        verdict,
        leads: passes(outcome) ? ways : [],
        by: [...by[i as 0 | 1]],
        defaults: [...defaults[i as 0 | 1]],
      };
    });
    return { before: before as Side, after: after as Side, example: example.change };
  }
}

/** In each policy, undefined where it hasn't both. */
type Ends = readonly (readonly [End, End] | undefined)[];

/** Ends that stand for two classes, in each family; none where no packet is between them. */
function endsOf(source: Class, destination: Class): Ends[] {
  return FAMILIES.map((family) => endsIn(family, source, destination)).filter((ends) => ends !== undefined);
}

function endsIn(family: Family, source: Class, destination: Class): Ends | undefined {
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

/** Which classes have members in a group, in these families. */
function meant(classes: readonly Class[], group: Group, families: ReadonlySet<Family>): number[] {
  const inside = inFamilies(group, families);
  return classes.flatMap((one, i) => (isEmpty(common(groupOf([one]), inside)) ? [] : [i]));
}

/** Without what no wanted packet of the box has. */
function trim(grid: Grid, box: Box): Box {
  return [busy(grid, box, 0), busy(grid, box, 1), busy(grid, box, 2)];
}

const opens = (from: Side, to: Side): boolean => !open(from) && open(to);
const open = ({ verdict }: Side): boolean => verdict === "allow" || verdict === "mixed";
