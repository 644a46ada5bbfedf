/**
 * The difference of two policies in packets: exact, over the classes of packets that their statements tell apart. Pure.
 *
 * What is compared is what becomes of a packet as it is sent: whether it passes and, through a publish, where it
 * arrives. How it is masqueraded on its way doesn't matter.
 */
import { type Family, formatAddress } from "../../net/address.js";
import type { End } from "../../ir/evaluate.js";
import type { Container, Origin, Policy } from "../../ir/policy.js";
import { type Axes, axesOf, type Class } from "./axes.js";
import { Comparison, endsIn } from "./comparison.js";
import { type Box, busy, cover, coverByRows, extent, type Grid } from "./cover.js";
import { common, type Group, groupOf, inFamilies, isEmpty } from "./group.js";
import { type Names, namesOf } from "./names.js";
import { type Outcome, passes, type Sent } from "./outcome.js";
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
    const changes = new Report(before, after, axesOf([before, after], matter, split)).changes();
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

/** What changes, in words. */
class Report {
  private readonly axes: Axes;
  private readonly names: Names;
  private readonly comparison: Comparison;

  constructor(before: Policy, after: Policy, axes: Axes) {
    this.axes = axes;
    this.names = namesOf(before, after, axes);
    this.comparison = new Comparison(before, after, axes);
  }

  /** Undefined where the families of a class don't fare alike. */
  changes(): Change[] | undefined {
    const { comparison } = this;
    if (!comparison.fill()) return undefined;
    const out: Change[] = [];
    for (let kind = 1; kind <= comparison.kinds; kind++) {
      const grid = comparison.grid(kind);
      if (comparison.isLarge) for (const box of coverByRows(grid)) out.push(this.describe(grid, box, false));
      else for (const box of cover(grid)) out.push(this.describe(grid, trim(grid, box), true));
    }
    // What opens comes first: it is what a reader must not miss.
    const rank = ({ before, after }: Change): number => (opens(before, after) ? 0 : opens(after, before) ? 2 : 1);
    return out.sort((a, b) => rank(a) - rank(b));
  }

  /** `loosely`: in words that may mean more, as long as all of it changes alike. */
  private describe(grid: Grid, box: Box, loosely: boolean): Change {
    const { sources, destinations, services } = this.axes;
    const pick = <T>(list: readonly T[], indices: readonly number[]): T[] => indices.map((i) => list[i] as T);
    const [from, to, what] = [pick(sources, box[0]), pick(destinations, box[1]), pick(services, box[2])];
    const families = (classes: readonly Class[]): Set<Family> =>
      new Set(classes.flatMap(({ places, pieces }) => [...places, ...pieces].map(({ family }) => family)));
    const both = new Set([...families(from)].filter((family) => families(to).has(family)));
    // Words may mean more than the box as long as all of that changes alike, and each word all the more so the next.
    const wide: [number[], number[], number[]] = [[...box[0]], [...box[1]], [...box[2]]];
    const worded = (classes: readonly Class[], all: readonly Class[], axis: 0 | 1): Worded => {
      const must = withoutAlone(groupOf(classes), groupOf(axis === 0 ? to : from));
      const may = groupOf(loosely ? pick(all, extent(grid, wide, axis)) : classes);
      const words = endWords({ must, may }, both, this.names);
      if (loosely) wide[axis] = meant(all, words.group, both);
      return words;
    };
    const source = worded(from, sources, 0);
    const destination = worded(to, destinations, 1);
    const mayServe = loosely ? extent(grid, wide, 2) : box[2];
    const [only] = both;
    const other = only === 4 ? 6 : 4;
    const narrow = both.size === 1 && !this.holds(grid, source.group, destination.group, mayServe, other);
    return {
      source: source.text,
      destination: destination.text,
      service: serviceWords({ must: what, may: pick(services, mayServe) }, services, this.names),
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
  private sides(grid: Grid, [xs, ys, zs]: Box): Pick<Change, "before" | "after" | "example"> {
    const by = [new Set<Origin>(), new Set<Origin>()] as const;
    const defaults = [new Set<string>(), new Set<string>()] as const;
    const wanted = new Set(zs);
    let example: { change: Change["example"]; outcomes: readonly [Outcome, Outcome] } | undefined;
    for (const x of xs)
      for (const y of ys)
        for (const { ends, services, outcomes } of this.comparison.parts(x, y)) {
          const z = services.find((one) => wanted.has(one) && grid.wanted(x, y, one));
          if (z === undefined) continue;
          outcomes.forEach((outcome, i) => {
            for (const origin of outcome.by) by[i as 0 | 1].add(origin);
            for (const name of outcome.defaults) defaults[i as 0 | 1].add(name);
          });
          const [source, destination] = (ends[1] ?? ends[0]) as readonly [End, End];
          const { protocol, port } = this.axes.services[z] as Service;
          example ??= { change: { sent: { source, destination, protocol, port }, ends }, outcomes };
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

/** Without the container that has nobody but itself at the other end: that is no packet. */
function withoutAlone(group: Group, other: Group): Group {
  const names = new Set([...other.places].map(({ container }) => container));
  if (names.size !== 1 || !isEmpty({ ...other, places: new Set() })) return group;
  return { ...group, places: new Set([...group.places].filter(({ container }) => !names.has(container))) };
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
