/** The rules that large policies are made of, as columns of numbers. */
import type { SourceFile } from "../text/source.js";
import type { Verb } from "./nodes.js";
import { PlainRule } from "./plain-rule.js";

export const VERBS: readonly Verb[] = ["allow", "deny", "reject"];

/** What a row says, in this order; `KIND` is made of the bits below. */
export const START = 0;
export const END = 1;
/** An IPv4 address as its 32 bits, or the number of a name. */
export const SOURCE = 2;
export const DESTINATION = 3;
/** 0: none. */
export const PORT = 4;
export const KIND = 5;
export const FIELDS = 6;

/** In `KIND`: the verb's number, whether the ends are names, and one more than the number of the protocol's name. */
export const VERB = 3;
export const NAMED_SOURCE = 4;
export const NAMED_DESTINATION = 8;
export const PROTOCOL_SHIFT = 4;

/** Rows that there is room for at first: of so few the memory is an object's own, which a single edit is glad of. */
const FIRST = 2;

const BOTH_NAMED = NAMED_SOURCE | NAMED_DESTINATION;

/**
 * Plain rules of one file in the order of their lines (see `PlainRule`).
 *
 * A rule is a row of integers, so that 100,000 of them are one array and not a million objects: what is read, lowered,
 * planned and encoded goes from column to column. An object is made for who asks for one.
 */
export class PlainRules {
  readonly file: SourceFile;
  length = 0;
  /** `FIELDS` numbers a row. */
  rows = new Int32Array(FIRST * FIELDS);
  /** The names in the rows, in the order in which they first stand there. */
  readonly names: string[] = [];
  /** How many rows each verb has, in the order of `VERBS`. */
  readonly counts: number[] = VERBS.map(() => 0);
  /** Rows with names at both ends: what doesn't belong to one family by an address. */
  pairsOfNames = 0;
  private readonly numbers = new Map<string, number>();

  constructor(file: SourceFile) {
    this.file = file;
  }

  /** The number of a name, which gets one if it is new. */
  numberOf(name: string): number {
    let number = this.numbers.get(name);
    if (number === undefined) {
      number = this.names.push(name) - 1;
      this.numbers.set(name, number);
    }
    return number;
  }

  /** Adds a row; the six are what it is made of. */
  push(start: number, end: number, source: number, destination: number, port: number, kind: number): void {
    let { rows } = this;
    const at = this.length++ * FIELDS;
    if (at === rows.length) {
      this.rows = new Int32Array(at * 2);
      this.rows.set(rows);
      rows = this.rows;
    }
    rows[at + START] = start;
    rows[at + END] = end;
    rows[at + SOURCE] = source;
    rows[at + DESTINATION] = destination;
    rows[at + PORT] = port;
    rows[at + KIND] = kind;
    (this.counts[kind & VERB] as number)++;
    if ((kind & BOTH_NAMED) === BOTH_NAMED) this.pairsOfNames++;
  }

  at(row: number): PlainRule {
    const { rows, names, file } = this;
    const at = row * FIELDS;
    const kind = rows[at + KIND] as number;
    const peer = (field: number, named: number): string | number => {
      const value = rows[at + field] as number;
      return (kind & named) === 0 ? value >>> 0 : (names[value] as string);
    };
    const port = rows[at + PORT] as number;
    const protocol = kind >> PROTOCOL_SHIFT;
    return new PlainRule(
      file,
      rows[at + START] as number,
      rows[at + END] as number,
      VERBS[kind & VERB] as Verb,
      peer(SOURCE, NAMED_SOURCE),
      peer(DESTINATION, NAMED_DESTINATION),
      port === 0 ? undefined : port,
      protocol === 0 ? undefined : names[protocol - 1],
    );
  }
}
