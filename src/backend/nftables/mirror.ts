/**
 * What an open handle knows of the sets that it committed, so that a plain rule more or less costs its own elements.
 *
 * Everything here is the plan's doing: a rule's tuples are those of `shape/plain-edits.ts`, their comments come from the
 * same `comment`. What would change more than elements of sets that stay (a set that comes or goes, a rule of a chain, a
 * class) is not for the mirror: it says so, and the whole policy is planned anew.
 */
import type { PlainPublish } from "../../ast/plain-publish.js";
import type { PlainRules } from "../../ast/plain-rules.js";
import type { Policy } from "../../ir/policy.js";
import { type AddressSet, type Family, FAMILIES } from "../../net/address.js";
import { contains } from "../../net/ranges.js";
import type { Edit, Edits } from "../backend.js";
import { of } from "../shape/lanes.js";
import { Draft, type DraftChange, PlainEdits, Said, type Tuple } from "../shape/plain-edits.js";
import type { Way } from "../shape/tuples.js";
import { commitEdit, listen } from "./apply.js";
import { DEVICES } from "./names.js";
import { PublishChange, PublishMirror } from "./publish-mirror.js";
import type { Ruleset, Set as NftSet, Table } from "./ruleset.js";
import { sizeOf } from "./values.js";
import { type TupleChange, tupleChanges } from "./wire/edit.js";
import type { Transaction } from "./wire/changes.js";
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
  private readonly rules: PlainEdits;
  private readonly sets = new Map<string, MirrorSet>();
  /** Made for the first who asks: most edits are rules. */
  private readonly makePublished: () => PublishMirror | undefined;
  private published: PublishMirror | undefined;

  private constructor(policy: Policy, rules: PlainEdits, table: Table) {
    this.table = { family: "inet", name: table.name };
    this.rules = rules;
    this.makePublished = () => PublishMirror.of(policy, table);
    for (const set of table.sets) {
      const family = set.type[0] === "ipv4_addr" ? 4 : 6;
      if (set.tuples !== undefined)
        this.sets.set(set.name, new MirrorSet(set, new Said(set.tuples), family, rules.own));
    }
  }

  /** Undefined for a policy of which a single rule can change more than elements, or be wrong by itself. */
  static of(policy: Policy, ruleset: Ruleset): Mirror | undefined {
    const rules = PlainEdits.of(policy);
    const table = ruleset.tables.find(({ sets }) => sets.some(({ name }) => name === DEVICES)) ?? ruleset.tables[0];
    return rules && table && new Mirror(policy, rules, table);
  }

  /** Undefined where the whole policy must be planned, be it to say what is wrong. */
  change(removed: PlainRules, added: PlainRules): MirrorChange | undefined {
    const draft = new Draft<MirrorSet>();
    const tightened: Tuple[] = [];
    for (const [plain, adds] of [
      [removed, false],
      [added, true],
    ] as const) {
      const known = this.rules.each(plain, (verb, kind, family, tuple, text) => {
        const set = this.sets.get(`${verb}-${kind}${family}`);
        if (set === undefined || !draft.add(set, tuple, text, adds)) return false;
        if ((verb === "allow") !== adds) tightened.push(tuple);
        return true;
      });
      if (!known) return undefined;
    }
    const changes = draft.changes();
    // A packet of one family must meet at most one of the changes: see wire/difference.ts.
    for (const family of FAMILIES)
      if (new Set(changes.flatMap(({ set }) => (set.family === family ? [set] : []))).size > 1) return undefined;
    for (const set of this.sets.values()) if (!set.holds(changes)) return undefined;
    const tuples = changes.map(({ set, ...rest }) => ({ set: set.set, family: set.family, ...rest }));
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

  publishes(removed: readonly PlainPublish[], added: readonly PlainPublish[]): PublishChange | undefined {
    this.published ??= this.makePublished();
    return this.published?.change(removed, added);
  }

  commit(change: MirrorChange | PublishChange, generation: number): number {
    return commitEdit(change.table, transactionsOf(change), generation);
  }

  listen(generation: number): void {
    listen(this.table.name, generation);
  }

  note(change: MirrorChange | PublishChange): void {
    if (change instanceof PublishChange) this.published?.note(change);
    else for (const tuple of change.tuples) this.sets.get(tuple.set.name)?.note(tuple);
  }
}

function transactionsOf(change: MirrorChange | PublishChange): Transaction[] {
  if (change instanceof PublishChange) return change.transactions;
  const changes = tupleChanges(change.table, change.tuples);
  return changes.length === 0 ? [] : [{ changes, settle: false }];
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

/** One set: what it says, and how full it is. */
class MirrorSet {
  readonly set: NftSet;
  readonly said: Said;
  readonly family: Family;
  private readonly own: AddressSet;
  private readonly size: number;
  private count: number;
  /** How many tuples go each way: where none does, rules of chains change. */
  private readonly ways: Record<Way, number>;

  constructor(set: NftSet, said: Said, family: Family, own: AddressSet) {
    this.set = set;
    this.said = said;
    this.family = family;
    this.own = own;
    this.size = sizeOf(set) ?? 0;
    this.count = said.tuples.length;
    this.ways = { ...said.tuples.ways };
  }

  /** Whether the set is still what the plan would declare after these changes: not full, and of the same ways. */
  holds(changes: readonly DraftChange<MirrorSet>[]): boolean {
    const mine = changes.filter(({ set }) => set === this);
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
    this.said.note(tuple, after);
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
