/** Plain rules by assembly/lines.ts, which reads most of a large policy. */
import { FIELDS, type PlainRules } from "../src/ast/plain-rules.js";
import { type Global, instantiate, type Memory } from "../src/text/wasm.js";
import { WASM } from "./generated/lines.js";

interface Exports {
  readonly memory: Memory;
  readonly BATCH: Global;
  readonly stopped: Global;
  readonly allows: Global;
  readonly denies: Global;
  readonly rejects: Global;
  readonly pairs: Global;
  readonly names: Global;
  readonly namesAt: Global;
  readonly rowsAt: Global;
  begin(units: number): number;
  scan(start: number, end: number): number;
}

/** Readers that nobody uses: to make one takes as long as to read a hundred lines. */
const idle: PlainLines[] = [];

/** Memory that a reader may keep. */
const MOST_KEPT = 1 << 20;

export class PlainLines {
  private readonly exports = instantiate<Exports>(WASM);
  private plain!: PlainRules;

  /** Calls `read` with a reader of this file's rules, of which none have been read. */
  static over<R>(plain: PlainRules, read: (lines: PlainLines) => R): R {
    const lines = idle.pop() ?? new PlainLines();
    lines.begin(plain);
    try {
      return read(lines);
    } finally {
      if (lines.exports.memory.buffer.byteLength <= MOST_KEPT) idle.push(lines);
    }
  }

  private begin(plain: PlainRules): void {
    this.plain = plain;
    const { text } = plain.file;
    const at = this.exports.begin(text.length);
    Buffer.from(this.exports.memory.buffer).write(text, at, "utf16le");
  }

  /** Reads the plain rules from `start`, the beginning of a line, as long as they last; returns where they end. */
  read(start: number): number {
    const { exports, plain } = this;
    const { text } = plain.file;
    let at = start;
    for (let rows = exports.BATCH.value; rows === exports.BATCH.value; at = exports.stopped.value) {
      rows = exports.scan(at, text.length);
      if (rows > 0) plain.append(new Int32Array(exports.memory.buffer, exports.rowsAt.value, rows * FIELDS));
    }
    const { names } = plain;
    const places = new Int32Array(exports.memory.buffer, exports.namesAt.value, exports.names.value * 2);
    for (let name = names.length; name < exports.names.value; name++)
      names.push(text.slice(places[name * 2], places[name * 2 + 1]));
    plain.counts = [exports.allows.value, exports.denies.value, exports.rejects.value];
    plain.pairsOfNames = exports.pairs.value;
    return at;
  }
}
