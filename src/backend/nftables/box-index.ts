/** A set's elements, arranged for looking boxes up: by what is fixed, then by sources, destinations and ports. */
import { allOf, both, indexSetOf, type IndexSet, places, sizeOf, without } from "../../net/index-set.js";
import { type Box, within } from "./box.js";
import type { Data, Key, Part, Set } from "./ruleset.js";
import type { Role, Universe, Value } from "./universe.js";

type Found = Data | true;
type EndRole = Extract<Role, { kind: "source" | "destination" }>;

/** An element: which sources and destinations it speaks of (undefined: all), and which ports. */
interface Hit {
  readonly sources: readonly number[] | undefined;
  readonly destinations: readonly number[] | undefined;
  readonly from: number;
  readonly to: number;
  readonly data: Found;
  readonly text: string;
}

/** Sources, or destinations, that the same elements speak of in the same way. */
interface Class {
  readonly ends: IndexSet;
  readonly hits: readonly Hit[];
  inner?: Classes;
}

/** No end is in two of them. */
interface Classes {
  readonly list: readonly Class[];
  /** The ends of all. */
  readonly ends: IndexSet;
  /** For boxes of few ends; undefined where the only class has every end. */
  readonly byEnd: ReadonlyMap<number, Class> | undefined;
}

interface Group {
  readonly hits: Hit[];
  classes?: Classes;
}

type Each = (part: Box, data: Found | undefined) => void;

export class SetIndex {
  private readonly universe: Universe;
  /** By the values of the constant keys. */
  private readonly exact = new Map<string, Group>();
  /** Elements with an interval among the constant keys. */
  private readonly ranged: { readonly parts: readonly Part[]; readonly group: Group }[] = [];
  private readonly constants: readonly number[];

  /** `finders` are kept for the other sets of the same universe. */
  constructor(
    set: Set,
    keys: readonly Key[],
    roles: readonly Role[],
    universe: Universe,
    finders: Map<string, Finder>,
  ) {
    this.universe = universe;
    const at = (kind: Role["kind"]): number[] => roles.flatMap((role, i) => (role.kind === kind ? [i] : []));
    this.constants = at("constant");
    const finder = (places: readonly number[]): Finder => {
      const name = places.map((i) => keys[i]).join(" . ");
      let known = finders.get(name);
      if (known === undefined) finders.set(name, (known = new Finder(places.map((i) => roles[i] as EndRole))));
      return known;
    };
    const [near, far] = [at("source"), at("destination")];
    const [nearFinder, farFinder] = [finder(near), finder(far)];
    const ports = at("port");
    for (const { key, data } of set.elements) {
      const sources = nearFinder.find(near.map((i) => key[i] as Part));
      const destinations = farFinder.find(far.map((i) => key[i] as Part));
      if (sources?.length === 0 || destinations?.length === 0) continue;
      let [from, to] = [0, 65535];
      for (const i of ports) {
        const part = key[i] as Part;
        from = Math.max(from, Number(typeof part === "object" ? part.from : part));
        to = Math.min(to, Number(typeof part === "object" ? part.to : part));
      }
      if (from > to) continue;
      const found = data ?? true;
      const hit: Hit = { sources, destinations, from, to, data: found, text: `${from}-${to} ${dataText(found)}` };
      this.groupFor(this.constants.map((i) => key[i] as Part)).hits.push(hit);
    }
  }

  private groupFor(parts: readonly Part[]): Group {
    if (parts.some((part) => typeof part === "object")) {
      const group: Group = { hits: [] };
      this.ranged.push({ parts, group });
      return group;
    }
    const name = parts.join(" ");
    let group = this.exact.get(name);
    if (group === undefined) this.exact.set(name, (group = { hits: [] }));
    return group;
  }

  /** Cuts a box into parts, each with what the set has for it. */
  look(box: Box, roles: readonly Role[], each: Each): void {
    const values = this.constants.map((i) => (roles[i] as Extract<Role, { kind: "constant" }>).value as Value | string);
    const groups = this.ranged.filter(({ parts }) => parts.every((part, i) => within(values[i] as Value, part)));
    const exact = this.exact.get(values.join(" "));
    const [first, second] = [...(exact === undefined ? [] : [exact]), ...groups.map(({ group }) => group)];
    if (first === undefined) return each(box, undefined);
    // Several elements with intervals that hold of these constants: they differ in the rest of their keys.
    const group =
      second === undefined
        ? first
        : { hits: [...(exact?.hits ?? []), ...groups.flatMap(({ group: { hits } }) => hits)] };
    group.classes ??= classify(group.hits, "sources", this.universe.sources.length);
    this.bySource(box, group.classes, each);
  }

  private bySource(box: Box, classes: Classes, each: Each): void {
    for (const one of candidates(classes, box.sources)) {
      const sources = both(box.sources, one.ends);
      if (sources === undefined) continue;
      one.inner ??= classify(one.hits, "destinations", this.universe.destinations.length);
      this.byDestination({ ...box, sources }, one.inner, each);
    }
    const rest = without(box.sources, classes.ends);
    if (rest !== undefined) each({ ...box, sources: rest }, undefined);
  }

  private byDestination(box: Box, classes: Classes, each: Each): void {
    for (const { ends, hits } of candidates(classes, box.destinations)) {
      const destinations = both(box.destinations, ends);
      if (destinations !== undefined) byPort({ ...box, destinations }, hits, each);
    }
    const rest = without(box.destinations, classes.ends);
    if (rest !== undefined) each({ ...box, destinations: rest }, undefined);
  }
}

/** The classes that may have some of the ends. */
function candidates({ list, byEnd }: Classes, ends: IndexSet): Iterable<Class> {
  if (byEnd === undefined || list.length <= sizeOf(ends)) return list;
  const found = new Set<Class>();
  for (const end of places(ends)) {
    const one = byEnd.get(end);
    if (one !== undefined) found.add(one);
  }
  return found;
}

function byPort(box: Box, hits: readonly Hit[], each: Each): void {
  let at = box.from;
  for (const { from, to, data } of hits) {
    const [lo, hi] = [Math.max(from, at), Math.min(to, box.to)];
    if (lo > hi) continue;
    if (lo > at) each({ ...box, from: at, to: lo - 1 }, undefined);
    each({ ...box, from: lo, to: hi }, data);
    at = hi + 1;
  }
  if (at <= box.to) each({ ...box, from: at, to: box.to }, undefined);
}

/** Puts the ends that the same elements speak of together. Those that none speaks of are in no class. */
function classify(hits: readonly Hit[], side: "sources" | "destinations", size: number): Classes {
  const other = side === "sources" ? "destinations" : undefined;
  if (hits.every((hit) => hit[side] === undefined))
    return { list: [{ ends: allOf(size), hits: sorted(hits) }], ends: allOf(size), byEnd: undefined };
  const byEnd = new Map<number, Hit[]>();
  const everywhere = hits.filter((hit) => hit[side] === undefined);
  for (const hit of hits)
    for (const end of hit[side] ?? []) {
      const list = byEnd.get(end);
      if (list === undefined) byEnd.set(end, [hit]);
      else list.push(hit);
    }
  const classes = new Map<string, { members: number[]; hits: readonly Hit[] }>();
  const put = (end: number, found: readonly Hit[]): void => {
    const name = found
      .map((hit) => (other === undefined ? hit.text : `${hit[other]?.join() ?? "all"} ${hit.text}`))
      .sort()
      .join(";");
    const known = classes.get(name);
    if (known === undefined) classes.set(name, { members: [end], hits: sorted(found) });
    else known.members.push(end);
  };
  for (const [end, found] of byEnd) put(end, [...found, ...everywhere]);
  if (everywhere.length > 0) for (let end = 0; end < size; end++) if (!byEnd.has(end)) put(end, everywhere);
  const classOf = new Map<number, Class>();
  const list = [...classes.values()].map(({ members, hits }): Class => {
    const one: Class = { ends: indexSetOf(members), hits };
    for (const end of members) classOf.set(end, one);
    return one;
  });
  return { list, ends: indexSetOf(classOf.keys()), byEnd: classOf };
}

const sorted = (hits: readonly Hit[]): Hit[] => [...hits].sort((a, b) => a.from - b.from);

function dataText(data: Found): string {
  return typeof data === "object" ? ("chain" in data ? `${data.verdict} ${data.chain}` : data.verdict) : String(data);
}

/** Which ends of a universe have the values of an element's key. */
export class Finder {
  private readonly roles: readonly EndRole[];
  private readonly byValues = new Map<string, number[]>();
  /** Of a single key whose values are numbers: its ends in the order of their values. */
  private readonly ordered: readonly number[] | undefined;

  constructor(roles: readonly EndRole[]) {
    this.roles = roles;
    const count = roles[0]?.values.length ?? 0;
    for (let end = 0; end < count; end++) {
      const name = this.roles.map(({ values }) => values[end]).join(" ");
      const list = this.byValues.get(name);
      if (list === undefined) this.byValues.set(name, [end]);
      else list.push(end);
    }
    const [only, second] = this.roles;
    if (only === undefined || second !== undefined || only.values.some((value) => typeof value === "string")) return;
    const { values } = only;
    this.ordered = values
      .map((_, end) => end)
      .sort((a, b) => ((values[a] as Value) < (values[b] as Value) ? -1 : values[a] === values[b] ? 0 : 1));
  }

  /** Undefined: the key says nothing of them. */
  find(parts: readonly Part[]): readonly number[] | undefined {
    if (parts.length === 0) return undefined;
    if (parts.every((part) => typeof part !== "object")) return this.byValues.get(parts.join(" ")) ?? [];
    const [first] = parts;
    if (this.ordered !== undefined && typeof first === "object")
      return this.between(this.ordered, first.from, first.to);
    const count = this.roles[0]?.values.length ?? 0;
    const found: number[] = [];
    for (let end = 0; end < count; end++)
      if (parts.every((part, i) => within(this.roles[i]?.values[end] as Value, part))) found.push(end);
    return found;
  }

  private between(ordered: readonly number[], from: Value, to: Value): number[] {
    const values = this.roles[0]?.values as readonly Value[];
    let low = 0;
    let high = ordered.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((values[ordered[middle] as number] as Value) < from) low = middle + 1;
      else high = middle;
    }
    const found: number[] = [];
    for (; low < ordered.length && (values[ordered[low] as number] as Value) <= to; low++)
      found.push(ordered[low] as number);
    return found;
  }
}
