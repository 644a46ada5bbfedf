/** Tuples as elements: the same bytes that `encodeElements` makes of them, without an object for each. */
import { aligned } from "../../../system/netlink/align.js";
import { END, FIELDS, START } from "../../../ast/plain-rules.js";
import type { OriginRun } from "../../../ir/origins.js";
import type { Tuples } from "../../shape/tuples.js";
import type { Set } from "../ruleset.js";
import { swapped } from "../../../net/byte-order.js";
import { comment } from "../values.js";
import { closeComment, COMMENT_HEAD, TYPES, writeValue } from "./bytes.js";
import * as nft from "./constants.js";
import type { Elements } from "./elements.js";
import { PlainTuples } from "./plain-tuples.js";

/** What a comment may have at most: see `comment`. */
const LONGEST = 110;

/**
 * An element without its comment is the same bytes for all tuples of a set, but for its key: they are written once and
 * copied, a word at a time since attributes begin at words, and the key and the comment put in. Words are little-endian,
 * as the machine is (see `systemCalls`).
 *
 * The text of the file that comments come from stands before the elements in the same buffer: one `copyWithin` is cheaper
 * than a loop over 30 bytes, even once V8 has compiled it, and a process that starts anew each time runs it before that.
 * Which is why most of a large policy isn't written here at all, but by `PlainTuples`.
 */
export function encodeTuples(set: Set, tuples: Tuples, keySize: number): Elements {
  const { type } = set;
  const { sources, destinations, protocols, ports, length } = tuples;
  const head = headOf(keySize);
  const headWords = new Uint32Array(head.buffer, head.byteOffset, head.length / 4);
  const keyAt = head.length - aligned(keySize);
  const most = head.length + LONGEST * 4;
  const plain = PlainTuples.of(set, tuples, head, keyAt, LONGEST, most);
  const room = plain?.out ?? aligned(tuples.origins.longestText);
  let bytes = plain?.bytes ?? Buffer.allocUnsafeSlow(aligned(room + length * (head.length + 48) + 1024));
  let words = plain?.words ?? wordsOf(bytes);
  const offsets = plain?.offsets ?? new Int32Array(length + 1);
  const texts = new Texts(tuples);
  const [address] = type;
  const step = aligned(TYPES[address as "ipv4_addr"].size);
  const isV4 = address === "ipv4_addr";
  let at = room;
  for (let i = 0; i < length; i++) {
    const written = plain?.write(i, at) ?? 0;
    if (written > 0) {
      i += written - 1;
      at = room + (offsets[i + 1] as number);
      continue;
    }
    if (bytes.length - at < most) {
      const larger = Buffer.allocUnsafeSlow(bytes.length * 2);
      bytes.copy(larger, 0, 0, at);
      bytes = larger;
      words = wordsOf(bytes);
    }
    const begun = at >> 2;
    for (let j = 0; j < headWords.length; j++) words[begun + j] = headWords[j] as number;
    let key = at + keyAt;
    if (isV4) {
      words[key >> 2] = swapped(sources[i] as number);
      words[(key >> 2) + 1] = swapped(destinations[i] as number);
      key += 8;
    } else {
      writeValue(bytes, key, "ipv6_addr", sources[i] as bigint);
      writeValue(bytes, key + step, "ipv6_addr", destinations[i] as bigint);
      key += step * 2;
    }
    if (type.length > 2) bytes[key] = protocols[i] as number;
    if (type.length > 3) {
      const port = ports[i] as number;
      words[(key >> 2) + 1] = (port >> 8) | ((port & 255) << 8);
    }
    at += head.length;

    // The way at once has left those out whose line can't be copied.
    const start = plain === undefined ? texts.startOf(i, bytes) : -1;
    if (start === -1) at = closeComment(bytes, at, bytes.write(texts.written(i), at + COMMENT_HEAD, "utf8"));
    else {
      const { size } = texts;
      // What `closeComment` makes, before the text is there.
      const last = (at + COMMENT_HEAD + size) >> 2;
      words[last] = 0;
      words[at >> 2] = (size + 7) | (nft.ELEM.USERDATA << 16);
      words[(at >> 2) + 1] = (size + 1) << 8;
      bytes.copyWithin(at + COMMENT_HEAD, start, start + size);
      at = (last + 1) << 2;
    }
    words[begun] = (at - (begun << 2)) | (nft.LIST_ELEM << 16);
    offsets[i + 1] = at - room;
  }
  return { bytes: bytes.subarray(room, at), offsets };
}

const wordsOf = (bytes: Buffer): Uint32Array => new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);

/** NFTA_LIST_ELEM with NFTA_SET_ELEM_KEY with NFTA_DATA_VALUE and a key of zeros (linux/netfilter/nf_tables.h). */
function headOf(keySize: number): Buffer {
  const value = aligned(keySize);
  const head = Buffer.alloc(12 + value);
  head[2] = nft.LIST_ELEM;
  head[4] = value + 8;
  head[6] = nft.ELEM.KEY;
  head[8] = keySize + 4;
  head[10] = nft.DATA.VALUE;
  return head;
}

/** The comments of tuples. That of one plain rule is its line, and is copied from the file as it is. */
class Texts {
  /** Of the comment that `startOf` has found, in bytes. */
  size = 0;
  private readonly tuples: Tuples;
  /** The run that the last one came from. */
  private run: OriginRun | undefined;
  private file: OriginRun["plain"]["file"] | undefined;
  /** Where its text has been put. */
  private bytes: Buffer | undefined;

  constructor(tuples: Tuples) {
    this.tuples = tuples;
  }

  /** Where the comment of a tuple stands in `bytes`; -1 where it is none that can be copied. */
  startOf(tuple: number, bytes: Buffer): number {
    const { from, shared } = this.tuples;
    if (shared.size !== 0 && shared.has(tuple)) return -1;
    const index = from[tuple] as number;
    let { run } = this;
    if (run === undefined || index < run.base || index - run.base >= run.count) run = this.open(index);
    if (run === undefined) return -1;
    if (run.plain.file !== this.file || bytes !== this.bytes) {
      // A byte for each character: plain rules have no others than ASCII.
      bytes.write((this.file = run.plain.file).text, 0, "latin1");
      this.bytes = bytes;
    }
    const { rows } = run.plain;
    const row = (run.first + index - run.base) * FIELDS;
    const start = rows[row + START] as number;
    this.size = (rows[row + END] as number) - start;
    return this.size <= LONGEST ? start : -1;
  }

  written(tuple: number): string {
    const { origins } = this.tuples;
    return comment(this.tuples.originsOf(tuple).map((index) => origins.at(index))) ?? "";
  }

  private open(index: number): OriginRun | undefined {
    const run = this.tuples.origins.runOf(index);
    if (run !== undefined) this.run = run;
    return run;
  }
}
