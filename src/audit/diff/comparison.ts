/**
 * What becomes of every packet in two policies, in blocks: products of sources, destinations and services that fare
 * alike. A rule is met by few pairs of classes; all other pairs fare as their nature says, and are evaluated once for
 * all of a nature. So what this costs grows with the rules that matter, not with the product of the classes.
 */
import { FAMILIES } from "../../net/address.js";
import { hasPort } from "../../net/ports.js";
import type { Policy } from "../../ir/policy.js";
import { type Axes, type Class, isAsked } from "./axes.js";
import { inverted } from "./coverage.js";
import { type Fate, Fates, just } from "./fates.js";
import { Line, someEnds } from "./line.js";
import type { Service } from "./services.js";

/** Packets between some sources and destinations that change alike. All lists ascend. */
export interface Block extends Omit<Fate, "kind"> {
  readonly sources: readonly number[];
  readonly destinations: readonly number[];
}

/** What decides of a source whether what it asks for is passed on. */
interface Heard {
  readonly rules: number[];
  readonly admitted: number[];
}

/** Ranks: what no statement tells apart, then what publishes translate, then the others. */
const [TRANSLATED, TOLD] = [1, 100_000];

export class Comparison {
  readonly sources: Line;
  readonly destinations: Line;
  private readonly axes: Axes;
  private readonly fates: Fates;
  private readonly blocks: Block[][] = [];
  private readonly families = new Map<number, readonly boolean[]>();
  private readonly known = new Map<string, readonly Fate[] | undefined>();
  /** Sources together that fare alike where the same rules and publishes decide what is led on. */
  private readonly audiences = new Map<string, readonly (readonly number[])[]>();
  /** Indices of all services: what most pairs have, whose rules tell none apart. */
  private readonly every: readonly number[];
  /** Those that a publish translates, and the others. */
  private readonly asked: ReadonlySet<number>;
  private readonly untranslated: readonly number[];
  /** Of each rule, the classes that it has on each side. */
  private readonly senders: readonly (readonly number[])[];
  private readonly receivers: readonly (readonly number[])[];

  constructor(before: Policy, after: Policy, axes: Axes) {
    this.axes = axes;
    this.fates = new Fates(before, after, axes);
    this.sources = new Line(axes.sources);
    this.destinations = new Line(axes.destinations);
    this.every = [...axes.services.keys()];
    this.asked = new Set(axes.translated);
    this.untranslated = this.every.filter((z) => !this.asked.has(z));
    const rules = (classes: readonly Class[]): number[][] =>
      inverted(
        classes.map((one) => one.rules),
        axes.rules.length,
      );
    this.senders = rules(axes.sources);
    this.receivers = rules(axes.destinations);
  }

  /** How many packets were evaluated, in both policies. */
  get evaluations(): number {
    return this.fates.evaluations;
  }

  /** Of each kind of change, its blocks; undefined where two families of one class fare differently. */
  changes(): Block[][] | undefined {
    if (!this.direct() || !this.published()) return undefined;
    for (const list of this.blocks) list.sort(byFirst);
    return this.blocks.toSorted(([a], [b]) => byFirst(a as Block, b as Block));
  }

  /** Whether no packet is between two classes. */
  isEmpty(x: number, y: number): boolean {
    return !this.familiesOf(x, y).includes(true);
  }

  /** In which families there are packets between two classes. */
  private familiesOf(x: number, y: number): readonly boolean[] {
    const { sources, destinations } = this;
    const key = (sources.natures[x] as number) * destinations.members.length + (destinations.natures[y] as number);
    let some = this.families.get(key);
    if (some === undefined) {
      const [source, destination] = [sources.classes[x] as Class, destinations.classes[y] as Class];
      some = FAMILIES.map((family) => someEnds(family, source, destination, true) !== undefined);
      this.families.set(key, some);
    }
    const [one, other] = [sources.alone[x], destinations.alone[y]];
    const isSelf = (i: 0 | 1): boolean => one?.[i] !== undefined && one[i] === other?.[i];
    return isSelf(0) || isSelf(1) ? some.map((has, i) => has && !isSelf(i as 0 | 1)) : some;
  }

  // What is sent to where it arrives -----------------------------------------------------------------------------------

  private direct(): boolean {
    const { sources, destinations } = this;
    const inside = this.receivers.map((list) => list.filter((y) => !destinations.isOutside(y)));
    const selves = new Map<string, number[]>();
    destinations.alone.forEach((names, y) => {
      for (const name of new Set(names)) if (name !== undefined) selves.set(name, [...(selves.get(name) ?? []), y]);
    });
    for (const [x, { rules }] of sources.classes.entries()) {
      const isOutside = sources.isOutside(x);
      const met = new Map<number, number[]>();
      // Between two ends outside no rule says anything.
      for (const r of rules)
        for (const y of (isOutside ? inside[r] : this.receivers[r]) ?? []) {
          const list = met.get(y);
          if (list === undefined) met.set(y, [r]);
          else list.push(r);
        }
      for (const name of new Set(sources.alone[x]))
        for (const y of (name === undefined ? undefined : selves.get(name)) ?? []) if (!met.has(y)) met.set(y, []);
      for (const ys of this.alike(x, met)) {
        if (!this.addDirect(x, ys, met.get(ys[0] as number) ?? [])) return false;
      }
      for (const members of destinations.members) {
        if (isOutside && destinations.isOutside(members[0] as number)) continue;
        const y = members.find((one) => !met.has(one));
        if (y === undefined) continue;
        const fates = this.fatesOf(x, y, []);
        if (fates === undefined) return false;
        if (fates.length === 0) continue;
        this.add(
          fates,
          [x],
          members.filter((one) => !met.has(one)),
        );
      }
    }
    return true;
  }

  private addDirect(x: number, ys: readonly number[], rules: readonly number[]): boolean {
    const fates = this.fatesOf(x, ys[0] as number, rules);
    if (fates === undefined) return false;
    this.add(fates, [x], ys);
    return true;
  }

  /** Destinations together that the same rules let a source speak to, and of one nature. */
  private alike(x: number, met: ReadonlyMap<number, readonly number[]>): number[][] {
    const found = new Map<string, number[]>();
    for (const [y, rules] of met) {
      const key = `${this.destinations.natures[y]} ${this.familiesOf(x, y).join()} ${rules.join()}`;
      const list = found.get(key);
      if (list === undefined) found.set(key, [y]);
      else list.push(y);
    }
    return [...found.values()].map((list) => list.sort((a, b) => a - b));
  }

  /** How everything fares between two classes that isn't translated, known by what decides it. */
  private fatesOf(x: number, y: number, rules: readonly number[]): readonly Fate[] | undefined {
    const families = this.familiesOf(x, y);
    const key = `${this.sources.natures[x]} ${this.destinations.natures[y]} ${families.join()} ${rules.join()}`;
    let known = this.known.get(key);
    if (known === undefined && !this.known.has(key)) {
      const all = this.destinations.isHost(y) ? this.untranslated : this.every;
      const told = new Set(rules.flatMap((r) => this.axes.rules[r]?.told ?? []));
      // All services that no rule of the pair tells apart fare alike.
      const apart = all === this.every ? [...told] : [...told].filter((z) => !this.asked.has(z));
      const first = told.size === 0 ? all[0] : all.find((z) => !told.has(z));
      const rest = {
        first: first ?? -1,
        rank: 0,
        all: () => (told.size === 0 ? all : all.filter((z) => !told.has(z))),
      };
      const lists = [...(first === undefined ? [] : [rest]), ...apart.map((z, i) => just(z, TOLD + i))];
      known = this.fates.of(x, y, rules, lists);
      this.known.set(key, known);
    }
    return known;
  }

  // What is asked for at the host, and led elsewhere -------------------------------------------------------------------

  private published(): boolean {
    const { axes } = this;
    const speaking = new Map<number, number[]>(axes.translated.map((z) => [z, []]));
    const wide: number[] = [];
    axes.rules.forEach(({ told }, r) => {
      if (told.length === 0) wide.push(r);
      else for (const z of told) speaking.get(z)?.push(r);
    });
    const admitted = inverted(
      axes.sources.map((one) => one.admitted),
      axes.published.length,
    );
    const at = [new Map<number | bigint, number>(), new Map<number | bigint, number>()];
    axes.destinations.forEach(({ places }, y) => {
      for (const place of places)
        place.in.forEach((one, i) => (one === undefined ? undefined : at[i]?.set(one.end.address.value, y)));
    });
    for (const z of axes.translated)
      if (!this.translated(z, [...(speaking.get(z) ?? []), ...wide], admitted, at)) return false;
    return true;
  }

  /**
   * @param speaking the rules that cover the service
   * @param admitted of each publish, the sources that its `from` has
   * @param at in each policy, the destinations by their addresses
   */
  private translated(
    z: number,
    speaking: readonly number[],
    admitted: readonly (readonly number[])[],
    at: readonly ReadonlyMap<number | bigint, number>[],
  ): boolean {
    const { axes, destinations } = this;
    const service = axes.services[z] as Service;
    const reaching = new Set<number>();
    const admitting: number[] = [];
    const heard = new Map<number, Heard>();
    const hear = (x: number): Heard => {
      let one = heard.get(x);
      if (one === undefined) heard.set(x, (one = { rules: [], admitted: [] }));
      return one;
    };
    axes.published.forEach(({ publish, policy }, p) => {
      if (!isAsked(publish, service)) return;
      const inside = publish.port + (service.port as number) - publish.hostPorts[0];
      for (const { addresses } of publish.targets)
        for (const { value } of addresses)
          for (const r of axes.destinations[at[policy]?.get(value) ?? -1]?.rules ?? []) {
            const { rule, policy: own } = axes.rules[r] as Axes["rules"][number];
            if (own === policy && hasPort(rule.ports, service.protocol, inside)) reaching.add(r);
          }
      for (const x of admitted[p] ?? []) hear(x).admitted.push(p);
      if (admitted[p]?.length !== 0) admitting.push(p);
    });
    for (const r of [...reaching].sort((a, b) => a - b)) for (const x of this.senders[r] ?? []) hear(x).rules.push(r);
    const hosts = destinations.members.filter(([y]) => destinations.isHost(y as number));
    const met = this.untaken(hosts, service, speaking);
    const key = `${[...reaching].sort((a, b) => a - b).join()} ${admitting.join()}`;
    let parts = met.size === 0 ? this.audiences.get(key) : undefined;
    if (parts === undefined) {
      parts = this.parted(heard, met);
      if (met.size === 0) this.audiences.set(key, parts);
    }
    for (const xs of [...parts, ...[...met.keys()].map((x) => [x])]) {
      const x = xs[0];
      if (x === undefined) continue;
      const rules = heard.get(x)?.rules ?? [];
      const own = met.get(x) ?? new Map<number, number[]>();
      const others = hosts.map((ys) => (own.size === 0 ? ys : ys.filter((y) => !own.has(y))));
      for (const ys of [...others, ...this.alike(x, own)]) {
        const y = ys[0];
        if (y === undefined) continue;
        const fates = this.fates.of(x, y, [...rules, ...(own.get(y) ?? [])], [just(z, TRANSLATED + z)]);
        if (fates === undefined) return false;
        this.add(fates, xs, ys);
      }
    }
    return true;
  }

  /** Sources together that the same rules and publishes hear; without those that also speak to the host itself. */
  private parted(heard: ReadonlyMap<number, Heard>, met: ReadonlyMap<number, unknown>): readonly (readonly number[])[] {
    const { sources } = this;
    const together = new Map<string, number[]>();
    for (const [x, { rules, admitted }] of heard) {
      if (met.has(x)) continue;
      const key = `${sources.natures[x]} ${rules.join()} ${admitted.join()}`;
      const list = together.get(key);
      if (list === undefined) together.set(key, [x]);
      else list.push(x);
    }
    const rest = sources.members.map((members) =>
      heard.size + met.size === 0 ? members : members.filter((x) => !heard.has(x) && !met.has(x)),
    );
    return [...[...together.values()].map((list) => list.sort((a, b) => a - b)), ...rest];
  }

  /** Where a policy doesn't translate a service for some host's address, its rules between containers and the host. */
  private untaken(
    hosts: readonly (readonly number[])[],
    { protocol, port }: Service,
    speaking: readonly number[],
  ): Map<number, Map<number, number[]>> {
    const { axes, sources, destinations } = this;
    const taken = this.fates.meanings.map((meaning) => {
      const all = new Set<number>();
      for (const [y = -1] of hosts)
        if (
          axes.destinations[y]?.pieces.every(({ end }) => meaning.isTranslated(end.address, protocol, port as number))
        )
          all.add(destinations.natures[y] as number);
      return all;
    });
    const out = new Map<number, Map<number, number[]>>();
    for (const r of speaking) {
      const all = taken[axes.rules[r]?.policy ?? 0];
      if (all?.size === hosts.length) continue;
      const ys = this.receivers[r]?.filter(
        (y) => destinations.isHost(y) && !all?.has(destinations.natures[y] as number),
      );
      if (ys === undefined || ys.length === 0) continue;
      for (const x of this.senders[r] ?? []) {
        if (sources.isOutside(x)) continue;
        const own = out.get(x) ?? new Map<number, number[]>();
        out.set(x, own);
        for (const y of ys) own.set(y, [...(own.get(y) ?? []), r]);
      }
    }
    return out;
  }

  // Packets ------------------------------------------------------------------------------------------------------------

  private add(fates: readonly Fate[], sources: readonly number[], destinations: readonly number[]): void {
    for (const { kind, services, family, outcomes, rank } of fates) {
      const list = (this.blocks[kind - 1] ??= []);
      list.push({ sources, destinations, services, family, outcomes, rank });
    }
  }
}

function byFirst(a: Block, b: Block): number {
  return (
    (a.sources[0] as number) - (b.sources[0] as number) ||
    (a.destinations[0] as number) - (b.destinations[0] as number) ||
    a.family - b.family ||
    a.rank - b.rank
  );
}
