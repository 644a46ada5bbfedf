/** Plain rules by assembly/lines.ts, which reads most of a large policy. */
import { FIELDS, type PlainRules } from "../src/ast/plain-rules.js";
import { instantiate, type Memory } from "../src/text/wasm.js";
import { WASM } from "./generated/lines.js";

interface Exports {
  readonly memory: Memory;
  state(): number;
  rows(): number;
  begin(units: number): number;
  scan(start: number, end: number): number;
}

/** Words of the module's state. */
const STOPPED = 0;
const VERBS = 1;
const PAIRS = 4;
const NAMES = 5;
const NAMES_AT = 6;

/** Rows that it reads at once. */
const BATCH = 4096;

/** Readers that nobody uses: to make one takes as long as to read a hundred lines. */
const idle: PlainLines[] = [];

/** Memory that a reader may keep. */
const MOST_KEPT = 1 << 20;

export class PlainLines {
  private readonly exports = instantiate<Exports>(WASM);
  /** Where the module's state and its rows are, in words. */
  private readonly state = this.exports.state() >> 2;
  private readonly rows = this.exports.rows() >> 2;
  /** All of its memory, twice; both are empty when it has grown. */
  private bytes = Buffer.alloc(0);
  private words = new Int32Array(0);
  private plain!: PlainRules;

  /** Calls `read` with a reader of this file's rules, of which none have been read. */
  static over<R>(plain: PlainRules, read: (lines: PlainLines) => R): R {
    const lines = idle.pop() ?? new PlainLines();
    lines.begin(plain);
    try {
      return read(lines);
    } finally {
      if (lines.words.byteLength <= MOST_KEPT) idle.push(lines);
    }
  }

  private begin(plain: PlainRules): void {
    this.plain = plain;
    const { text } = plain.file;
    const at = this.exports.begin(text.length);
    this.look();
    this.bytes.write(text, at, "utf16le");
  }

  private look(): void {
    if (this.words.length > 0) return;
    const { buffer } = this.exports.memory;
    this.bytes = Buffer.from(buffer);
    this.words = new Int32Array(buffer);
  }

  /** Reads the plain rules from `start`, the beginning of a line, as long as they last; returns where they end. */
  read(start: number): number {
    const { exports, plain, state, rows } = this;
    const { names, file } = plain;
    const { text } = file;
    let at = start;
    for (let count = BATCH; count === BATCH;) {
      count = exports.scan(at, text.length);
      this.look();
      at = this.words[state + STOPPED] as number;
      if (count > 0) plain.append(this.words, rows, rows + count * FIELDS);
    }
    const { words } = this;
    const known = words[state + NAMES] as number;
    for (let name = names.length, place = ((words[state + NAMES_AT] as number) >> 2) + name * 2; name < known; name++) {
      names.push(text.slice(words[place], words[place + 1]));
      place += 2;
    }
    for (let verb = 0; verb < plain.counts.length; verb++) plain.counts[verb] = words[state + VERBS + verb] as number;
    plain.pairsOfNames = words[state + PAIRS] as number;
    return at;
  }
}
