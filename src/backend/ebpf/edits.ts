/**
 * Plain statements more or less in the maps in force, an element each, without planning the whole policy.
 *
 * The policy's number moves by two, which leaves the slot what it is: entries of connections that were decided before are
 * decided anew. It moves before the elements change, or who is killed in the middle would leave a number that the record
 * knows with a content that it doesn't; and after, or what was decided in between would be taken for the new policy's.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { PlainRules } from "../../ast/plain-rules.js";
import type { Policy } from "../../ir/policy.js";
import { type Address, type Family, hasAddress } from "../../net/address.js";
import { BpfFailed } from "../../system/bpf/call.js";
import { getPinned } from "../../system/bpf/calls.js";
import { mapInSlot, OpenMap } from "../../system/bpf/open-map.js";
import type { Edit, Edits } from "../backend.js";
import { Changed, Refused } from "../refused.js";
import type { Value } from "../shape/lanes.js";
import { Draft, type DraftChange, PlainEdits, Said, type Tuple } from "../shape/plain-edits.js";
import { Tuples } from "../shape/tuples.js";
import { endDenied } from "./apply.js";
import { addressIn } from "./classes.js";
import { kindsOf, roomOf, SHAPES, writeAddress, writeExact } from "./encode.js";
import { type ExactVerb, KIND, type Kind, VERBS } from "./exact.js";
import type { Maps } from "./maps.js";
import { plan } from "./plan.js";
import { using } from "./readback.js";

/** Of a statement that the plan hasn't numbered; past the end of every array, so it is counted nowhere. */
export const UNNUMBERED = 0xffffffff;

/** Of the 4,096 places of the dataplane's map `noted`. */
const NOTED_BITS = 12;

/** What statements of one verb say by keys of one kind. */
interface ExactSet {
  readonly verb: ExactVerb;
  readonly kind: Kind;
  readonly family: Family;
  readonly said: Said;
}

interface Row {
  readonly kind: Kind;
  readonly family: Family;
  readonly tuple: Tuple;
  /** Numbers of statements, in the order of VERBS; undefined: the key goes. */
  readonly numbers: readonly number[] | undefined;
  /** Whether it can deny what was allowed, and allow what was denied. */
  readonly tightens: boolean;
  readonly loosens: boolean;
  /** Keys that come, less those that go. */
  readonly grows: number;
}

class MapEdit implements Edit {
  readonly rows: readonly Row[];
  readonly changes: readonly DraftChange<ExactSet>[];
  readonly place: string;
  /** None: the dataplane decides the connections that there are anew, and the commit has it end those that are denied. */
  readonly tightened = [];

  constructor(rows: readonly Row[], changes: readonly DraftChange<ExactSet>[], policy: string) {
    this.rows = rows;
    this.changes = changes;
    this.place = `the maps of the eBPF dataplane of ${policy}`;
  }

  get operations(): number {
    return this.rows.length;
  }
}

/** Who edits a policy's maps, and so has them open: a handle has no end that is told. */
const editing = new Map<string, MapEdits>();

export class MapEdits implements Edits {
  private readonly policy: string;
  private readonly maps: Maps;
  private readonly rules: PlainEdits;
  private readonly sets = new Map<string, ExactSet>();
  private readonly active: OpenMap;
  private readonly exacts: OpenMap;
  private readonly kinds: OpenMap;
  /** Where the dataplane notes between whom there are connections, and where its programs are. */
  private readonly noted: OpenMap;
  private readonly folder: string;
  /** What `active` was opened by, and the inode there. */
  private readonly file: string;
  private readonly inode: number | undefined;
  private isOpen = true;
  private readonly room: number;
  /** How many keys there are at most, and what `kinds` says of the slot. */
  private count: number;
  private has: number;

  private constructor(maps: Maps, rules: PlainEdits, [active, exacts, kinds, noted]: Opened, folder: string) {
    this.policy = maps.policy;
    this.maps = maps;
    this.rules = rules;
    this.active = active;
    this.exacts = exacts;
    this.kinds = kinds;
    this.noted = noted;
    this.folder = folder;
    this.file = activeIn(folder);
    this.inode = inodeOf(this.file);
    this.count = maps.exact.most;
    this.has = kindsOf(maps);
    this.room = roomOf("exacts", this.count, 0);
  }

  /** Undefined for a policy of which a single statement can change more, and where its maps aren't in `folder`. */
  static of(policy: Policy, folder: string): MapEdits | undefined {
    editing.get(policy.name)?.close();
    const rules = PlainEdits.of(policy);
    if (rules === undefined) return undefined;
    const word = { key: 4, value: 4 };
    const made: OpenMap[] = [];
    const keep = (
      fd: number | undefined,
      shape: { readonly key: number; readonly value: number },
    ): OpenMap | undefined => {
      if (fd === undefined) return undefined;
      const map = new OpenMap(fd, shape);
      made.push(map);
      return map;
    };
    try {
      const active = keep(getPinned(activeIn(folder)), word);
      const kinds = keep(getPinned(join(folder, "maps/kinds")), word);
      const noted = keep(getPinned(join(folder, "maps/noted")), word);
      if (active === undefined || kinds === undefined || noted === undefined || !active.lookup()) return undefined;
      const slot = active.value.readUInt32LE(0) & 1;
      const inner = using(join(folder, "maps/exacts"), (outer) => mapInSlot(outer, slot));
      const exacts = keep(inner, SHAPES.exacts);
      if (exacts === undefined) return undefined;
      kinds.key.writeUInt32LE(slot, 0);
      const edits = new MapEdits(plan(policy), rules, [active, exacts, kinds, noted], folder);
      editing.set(policy.name, edits);
      return edits;
    } catch (error) {
      if (error instanceof BpfFailed) return undefined;
      throw error;
    } finally {
      if (!editing.has(policy.name)) for (const map of made) map.close();
    }
  }

  /** Another handle has the policy's maps now: the numbers of ours may be somebody else's files by then. */
  private close(): void {
    this.isOpen = false;
    editing.delete(this.policy);
    for (const map of [this.active, this.exacts, this.kinds, this.noted]) map.close();
  }

  change(removed: PlainRules, added: PlainRules): MapEdit | undefined {
    const draft = new Draft<ExactSet>();
    for (const [plain, adds] of [
      [removed, false],
      [added, true],
    ] as const) {
      const known = this.rules.each(plain, (verb, kind, family, tuple, text) => {
        // The table of translations says it too: see diverted.ts.
        if (verb !== "allow" && this.isOwn(family, tuple.source) && !this.isOwn(family, tuple.destination))
          return false;
        return draft.add(this.setOf(verb, kind, family), tuple, text, adds);
      });
      if (!known) return undefined;
    }
    const changes = draft.changes();
    const rows = this.rowsOf(changes);
    if (rows === undefined || this.count + rows.reduce((sum, { grows }) => sum + grows, 0) > this.room)
      return undefined;
    return new MapEdit(rows, changes, this.policy);
  }

  private isOwn(family: Family, value: Value): boolean {
    return hasAddress(this.rules.own, addressIn(family, value));
  }

  private setOf(verb: ExactVerb, kind: Kind, family: Family): ExactSet {
    const name = `${verb} ${kind} ${family}`;
    let set = this.sets.get(name);
    if (set === undefined) {
      const tuples = this.maps.exact.of(verb, kind, family) ?? new Tuples(family, this.maps.exact.origins);
      this.sets.set(name, (set = { verb, kind, family, said: new Said(tuples) }));
    }
    return set;
  }

  /**
   * Undefined where a packet could be let through that neither policy allows: the keys of two addresses are looked up one
   * after the other, so one packet may meet a key before it tightens and another after it loosens.
   */
  private rowsOf(changes: readonly DraftChange<ExactSet>[]): Row[] | undefined {
    const byKey = new Map<string, DraftChange<ExactSet>[]>();
    for (const change of changes) {
      const { kind, family } = change.set;
      const { source, destination, protocol, port } = change.tuple;
      const key = `${kind} ${family} ${source} ${destination} ${protocol} ${port}`;
      const some = byKey.get(key);
      if (some === undefined) byKey.set(key, [change]);
      else some.push(change);
    }
    const rows = [...byKey.values()].map((some) => this.rowOf(some));
    const pairs = new Map<string, Row[]>();
    for (const row of rows) {
      const pair = `${row.tuple.source} ${row.tuple.destination}`;
      const some = pairs.get(pair);
      if (some === undefined) pairs.set(pair, [row]);
      else some.push(row);
    }
    for (const some of pairs.values())
      if (some.length > 1 && some.some(({ tightens }) => tightens) && some.some(({ loosens }) => loosens))
        return undefined;
    return rows;
  }

  /** Of the changes of one key, one for each verb that has any. */
  private rowOf(changes: readonly DraftChange<ExactSet>[]): Row {
    const [
      {
        set: { kind, family },
        tuple,
      },
    ] = changes as [DraftChange<ExactSet>];
    let [tightens, loosens] = [false, false];
    const [before, after] = [[] as boolean[], [] as boolean[]];
    const numbers = VERBS.map((verb) => {
      const set = this.setOf(verb, kind, family);
      const change = changes.find((one) => one.set === set);
      const texts = change?.after ?? set.said.textsOf(tuple);
      const had = (change?.before ?? texts).length > 0;
      before.push(had);
      after.push(texts.length > 0);
      if (had !== texts.length > 0)
        if ((verb === "allow") === had) tightens = true;
        else loosens = true;
      return this.numberOf(set, tuple, texts);
    });
    const [was, is] = [before.includes(true), after.includes(true)];
    const grows = Number(is) - Number(was);
    return { kind, family, tuple, numbers: is ? numbers : undefined, tightens, loosens, grows };
  }

  /** Of the statement that decides, where the plan has numbered one that still says the tuple. */
  private numberOf({ said: { tuples } }: ExactSet, tuple: Tuple, texts: readonly string[]): number {
    if (texts.length === 0) return 0;
    const at = tuples.find(tuple.source, tuple.destination, tuple.protocol, tuple.port);
    const known = at === -1 ? [] : this.maps.exact.ranked(tuples, at);
    const index = known.find((one) => texts.includes(tuples.origins.at(one).text));
    return index === undefined ? UNNUMBERED : this.maps.statements.numberOf(index);
  }

  commit({ rows }: MapEdit, generation: number): number {
    if (rows.length === 0) return generation;
    const { active } = this;
    // Maps that nothing leads to any more can be changed all the same.
    if (!this.isOpen || inodeOf(this.file) !== this.inode) throw new Changed();
    if (!active.lookup() || active.value.readUInt32LE(0) !== generation) throw new Changed();
    const next = (generation + 2) >>> 0;
    try {
      this.move(next);
      for (const row of rows) this.write(row);
      const last = this.move((next + 2) >>> 0);
      if (rows.some((row) => row.tightens && this.mayConnect(row))) endDenied(this.folder);
      return last;
    } catch (error) {
      if (!(error instanceof BpfFailed)) throw error;
      throw new Refused(`the kernel refused an edit of the eBPF dataplane: ${error.message}`, error.help);
    }
  }

  private move(generation: number): number {
    this.active.value.writeUInt32LE(generation, 0);
    this.active.update();
    return generation;
  }

  /** Whether there may be a connection between two addresses; see `mixed` in dataplane/track.h. */
  private mayConnect({ family, tuple }: Row): boolean {
    const source = lastWord(addressIn(family, tuple.source));
    const destination = lastWord(addressIn(family, tuple.destination));
    const mixed = Math.imul(source ^ ((destination << 16) | (destination >>> 16)), 0x61c88647) >>> 0;
    this.noted.key.writeUInt32LE(mixed >>> (32 - NOTED_BITS), 0);
    return this.noted.lookup() && this.noted.value.readUInt32LE(0) !== 0;
  }

  private write({ kind, family, tuple, numbers }: Row): void {
    const { exacts } = this;
    const key = {
      source: addressIn(family, tuple.source),
      destination: addressIn(family, tuple.destination),
      protocol: tuple.protocol,
      port: tuple.port,
    };
    exacts.key.fill(0);
    writeExact(exacts.key, exacts.value, kind, key, numbers ?? [0, 0, 0]);
    if (numbers === undefined) return void exacts.delete();
    const bit = 1 << KIND[kind];
    if ((this.has & bit) === 0) {
      this.has |= bit;
      this.kinds.value.writeUInt32LE(this.has, 0);
      this.kinds.update();
    }
    exacts.update();
  }

  note({ rows, changes }: MapEdit): void {
    for (const { set, tuple, after } of changes) set.said.note(tuple, after);
    for (const { grows } of rows) this.count += grows;
  }
}

type Opened = readonly [active: OpenMap, exacts: OpenMap, kinds: OpenMap, noted: OpenMap];

const ADDRESS = Buffer.alloc(16);

function lastWord(address: Address): number {
  writeAddress(ADDRESS, 0, address);
  return ADDRESS.readUInt32LE(12);
}

const activeIn = (folder: string): string => join(folder, "maps/active");

const inodeOf = (file: string): number | undefined => statSync(file, { throwIfNoEntry: false })?.ino;
