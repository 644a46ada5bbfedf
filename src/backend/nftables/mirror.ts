/**
 * What an open handle knows of the sets that it committed, so that a plain rule more or less costs its own elements.
 *
 * Everything here is the plan's doing: a rule's tuples come from the same `Splitter`, their comments from the same
 * `comment`. What would change more than elements of sets that stay (a set that comes or goes, a rule of a chain, a
 * class) is not for the mirror: it says so, and the whole policy is planned anew.
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
import { contains } from "../../net/ranges.js";
import { Diagnostics } from "../../text/diagnostic.js";
import { SourceFile } from "../../text/source.js";
import { Splitter } from "../shape/exact.js";
import type { Edit, Edits } from "../backend.js";
import { commitEdit } from "./apply.js";
import { of } from "../shape/lanes.js";
import { DEVICES } from "./names.js";
import type { Ruleset, Set as NftSet } from "./ruleset.js";
import type { Tuples, Way } from "../shape/tuples.js";
import { sizeOf } from "./values.js";
import type { Tuple, TupleChange } from "./wire/edit.js";
import type { TableName } from "./wire/encode.js";

const WAYS: readonly Way[] = ["both", "source", "destination"];

/** What an edit comes to. */
export class MirrorChange implements Edit {
  readonly table: TableName;
  readonly tuples: readonly (TupleChange & { readonly family: Family })[];
  readonly tightened: readonly Tuple[];

  constructor(table: TableName, tuples: MirrorChange["tuples"], tightened: readonly Tuple[]) {
    this.table = table;
    this.tuples = tuples;
    this.tightened = tightened;
  }

  get operations(): number {
    return this.tuples.reduce((sum, { before, after }) => sum + +(before.length > 0) + +(after.length > 0), 0);
  }

  get place(): string {
    return `the ruleset inet ${this.table.name}`;
  }
}

export class Mirror implements Edits {
  private readonly table: TableName;
  private readonly low: Lowering;
  private readonly reach: Reach;
  private readonly own: AddressSet;
  private readonly sets = new Map<string, MirrorSet>();
  private readonly confines: boolean;

  private constructor(policy: Policy, ruleset: Ruleset) {
    const table = ruleset.tables.find(({ sets }) => sets.some(({ name }) => name === DEVICES)) ?? ruleset.tables[0];
    this.table = { family: "inet", name: table?.name ?? "" };
    this.low = reopen(policy, new SourceFile("update", ""), new Diagnostics());
    this.own = ownAddresses(policy.containers);
    this.reach = new Reach(this.own);
    this.confines = policy.networks.some(({ internal }) => internal);
    for (const set of table?.sets ?? []) {
      const family = set.type[0] === "ipv4_addr" ? 4 : 6;
      if (set.tuples !== undefined) this.sets.set(set.name, new MirrorSet(set, set.tuples, family, this.own));
    }
  }

  /** Undefined for a policy of which a single rule can change more than elements, or be wrong by itself. */
  static of(policy: Policy, ruleset: Ruleset): Mirror | undefined {
    return isSelfContained(policy) && policy.assertions.length === 0 ? new Mirror(policy, ruleset) : undefined;
  }

  /** Undefined where the whole policy must be planned, be it to say what is wrong. */
  change(removed: PlainRules, added: PlainRules): MirrorChange | undefined {
    const draft = new Draft();
    const tightened: Tuple[] = [];
    for (const [plain, adds] of [
      [removed, false],
      [added, true],
    ] as const) {
      const list = this.lower(plain);
      if (list === undefined || !this.collect(list, adds, draft, tightened)) return undefined;
    }
    const tuples = draft.changes();
    // A packet of one family must meet at most one of the changes: see wire/difference.ts.
    for (const family of FAMILIES)
      if (new Set(tuples.flatMap((one) => (one.family === family ? [one.set] : []))).size > 1) return undefined;
    for (const set of this.sets.values()) if (!set.holds(tuples)) return undefined;
    return new MirrorChange(this.table, tuples, tightened);
  }

  /**
   * The way to this plan from the one of the same policy with other plain rules. Undefined as `change`: what takes it
   * there must be elements only.
   */
  since({ removed, added }: { readonly removed: PlainRules; readonly added: PlainRules }): MirrorChange | undefined {
    const back = this.change(added, removed);
    return back && inverse(back);
  }

  commit(change: MirrorChange, generation: number): number {
    return commitEdit(change, generation);
  }

  note({ tuples }: MirrorChange): void {
    for (const change of tuples) this.sets.get(change.set.name)?.note(change);
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
    new PlainLowering({ ...low, origins }, plain, this.reach).lower(0, plain.length, [], parts);
    return parts.every(isRun) ? new RuleList(parts, origins) : undefined;
  }

  /** Puts the tuples of rules into the draft. False where they aren't only tuples of sets that are there. */
  private collect(list: RuleList, adds: boolean, draft: Draft, tightened: Tuple[]): boolean {
    for (const part of list.parts) {
      if (!isRun(part)) return false;
      for (const verb of VERBS)
        for (const family of FAMILIES) {
          const mine = of(this.own, family);
          if (mine.length === 0) continue;
          const splitter = new Splitter(list, family, mine);
          splitter.addRun(part, verb);
          if (splitter.rest.length > 0) return false;
          for (const [kind, tuples] of Object.entries(splitter.exact.byName)) {
            if (tuples.length === 0) continue;
            const set = this.sets.get(`${verb}-${kind}${family}`);
            if (set === undefined) return false;
            for (let i = 0; i < tuples.length; i++) {
              const tuple = tupleOf(tuples, i);
              for (const index of tuples.originsOf(i))
                if (!draft.add(set, tuple, list.origins.at(index).text, adds)) return false;
              if ((verb === "allow") !== adds) tightened.push(tuple);
            }
          }
        }
    }
    return true;
  }
}

/** The change that takes another back. */
function inverse({ table, tuples }: MirrorChange): MirrorChange {
  const back = tuples.map(({ before, after, ...rest }) => ({ ...rest, before: after, after: before }));
  const tightens = ({ set, before, after }: TupleChange): boolean =>
    set.name.startsWith("allow-") ? after.length < before.length : after.length > before.length;
  return new MirrorChange(
    table,
    back,
    back.filter(tightens).map(({ tuple }) => tuple),
  );
}

function tupleOf({ sources, destinations, protocols, ports }: Tuples, i: number): Tuple {
  return {
    source: sources[i] as Tuple["source"],
    destination: destinations[i] as Tuple["destination"],
    protocol: protocols[i] as number,
    port: ports[i] as number,
  };
}

const keyOf = ({ source, destination, protocol, port }: Tuple): string =>
  `${source} ${destination} ${protocol} ${port}`;

/** One set: the tuples that the plan gave it, and over them what was edited since. */
class MirrorSet {
  readonly set: NftSet;
  readonly family: Family;
  private readonly tuples: Tuples;
  private readonly own: AddressSet;
  private readonly size: number;
  private count: number;
  /** The statements of tuples that were edited. */
  private readonly edited = new Map<string, readonly string[]>();
  /** How many tuples go each way: where none does, rules of chains change. */
  private readonly ways: Record<Way, number>;

  constructor(set: NftSet, tuples: Tuples, family: Family, own: AddressSet) {
    this.set = set;
    this.tuples = tuples;
    this.family = family;
    this.own = own;
    this.size = sizeOf(set) ?? 0;
    this.count = tuples.length;
    this.ways = { ...tuples.ways };
  }

  /** The canonical texts of the statements that say a tuple. */
  textsOf(key: string, { source, destination, protocol, port }: Tuple): readonly string[] {
    const edited = this.edited.get(key);
    if (edited !== undefined) return edited;
    const { tuples } = this;
    const at = tuples.find(source, destination, protocol, port);
    return at === -1 ? [] : tuples.originsOf(at).map((index) => tuples.origins.at(index).text);
  }

  /** Whether the set is still what the plan would declare after these changes: not full, and of the same ways. */
  holds(changes: readonly TupleChange[]): boolean {
    const mine = changes.filter(({ set }) => set === this.set);
    if (mine.length === 0) return true;
    const ways = { ...this.ways };
    let { count } = this;
    for (const { tuple, before, after } of mine) {
      const step = Math.sign(after.length) - Math.sign(before.length);
      const way = this.wayOf(tuple.source, tuple.destination);
      if (this.ways[way] === 0) return false;
      ways[way] += step;
      count += step;
    }
    return count <= this.size && WAYS.every((way) => ways[way] > 0 || this.ways[way] === 0);
  }

  note({ tuple, before, after }: TupleChange): void {
    this.edited.set(keyOf(tuple), after);
    const step = Math.sign(after.length) - Math.sign(before.length);
    this.count += step;
    const way = this.wayOf(tuple.source, tuple.destination);
    this.ways[way] += step;
  }

  private wayOf(source: Tuple["source"], destination: Tuple["destination"]): Way {
    const own = of(this.own, this.family);
    if (!contains(own, source)) return "destination";
    return contains(own, destination) ? "both" : "source";
  }
}

/** The tuples that an edit touches, each with its statements as they were and as they are to be. */
class Draft {
  private readonly touched = new Map<
    MirrorSet,
    Map<string, { tuple: Tuple; before: readonly string[]; after: string[] }>
  >();

  /** A statement comes or goes. False where one that is to go isn't there. */
  add(set: MirrorSet, tuple: Tuple, text: string, adds: boolean): boolean {
    let tuples = this.touched.get(set);
    if (tuples === undefined) this.touched.set(set, (tuples = new Map()));
    const key = keyOf(tuple);
    let one = tuples.get(key);
    if (one === undefined) {
      const before = set.textsOf(key, tuple);
      tuples.set(key, (one = { tuple, before, after: [...before] }));
    }
    if (adds) return one.after.push(text) > 0;
    const at = one.after.lastIndexOf(text);
    if (at === -1) return false;
    one.after.splice(at, 1);
    return true;
  }

  changes(): (TupleChange & { readonly family: Family })[] {
    const out: (TupleChange & { readonly family: Family })[] = [];
    for (const [{ set, family }, tuples] of this.touched)
      for (const { tuple, before, after } of tuples.values())
        if (before.join("\n") !== after.join("\n")) out.push({ set, family, tuple, before, after });
    return out;
  }
}
