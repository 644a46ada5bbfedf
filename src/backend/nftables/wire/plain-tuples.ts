/** Many tuples of plain rules as elements, by assembly/tuples.ts: what tuples.ts makes of them, run by run. */
import { FIELDS, type PlainRules } from "../../../ast/plain-rules.js";
import type { OriginRun } from "../../../ir/origins.js";
import { HAS_WASM, instantiate, Layout, type Memory } from "../../../text/wasm.js";
import type { Tuples } from "../../shape/tuples.js";
import type { Set } from "../ruleset.js";
import * as nft from "./constants.js";
import { WASM } from "./generated/tuples.js";

interface Exports {
  readonly memory: Memory;
  /** Where it is told what there is. */
  input(): number;
  /** Where memory is free. */
  free(): number;
  encode(first: number, from: number): number;
}

/** Of fewer, to have it ready takes as long as to write them. */
const MANY = 256;

/** Bytes of memory that it takes at most; most of what it reserves is never touched. */
const MOST = 2 ** 30;

const WORD = 4;

/** Words of what it is told about a run of statements. */
const FIRST = 7;

export class PlainTuples {
  /** Its memory: what it writes, and where it is written, stay there. It isn't used for anything else again. */
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  /** Where elements begin and end, from `out` on. */
  readonly offsets: Int32Array;
  /** Where elements are to be written. */
  readonly out: number;
  private readonly tuples: Tuples;
  private readonly plain: PlainRules;
  private readonly wasm: Exports;
  /** Where it is told about statements. */
  private readonly run: Int32Array;
  private told: OriginRun | undefined;

  /**
   * Undefined where it isn't worth while, or not all tuples are IPv4's and of one statement each.
   *
   * @param head an element without its comment, with a key of zeros at `keyAt`
   * @param longest characters that a comment may have
   * @param room bytes that are enough for every element
   */
  static of(
    { type }: Set,
    tuples: Tuples,
    head: Buffer,
    keyAt: number,
    longest: number,
    room: number,
  ): PlainTuples | undefined {
    if (
      !HAS_WASM ||
      tuples.length < MANY ||
      tuples.length * room > MOST ||
      tuples.shared.size > 0 ||
      type[0] !== "ipv4_addr"
    )
      return undefined;
    const plain = tuples.origins.plainest;
    return plain && new PlainTuples(type.length, tuples, plain, head, keyAt, longest, room);
  }

  private constructor(
    parts: number,
    tuples: Tuples,
    plain: PlainRules,
    head: Buffer,
    keyAt: number,
    longest: number,
    room: number,
  ) {
    this.tuples = tuples;
    this.plain = plain;
    this.wasm = instantiate<Exports>(WASM);
    const { memory } = this.wasm;
    const { length } = tuples;
    const { text } = plain.file;
    const rows = plain.length * FIELDS;
    const layout = new Layout(this.wasm.free());
    const headAt = layout.room(head.length);
    const textAt = layout.room(text.length);
    const rowsAt = layout.room(rows * WORD);
    const columnsAt = layout.room(length * 5 * WORD);
    const offsetsAt = layout.room((length + 1) * WORD);
    this.out = layout.room(length * room);
    const buffer = layout.applyTo(memory);

    this.bytes = Buffer.from(buffer);
    this.words = new Uint32Array(buffer);
    this.offsets = new Int32Array(buffer, offsetsAt, length + 1);
    head.copy(this.bytes, headAt);
    // A byte for each character: plain rules have no others than ASCII.
    this.bytes.write(text, textAt, "latin1");
    this.words.set(plain.rows.subarray(0, rows), rowsAt / WORD);
    const { sources, destinations, protocols, ports, from } = tuples;
    const columns = this.words.subarray(columnsAt / WORD);
    for (const [i, column] of [sources as Uint32Array, destinations as Uint32Array, protocols, ports, from].entries())
      columns.set(column.subarray(0, length), i * length);
    const input = this.wasm.input() / WORD;
    this.words.set(
      [
        ...[length, parts, headAt, head.length, keyAt, textAt, rowsAt, 0, 0, 0],
        ...[columnsAt, this.out, offsetsAt, longest, nft.ELEM.USERDATA, nft.LIST_ELEM],
      ],
      input,
    );
    this.run = new Int32Array(buffer, (input + FIRST) * WORD, 3);
  }

  /** Writes tuples from `first` on to `at`, as many as follow each other in one run of plain rules; returns how many. */
  write(first: number, at: number): number {
    const run = this.tuples.origins.runOf(this.tuples.from[first] as number);
    if (run === undefined || run.plain !== this.plain) return 0;
    if (run !== this.told) {
      this.told = run;
      this.run.set([run.first, run.base, run.count]);
    }
    return this.wasm.encode(first, at);
  }
}
