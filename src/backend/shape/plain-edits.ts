/**
 * Plain rules that come or go, as the tuples that a plan would make of them, and what they come to together.
 *
 * A rule's tuples come from the same `Splitter` as a plan's. What would change more than tuples (a class, a rule of a
 * chain) is not for here: `each` says so, and the whole policy is planned anew.
 */
import { FIELDS, KIND, NAMED_DESTINATION, NAMED_SOURCE, type PlainRules, VERB, VERBS } from "../../ast/plain-rules.js";
import { reopen } from "../../ir/ask.js";
import type { Lowering } from "../../ir/lowering.js";
import { Origins } from "../../ir/origins.js";
import { ownAddresses } from "../../ir/own.js";
import { PlainLowering } from "../../ir/plain.js";
import type { Policy, Rule } from "../../ir/policy.js";
import { Reach } from "../../ir/reach.js";
import { isRun, RuleList, type RuleRun } from "../../ir/rule-list.js";
import { isSelfContained } from "../../ir/self-contained.js";
import { lowerSide } from "../../ir/values.js";
import { type AddressSet, type Family, FAMILIES } from "../../net/address.js";
import { Diagnostics } from "../../text/diagnostic.js";
import { SourceFile } from "../../text/source.js";
import { Splitter } from "./exact.js";
import { of, type Value } from "./lanes.js";
import type { Tuples } from "./tuples.js";

/** A tuple of a set; `protocol` and `port` are 0 where its key has none. */
export interface Tuple {
  readonly source: Value;
  readonly destination: Value;
  readonly protocol: number;
  readonly port: number;
}

/** How much of a tuple its set's key has. */
export type TupleKind = "pair" | "protocol" | "port";
export type Verb = (typeof VERBS)[number];

/** `text`: the canonical text of the statement that says the tuple. False: the whole policy must be planned. */
export type TupleVisit = (verb: Verb, kind: TupleKind, family: Family, tuple: Tuple, text: string) => boolean;

export class PlainEdits {
  /** Each edit has origins of its own. */
  private readonly low: Omit<Lowering, "origins"> & { origins: Origins };
  private readonly reach: Reach;
  private readonly confines: boolean;
  /** Of the policy's containers. */
  readonly own: AddressSet;

  private constructor(policy: Policy) {
    this.low = { ...reopen(policy, new SourceFile("update", ""), new Diagnostics()) };
    this.own = ownAddresses(policy.containers);
    this.reach = new Reach(this.own);
    this.confines = policy.networks.some(({ internal }) => internal);
  }

  /** Undefined for a policy of which a single rule can change more than tuples, or be wrong by itself. */
  static of(policy: Policy): PlainEdits | undefined {
    return isSelfContained(policy) && policy.assertions.length === 0 ? new PlainEdits(policy) : undefined;
  }

  /** Calls with every tuple of the rules. False where they aren't tuples alone, or a call said so. */
  each(plain: PlainRules, visit: TupleVisit): boolean {
    if (plain.length === 0) return true;
    const list = this.lower(plain);
    return list?.parts.every((part) => isRun(part) && this.eachOf(list, part, visit)) ?? false;
  }

  /** The rows as one run of rules; undefined where one of them has something to report. */
  private lower(plain: PlainRules): RuleList | undefined {
    const { low } = this;
    const origins = new Origins();
    for (let row = 0; row < plain.length; row++) {
      const kind = plain.rows[row * FIELDS + KIND] as number;
      if (this.confines && VERBS[kind & VERB] === "allow") return undefined;
      for (const [named, side] of [
        [NAMED_SOURCE, "from"],
        [NAMED_DESTINATION, "to"],
      ] as const)
        if ((kind & named) !== 0 && lowerSide(low, plain.at(row), side) === undefined) return undefined;
    }
    const parts: (Rule | RuleRun)[] = [];
    low.origins = origins;
    new PlainLowering(low, plain, this.reach).lower(0, plain.length, [], parts);
    return parts.every(isRun) ? new RuleList(parts, origins) : undefined;
  }

  private eachOf(list: RuleList, run: RuleRun, visit: TupleVisit): boolean {
    for (const [number, verb] of VERBS.entries()) {
      if (run.plain.counts[number] === 0) continue;
      for (const family of FAMILIES) {
        const mine = of(this.own, family);
        // An address in a row is IPv4's.
        if (mine.length === 0 || (family === 6 && run.plain.pairsOfNames === 0)) continue;
        const splitter = new Splitter(list, family, mine);
        splitter.addRun(run, verb);
        if (splitter.rest.length > 0) return false;
        for (const [kind, tuples] of Object.entries(splitter.exact.byName) as [TupleKind, Tuples][])
          for (let i = 0; i < tuples.length; i++) {
            const tuple = tupleOf(tuples, i);
            for (const index of tuples.originsOf(i))
              if (!visit(verb, kind, family, tuple, list.origins.at(index).text)) return false;
          }
      }
    }
    return true;
  }
}

function tupleOf({ sources, destinations, protocols, ports }: Tuples, i: number): Tuple {
  return {
    source: sources[i] as Value,
    destination: destinations[i] as Value,
    protocol: protocols[i] as number,
    port: ports[i] as number,
  };
}

const keyOf = ({ source, destination, protocol, port }: Tuple): string =>
  `${source} ${destination} ${protocol} ${port}`;

/** A set's statements: as the plan gave them, and over them what was edited since. */
export class Said {
  readonly tuples: Tuples;
  private readonly edited = new Map<string, readonly string[]>();

  constructor(tuples: Tuples) {
    this.tuples = tuples;
  }

  /** The canonical texts of the statements that say a tuple. */
  textsOf(tuple: Tuple): readonly string[] {
    const edited = this.edited.get(keyOf(tuple));
    if (edited !== undefined) return edited;
    const { tuples } = this;
    const at = tuples.find(tuple.source, tuple.destination, tuple.protocol, tuple.port);
    return at === -1 ? [] : tuples.originsOf(at).map((index) => tuples.origins.at(index).text);
  }

  note(tuple: Tuple, after: readonly string[]): void {
    this.edited.set(keyOf(tuple), after);
  }
}

/** What becomes of a tuple of a set: the texts of its statements, before and after. */
export interface DraftChange<S> {
  readonly set: S;
  readonly tuple: Tuple;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** The tuples that an edit touches, each with its statements as they were and as they are to be. */
export class Draft<S extends { readonly said: Said }> {
  private readonly touched = new Map<S, Map<string, { tuple: Tuple; before: readonly string[]; after: string[] }>>();

  /** A statement comes or goes. False where one that is to go isn't there. */
  add(set: S, tuple: Tuple, text: string, adds: boolean): boolean {
    let tuples = this.touched.get(set);
    if (tuples === undefined) this.touched.set(set, (tuples = new Map()));
    const key = keyOf(tuple);
    let one = tuples.get(key);
    if (one === undefined) {
      const before = set.said.textsOf(tuple);
      tuples.set(key, (one = { tuple, before, after: [...before] }));
    }
    if (adds) return one.after.push(text) > 0;
    const at = one.after.lastIndexOf(text);
    if (at === -1) return false;
    one.after.splice(at, 1);
    return true;
  }

  changes(): DraftChange<S>[] {
    const out: DraftChange<S>[] = [];
    for (const [set, tuples] of this.touched)
      for (const { tuple, before, after } of tuples.values())
        if (before.join("\n") !== after.join("\n")) out.push({ set, tuple, before, after });
    return out;
  }
}
