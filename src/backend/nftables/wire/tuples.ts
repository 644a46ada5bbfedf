/** Tuples as elements: the same bytes that `encodeElements` makes of them, without an object for each. */
import { END, FIELDS, START } from "../../../ast/plain-rules.js";
import type { OriginRun } from "../../../ir/origins.js";
import type { Tuples } from "../tuples.js";
import type { Set } from "../ruleset.js";
import { comment } from "../values.js";
import { closeComment, COMMENT_HEAD, padded, put4, TYPES, writeValue } from "./bytes.js";
import * as nft from "./constants.js";
import type { Elements } from "./elements.js";

/** What a comment may have at most: see `comment`. */
const LONGEST = 110;

/**
 * An element without its comment is the same bytes for all tuples of a set, but for its key: they are written once and
 * copied, and the key and the comment put in.
 */
export function encodeTuples({ type }: Set, tuples: Tuples, keySize: number): Elements {
  const { sources, destinations, protocols, ports, length } = tuples;
  const head = headOf(keySize);
  const keyAt = head.length - padded(keySize);
  let bytes = Buffer.allocUnsafeSlow(length * (head.length + 48) + 1024);
  const offsets: number[] = [0];
  const texts = new Texts(tuples);
  const [address] = type;
  const step = padded(TYPES[address as "ipv4_addr"].size);
  const isV4 = address === "ipv4_addr";
  let at = 0;
  for (let i = 0; i < length; i++) {
    if (bytes.length - at < head.length + LONGEST * 4) {
      const larger = Buffer.allocUnsafeSlow(bytes.length * 2);
      bytes.copy(larger, 0, 0, at);
      bytes = larger;
    }
    const begun = at;
    for (let j = 0; j < head.length; j++) bytes[at + j] = head[j] as number;
    let key = at + keyAt;
    if (isV4) {
      key = put4(bytes, key, sources[i] as number);
      key = put4(bytes, key, destinations[i] as number);
    } else {
      writeValue(bytes, key, "ipv6_addr", sources[i] as bigint);
      writeValue(bytes, key + step, "ipv6_addr", destinations[i] as bigint);
      key += step * 2;
    }
    if (type.length > 2) bytes[key] = protocols[i] as number;
    if (type.length > 3) {
      const port = ports[i] as number;
      bytes[key + 4] = port >> 8;
      bytes[key + 5] = port;
    }
    at += head.length;

    const size = texts.write(i, bytes, at + COMMENT_HEAD);
    at = closeComment(bytes, at, size);
    const whole = at - begun;
    bytes[begun] = whole;
    bytes[begun + 1] = whole >> 8;
    offsets.push(at);
  }
  return { bytes: bytes.subarray(0, at), offsets };
}

/** NFTA_LIST_ELEM with NFTA_SET_ELEM_KEY with NFTA_DATA_VALUE and a key of zeros (linux/netfilter/nf_tables.h). */
function headOf(keySize: number): Buffer {
  const value = padded(keySize);
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
  private readonly tuples: Tuples;
  /** The run that the last one came from. */
  private run: OriginRun | undefined;
  private file: OriginRun["plain"]["file"] | undefined;
  /** Its file's text, a byte for each character: plain rules have no others than ASCII. */
  private source = Buffer.alloc(0);

  constructor(tuples: Tuples) {
    this.tuples = tuples;
  }

  /** Writes the comment of a tuple; returns how many bytes it has. */
  write(tuple: number, bytes: Buffer, at: number): number {
    const { from, shared, origins } = this.tuples;
    if (shared.size === 0 || !shared.has(tuple)) {
      const index = from[tuple] as number;
      let { run } = this;
      if (run === undefined || index < run.base || index - run.base >= run.count) run = this.open(index);
      if (run !== undefined) {
        const { rows } = run.plain;
        const row = (run.first + index - run.base) * FIELDS;
        const start = rows[row + START] as number;
        const size = (rows[row + END] as number) - start;
        if (size <= LONGEST) {
          const { source } = this;
          for (let i = 0; i < size; i++) bytes[at + i] = source[start + i] as number;
          return size;
        }
      }
    }
    const words = comment(this.tuples.originsOf(tuple).map((index) => origins.at(index))) ?? "";
    return bytes.write(words, at, "utf8");
  }

  private open(index: number): OriginRun | undefined {
    const run = this.tuples.origins.runOf(index);
    if (run === undefined) return undefined;
    this.run = run;
    if (run.plain.file !== this.file) {
      this.file = run.plain.file;
      this.source = Buffer.from(this.file.text, "latin1");
    }
    return run;
  }
}
