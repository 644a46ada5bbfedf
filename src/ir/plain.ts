/** Lowers plain rules row by row: what has nothing to report stays a row. */
import {
  DESTINATION,
  FIELDS,
  KIND,
  NAMED_DESTINATION,
  NAMED_SOURCE,
  type PlainRules,
  PROTOCOL_SHIFT,
  SOURCE,
  VERB,
  VERBS,
} from "../ast/plain-rules.js";
import { PORTED, PROTOCOLS } from "../net/ports.js";
import type { Lowering } from "./lowering.js";
import type { PeerSet, Publish, Rule } from "./policy.js";
import { isOutside, joins, OUTSIDE, type Places, type Reach } from "./reach.js";
import type { RuleRun } from "./rule-list.js";
import { lowerRule } from "./rules.js";
import { knownPeers } from "./values.js";

const ALLOW = VERBS.indexOf("allow");

/** One file's plain rules. */
export class PlainLowering {
  private readonly low: Lowering;
  private readonly plain: PlainRules;
  private readonly reach: Reach;
  /** What names stand for and where that is, by their numbers, as far as that is known. */
  private readonly peers: (PeerSet | undefined)[] = [];
  private readonly places: (Places | undefined)[] = [];
  /** Names to which a rule from any address that is no container's is sound. */
  private readonly admitting: (true | undefined)[] = [];
  /** Whether a protocol's name can stand behind a port. */
  private readonly ported: readonly boolean[];

  constructor(low: Lowering, plain: PlainRules, reach: Reach) {
    this.low = low;
    this.plain = plain;
    this.reach = reach;
    this.ported = plain.names.map((name) => PORTED.includes(PROTOCOLS.get(name) ?? -1));
  }

  /** Lowers the rows from `first` to before `end`; rows that need a closer look become rules of their own. */
  lower(first: number, end: number, publishes: readonly Publish[], out: (Rule | RuleRun)[]): void {
    const { low, plain, reach, peers } = this;
    let begun = first;
    const flush = (row: number): void => {
      if (row > begun) {
        const base = low.origins.addRun(plain, begun, row - begun);
        out.push({ plain, first: begun, end: row, base, peers });
      }
      begun = row + 1;
    };
    const { rows } = plain;
    const { lowest, highest } = reach;
    for (let row = first; row < end; row++) {
      const at = row * FIELDS;
      // By far the most common, and soon said: an address that can be no container's, to a name that was met before.
      const kind = (rows[at + KIND] as number) & ~VERB;
      if (kind === NAMED_DESTINATION && this.admitting[rows[at + DESTINATION] as number] === true) {
        const source = (rows[at + SOURCE] as number) >>> 0;
        if (source < lowest || source > highest) continue;
      }
      if (this.isSound(row)) continue;
      flush(row);
      const rule = lowerRule(low, plain.at(row), reach, publishes);
      if (rule !== undefined) out.push(rule);
    }
    flush(end);
  }

  /** Whether the row is a rule that `lowerRule` has nothing to say about. */
  private isSound(row: number): boolean {
    const { rows } = this.plain;
    const at = row * FIELDS;
    const kind = rows[at + KIND] as number;
    if ((kind & VERB) === ALLOW && this.low.confined.size > 0) return false;
    const protocol = kind >> PROTOCOL_SHIFT;
    if (protocol !== 0 && this.ported[protocol - 1] !== true) return false;
    const from = this.placesOf(rows[at + SOURCE] as number, (kind & NAMED_SOURCE) !== 0);
    const to = this.placesOf(rows[at + DESTINATION] as number, (kind & NAMED_DESTINATION) !== 0);
    if (from === undefined || to === undefined) return false;
    const isSound = joins(from, to) && !(isOutside(from) && isOutside(to));
    if (isSound && from === OUTSIDE && this.low.confined.size === 0 && (kind & NAMED_DESTINATION) !== 0)
      this.admitting[rows[at + DESTINATION] as number] = true;
    return isSound;
  }

  /** Undefined for a name that no statement has been lowered with yet: the first has what there is to report. */
  private placesOf(value: number, named: boolean): Places | undefined {
    if (!named) return this.reach.placesOf4(value >>> 0);
    const known = this.places[value];
    if (known !== undefined) return known;
    const set = knownPeers(this.low, this.plain.names[value] as string)?.set;
    if (set === undefined) return undefined;
    this.peers[value] = set;
    return (this.places[value] = this.reach.places(set));
  }
}
