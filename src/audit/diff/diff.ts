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
import { type Block, Comparison } from "./comparison.js";
import { type Axis, type Box, Cells, type Cluster } from "./cells.js";
import { cover } from "./cover.js";
import { type Group, isEmpty } from "./group.js";
import { Groups } from "./groups.js";
import { Members } from "./members.js";
import { endsIn } from "./line.js";
import { type Names, namesOf } from "./names.js";
import { type Outcome, passes, type Sent } from "./outcome.js";
import { relevant } from "./regions.js";
import { Room } from "./room.js";
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

/** Words, and which classes have members in what they mean. */
interface Said {
  readonly words: Worded;
  readonly meant: readonly number[];
}

/** What changes, in words. */
class Report {
  private readonly axes: Axes;
  private readonly names: Names;
  private readonly comparison: Comparison;
  private readonly members: readonly [Members, Members];
  private readonly groups: readonly [Groups, Groups];
  private readonly said = new WeakMap<Group, WeakMap<Group, Map<string, Said>>>();

  constructor(before: Policy, after: Policy, axes: Axes) {
    this.axes = axes;
    this.names = namesOf(before, after, axes);
    this.comparison = new Comparison(before, after, axes);
    this.groups = [new Groups(axes.sources), new Groups(axes.destinations)];
    this.members = [new Members(axes.sources), new Members(axes.destinations)];
  }

  /** Undefined where the families of a class don't fare alike. */
  changes(): Change[] | undefined {
    const out: Change[] = [];
    const kinds = this.comparison.changes();
    if (kinds === undefined) return undefined;
    for (const blocks of kinds) {
      const cells = new Cells(this.comparison, blocks);
      const room = new Room(this.comparison, cells);
      const clusters = clustersBySource(cells);
      const { boxes, rows } = cover(cells);
      for (const box of boxes) out.push(this.describe(cells, clusters, box, room));
      for (const box of rows) out.push(this.describe(cells, clusters, box, undefined));
    }
    // What opens comes first: it is what a reader must not miss.
    const rank = ({ before, after }: Change): number => (opens(before, after) ? 0 : opens(after, before) ? 2 : 1);
    return out.sort((a, b) => rank(a) - rank(b));
  }

  /** @param room where the words may mean more than the box, as long as all of it changes alike */
  private describe(cells: Cells, clusters: readonly (readonly Cluster[])[], box: Box, room: Room | undefined): Change {
    const { services } = this.axes;
    const pick = <T>(list: readonly T[], indices: readonly number[]): T[] => indices.map((i) => list[i] as T);
    const own = cells.expanded(box);
    const [from, to, what] = [this.groups[0].of(own[0]), this.groups[1].of(own[1]), pick(services, own[2])];
    const both = new Set([...from.families].filter((family) => to.families.has(family)));
    // Words may mean more than the box as long as all of that changes alike, and each word all the more so the next.
    const wide: [readonly number[], readonly number[], readonly number[]] = [...own];
    const worded = (own: Group, other: Group, axis: 0 | 1): Worded => {
      const must = withoutAlone(own, other);
      const may = room === undefined ? must : this.groups[axis].of(room.along(axis, wide, both)).group;
      const { words, meant } = this.say(must, may, both, axis);
      if (room !== undefined) wide[axis] = meant;
      return words;
    };
    const source = worded(from.group, to.group, 0);
    const destination = worded(to.group, from.group, 1);
    const mayServe = room?.along(2, wide, both) ?? own[2];
    const [only] = both;
    const other = only === 4 ? 6 : 4;
    const narrow = both.size === 1 && !this.holds(cells, source.group, destination.group, mayServe, other);
    return {
      source: source.text,
      destination: destination.text,
      service: serviceWords({ must: what, may: pick(services, mayServe) }, services, this.names),
      family: narrow ? only : undefined,
      ...this.sides(cells, clusters, box),
      extent: { sources: from.group, destinations: to.group, services: what },
    };
  }

  /** Known by the groups themselves: what is published is asked for by the same ends time and again. */
  private say(must: Group, may: Group, families: ReadonlySet<Family>, axis: 0 | 1): Said {
    let some = this.said.get(must);
    if (some === undefined) this.said.set(must, (some = new WeakMap()));
    let list = some.get(may);
    if (list === undefined) some.set(may, (list = new Map()));
    const key = `${axis} ${[...families].join()}`;
    let one = list.get(key);
    if (one === undefined) {
      const words = endWords({ must, may }, families, this.names);
      list.set(key, (one = { words, meant: this.members[axis].of(words.group, families) }));
    }
    return one;
  }

  /** Whether what the words of a box mean in a family changes like the box. */
  private holds(cells: Cells, from: Group, to: Group, services: readonly number[], family: Family): boolean {
    const families = new Set([family]);
    const [xs, ys] = [this.members[0].of(from, families), this.members[1].of(to, families)];
    const zs = services.map((z) => cells.indexOf(2, z));
    for (const x of xs)
      for (const y of ys) {
        const [source, destination] = [this.axes.sources[x] as Class, this.axes.destinations[y] as Class];
        if (endsIn(family, source, destination) === undefined) continue;
        const [i, j] = [cells.indexOf(0, x), cells.indexOf(1, y)];
        if (i === undefined || j === undefined) return false;
        if (!zs.every((z) => z !== undefined && cells.has(i, j, z))) return false;
      }
    return true;
  }

  /** What decides in the box, the example's first. */
  private sides(
    cells: Cells,
    clusters: readonly (readonly Cluster[])[],
    box: Box,
  ): Pick<Change, "before" | "after" | "example"> {
    const by = [new Set<Origin>(), new Set<Origin>()] as const;
    const defaults = [new Set<string>(), new Set<string>()] as const;
    const [xs, ys, zs] = box.map((list) => new Set(list)) as [Set<number>, Set<number>, Set<number>];
    const inside = (axis: Axis, set: ReadonlySet<number>) => (one: number) => set.has(cells.indexOf(axis, one) ?? -1);
    const met = new Set(box[0].flatMap((x) => clusters[x] ?? []));
    const blocks = [...met]
      .filter(({ box: [, ...rest] }) => rest[0].some((y) => ys.has(y)) && rest[1].some((z) => zs.has(z)))
      .flatMap((cluster) => cluster.blocks)
      .map((block) => {
        const [x, y] = [block.sources.find(inside(0, xs)), block.destinations.find(inside(1, ys))];
        return { block, x: x as number, y: y as number };
      })
      .sort((a, b) => a.x - b.x || a.y - b.y || a.block.family - b.block.family || a.block.rank - b.block.rank);
    for (const { block } of blocks)
      block.outcomes.forEach((outcome, i) => {
        for (const origin of outcome.by) by[i as 0 | 1].add(origin);
        for (const name of outcome.defaults) defaults[i as 0 | 1].add(name);
      });
    const [first] = blocks;
    if (first === undefined) throw new Error("a box without a packet");
    const [before, after] = first.block.outcomes.map((outcome, i): Side => {
      const { verdict, ways } = outcome;
      return {
        verdict,
        leads: passes(outcome) ? ways : [],
        by: [...by[i as 0 | 1]],
        defaults: [...defaults[i as 0 | 1]],
      };
    });
    const z = first.block.services.find(inside(2, zs)) as number;
    return { before: before as Side, after: after as Side, example: this.example(first.block, first.x, first.y, z) };
  }

  private example({ family }: Block, x: number, y: number, z: number): Change["example"] {
    const ends = endsIn(family, this.axes.sources[x] as Class, this.axes.destinations[y] as Class) ?? [];
    const [source, destination] = (ends[1] ?? ends[0]) as readonly [End, End];
    const { protocol, port } = this.axes.services[z] as Service;
    return { sent: { source, destination, protocol, port }, ends };
  }
}

/** Of each source of the cells, the clusters that it is in. */
function clustersBySource({ clusters, size }: Cells): Cluster[][] {
  const out = Array.from({ length: size[0] }, (): Cluster[] => []);
  for (const cluster of clusters) for (const x of cluster.box[0]) out[x]?.push(cluster);
  return out;
}

/** Without the container that has nobody but itself at the other end: that is no packet. */
function withoutAlone(group: Group, other: Group): Group {
  const names = new Set([...other.places].map(({ container }) => container));
  if (names.size !== 1 || !isEmpty({ ...other, places: new Set() })) return group;
  return { ...group, places: new Set([...group.places].filter(({ container }) => !names.has(container))) };
}

const opens = (from: Side, to: Side): boolean => !open(from) && open(to);
const open = ({ verdict }: Side): boolean => verdict === "allow" || verdict === "mixed";
