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

/**
 * Plain rules of one file in the order of their lines (see `PlainRule`).
 *
 * A rule is a row of integers, so that 100,000 of them are one array and not a million objects: what is read, lowered,
 * planned and encoded goes from column to column. An object is made for who asks for one.
 */
export class PlainRules {
  readonly file: SourceFile;
  length = 0;
  /** `FIELDS` numbers a row; there may be room for more than `length`. */
  rows = new Int32Array(0);
  /** The names in the rows, in the order in which they first stand there. */
  readonly names: string[] = [];
  /** How many rows each verb has, in the order of `VERBS`. */
  readonly counts: number[] = [0, 0, 0];
  /** Rows with names at both ends: what doesn't belong to one family by an address. */
  pairsOfNames = 0;

  constructor(file: SourceFile) {
    this.file = file;
  }

  /** Adds rows, which are the words from `start` to before `end` of these. */
  append(words: Int32Array, start: number, end: number): void {
    const used = this.length * FIELDS;
    const needed = used + end - start;
    // Of few the memory is an object's own, which a single edit is glad of.
    if (used === 0) this.rows = words.slice(start, end);
    else {
      if (needed > this.rows.length) {
        const { rows } = this;
        this.rows = new Int32Array(Math.max(needed, used * 2));
        this.rows.set(rows);
      }
      this.rows.set(words.subarray(start, end), used);
    }
    this.length = needed / FIELDS;
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
