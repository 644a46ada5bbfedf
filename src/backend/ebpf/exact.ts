/** Statements between few single addresses and ports, as elements of one hash: groups are left to the classes. */
import type { Rule } from "../../ir/policy.js";
import type { Origins } from "../../ir/origins.js";
import { isRun, type RuleList } from "../../ir/rule-list.js";
import type { Family } from "../../net/address.js";
import type { Ranges } from "../../net/ranges.js";
import { type ExactSets, Splitter } from "../shape/exact.js";
import type { Value } from "../shape/lanes.js";
import type { Tuples } from "../shape/tuples.js";
import { addressIn } from "./classes.js";
import type { Exact, Verdict } from "./maps.js";

/** In the order of a verdict's numbers. */
export const VERBS = ["deny", "reject", "allow"] as const;
export type ExactVerb = (typeof VERBS)[number];

/** How much of a key counts; the numbers are those that the map holds. */
export const KIND = { pair: 0, protocol: 1, port: 2 } as const;
export type Kind = keyof typeof KIND;

/** Of a key: one more than the index of the origin that decides by each verb; 0: none. */
type Visit = (
  family: Family,
  kind: Kind,
  source: Value,
  destination: Value,
  protocol: number,
  port: number,
  deny: number,
  reject: number,
  allow: number,
) => void;

export class ExactRows {
  private readonly list: RuleList;
  private readonly sets: { readonly family: Family; readonly verbs: readonly ExactSets[] }[] = [];
  /** Indices of the origins of rules that log. */
  private readonly logging: ReadonlySet<number>;
  private made: readonly Exact[] | undefined;

  constructor(list: RuleList) {
    this.list = list;
    this.logging = new Set(
      list.parts.flatMap((part) => (isRun(part) || part.log === undefined ? [] : [part.origin.index])),
    );
  }

  /** Of all statements. */
  get origins(): Origins {
    return this.list.origins;
  }

  /** Which kinds of keys there are, a bit each; see dataplane/maps.h. */
  get kinds(): number {
    const names = Object.keys(KIND) as Kind[];
    const has = (kind: Kind): boolean =>
      this.sets.some(({ verbs }) => verbs.some(({ byName }) => byName[kind].length > 0));
    return names.reduce((bits, kind) => bits | (has(kind) ? 1 << KIND[kind] : 0), 0);
  }

  /** Takes what can be exact keys of a family; returns the rest, in its order. `own`: all addresses of containers. */
  add(family: Family, own: Ranges<Value>): Rule[] {
    const { list } = this;
    const rest: Rule[] = [];
    const verbs = VERBS.map((verb) => {
      const splitter = new Splitter(list, family, own);
      for (const part of list.parts)
        if (isRun(part)) splitter.addRun(part, verb);
        else if (part.verb === verb) splitter.add(part);
      rest.push(...splitter.rest);
      return splitter.exact;
    });
    this.sets.push({ family, verbs });
    return rest.sort((a, b) => a.origin.index - b.origin.index);
  }

  /** No fewer than there are keys: one that several verbs have counts for each. */
  get most(): number {
    let most = 0;
    for (const { verbs } of this.sets)
      for (const { pairs, protocols, ports } of verbs) most += pairs.length + protocols.length + ports.length;
    return most;
  }

  /** The keys of a verb and a kind; undefined where the policy has no containers of the family. */
  of(verb: ExactVerb, kind: Kind, of: Family): Tuples | undefined {
    return this.sets.find(({ family }) => family === of)?.verbs[VERBS.indexOf(verb)]?.byName[kind];
  }

  /** The indices of a tuple's statements, the one that decides first. */
  ranked(tuples: Tuples, at: number): readonly number[] {
    const first = this.deciding(tuples, at) - 1;
    return [first, ...tuples.originsOf(at).filter((index) => index !== first)];
  }

  /** Calls with every key, once. */
  each(visit: Visit): void {
    for (const { family, verbs } of this.sets) {
      const byName = verbs.map((sets) => sets.byName);
      for (const kind of ["pair", "protocol", "port"] as const) {
        const [deny, reject, allow] = byName.map((sets) => sets[kind]) as [Tuples, Tuples, Tuples];
        this.visit(family, kind, [deny, reject, allow], 0, visit);
        this.visit(family, kind, [deny, reject, allow], 1, visit);
        this.visit(family, kind, [deny, reject, allow], 2, visit);
      }
    }
  }

  /** The keys of the verb `own` that no verb before it has. */
  private visit(family: Family, kind: Kind, verbs: readonly [Tuples, Tuples, Tuples], own: 0 | 1 | 2, visit: Visit) {
    const [deny, reject, allow] = verbs;
    const { length, sources, destinations, protocols, ports } = verbs[own];
    const [denies, rejects, allows] = [deny.length > 0, reject.length > 0, own < 2 && allow.length > 0];
    for (let i = 0; i < length; i++) {
      const [source, destination] = [sources[i] as Value, destinations[i] as Value];
      const [protocol, port] = [protocols[i] as number, ports[i] as number];
      const found = (tuples: Tuples): number => {
        const at = tuples.find(source, destination, protocol, port);
        return at === -1 ? 0 : this.deciding(tuples, at);
      };
      const denied = own === 0 ? this.deciding(deny, i) : denies ? found(deny) : 0;
      if (own > 0 && denied !== 0) continue;
      const rejected = own === 1 ? this.deciding(reject, i) : rejects ? found(reject) : 0;
      if (own > 1 && rejected !== 0) continue;
      const allowed = own === 2 ? this.deciding(allow, i) : allows ? found(allow) : 0;
      visit(family, kind, source, destination, protocol, port, denied, rejected, allowed);
    }
  }

  /** The first of a tuple's statements; one that logs goes first, or its log would be lost. */
  private deciding(tuples: Tuples, i: number): number {
    const first = tuples.from[i] as number;
    if (this.logging.size === 0 || tuples.shared.size === 0) return first + 1;
    return (tuples.originsOf(i).find((index) => this.logging.has(index)) ?? first) + 1;
  }

  /** As objects, for who wants them, in the order of their statements. */
  get rows(): readonly Exact[] {
    return (this.made ??= this.objects());
  }

  private objects(): Exact[] {
    const { origins } = this.list;
    const found: { first: number; row: Exact }[] = [];
    this.each((family, kind, source, destination, protocol, port, ...indices) => {
      const verdict: { -readonly [K in keyof Verdict]: Verdict[K] } = {};
      VERBS.forEach((verb, i) => {
        const index = indices[i] as number;
        if (index > 0) verdict[verb] = origins.at(index - 1);
      });
      const row = {
        source: addressIn(family, source),
        destination: addressIn(family, destination),
        protocol: kind === "pair" ? undefined : protocol,
        port: kind === "port" ? port : undefined,
        verdict,
      };
      found.push({ first: Math.min(...indices.filter((index) => index > 0)), row });
    });
    return found.sort((a, b) => a.row.source.family - b.row.source.family || a.first - b.first).map(({ row }) => row);
  }
}
