/**
 * Elements of sets and maps as the kernel keeps them: each a list of attributes (nft_set_elem_attributes), written in
 * the order in which a dump gives them back, so that elements compare as bytes.
 *
 * A set of single values is hashed. An interval of one part is two elements, its beginning and the value after its end,
 * and the tree of a set begins with an end at zero; concatenations with intervals keep beginning and end in one.
 */
import { aligned } from "../../../system/netlink/align.js";
import { u16 } from "../../../system/netlink/decoder.js";
import { Encoder } from "../../../system/netlink/encoder.js";
import type { Data, Element, Part, Set, Target, Type } from "../ruleset.js";
import { comment } from "../values.js";
import { closeComment, COMMENT_HEAD, TYPES, writeValue } from "./bytes.js";
import * as nft from "./constants.js";
import { commentBytes, encodeVerdict } from "./expressions.js";
import { encodeTuples } from "./tuples.js";

/** Encoded elements, one after the other, each with its header: any run of them can be sent as it is. */
export interface Elements {
  readonly bytes: Buffer;
  /** Where each begins, and the end of the last; all of them multiples of four. */
  readonly offsets: ArrayLike<number>;
}

export const NONE: Elements = { bytes: Buffer.alloc(0), offsets: [0] };

/** NFTNL_UDATA_SET_ELEM_FLAGS with SET_ELEM_F_INTERVAL_OPEN (libnftnl: udata.h): an interval to the highest value. */
const OPEN = Buffer.from([1, 4, 1, 0, 0, 0]);

/** The bytes of a whole key. */
export function keySize(types: readonly Type[]): number {
  const [only] = types;
  if (types.length === 1 && only !== undefined) return TYPES[only].size;
  return types.reduce((sum, type) => sum + aligned(TYPES[type].size), 0);
}

/** Where an element begins, how far behind that its data and its end are, and what it is. */
interface Head {
  readonly at: number;
  readonly data: number;
  readonly end: number;
  readonly of: Element;
}

/** Where the value is in an attribute that holds one. */
const VALUE_AT = 8;

/** Types whose values take all of their bytes. */
function isNumeric(type: Type): boolean {
  return type !== "ifname" && type !== "ether_addr";
}

/** Whether the data of two elements differs in nothing but a number. */
function isAlike(a: Data | undefined, b: Data | undefined): boolean {
  if (typeof a === "object" && typeof b === "object")
    return a === b || (a.verdict === b.verdict && chainOf(a) === chainOf(b));
  return typeof a === typeof b;
}

const chainOf = (target: Target): string | undefined => ("chain" in target ? target.chain : undefined);

class ElementWriter {
  readonly to: Encoder;
  readonly offsets: number[] = [0];
  private readonly set: Pick<Set, "type" | "data">;
  private readonly size: number;
  private begun = 0;
  /** Of a set of numbers: an element before its comment, which all whose data has its form are but for their values. */
  private readonly numeric: boolean;
  private head: Head | undefined;
  /** The statement that the last comment is of, and where that stands: a statement between groups has thousands. */
  private last: Element["from"][number] | undefined;
  private lastAt = 0;
  private lastEnd = 0;
  /** Of each element that is whole: the statement that it is of if that is one, and where its comment stands. */
  private readonly from: (Element["from"][number] | undefined)[] = [];
  private readonly comments: number[] = [];
  /** Of what was written before: the maps of published ports have the same statements, one after the other. */
  private like: ElementWriter | undefined;

  /** `count`: how many elements there will be. */
  constructor(set: Pick<Set, "type" | "data">, count: number, like?: ElementWriter) {
    this.set = set;
    this.like = like;
    this.size = keySize(set.type);
    this.numeric =
      set.type.every(isNumeric) && (set.data === undefined || set.data === "verdict" || isNumeric(set.data));
    // Room for an element with a comment of usual length, so that a large set need not grow.
    this.to = new Encoder(count * (this.size + 80) + 256);
  }

  /** `end`: the end of an interval in place of the value or the beginning. */
  private key(type: number, parts: readonly Part[], end: boolean): void {
    const { to, set } = this;
    const at = openValue(to, type, this.size);
    writeValues(to.bytes, at, set.type, parts, end);
  }

  private data(data: Data): void {
    if (typeof data === "object") return encodeVerdict(this.to, nft.ELEM.DATA, data);
    const type = this.set.data as Type;
    const at = openValue(this.to, nft.ELEM.DATA, TYPES[type].size);
    writeValue(this.to.bytes, at, type, data);
  }

  private comment({ from }: Element): void {
    const { to, like } = this;
    const first = from.length === 1 ? from[0] : undefined;
    const index = this.from.length;
    const at = to.length;
    this.from.push(first);
    this.comments.push(at);
    if (first !== undefined && first === this.last) return this.copy(to.bytes, this.lastAt, this.lastEnd);
    if (first !== undefined && first === like?.from[index]) {
      const start = like.comments[index] as number;
      this.copy(like.to.bytes, start, start + aligned(u16(like.to.bytes, start)));
    } else writeComment(to, comment(from));
    this.lastAt = at;
    this.lastEnd = to.length;
    this.last = first;
  }

  private copy(bytes: Buffer, start: number, end: number): void {
    const { to } = this;
    const size = end - start;
    to.reserve(size);
    if (bytes === to.bytes) bytes.copyWithin(to.length, start, end);
    else bytes.copy(to.bytes, to.length, start, end);
    to.length += size;
  }

  private begin(): void {
    this.begun = this.to.open(nft.LIST_ELEM, 0);
  }

  private done(): void {
    this.to.close(this.begun);
    this.offsets.push(this.to.length);
  }

  /** One element with all that it says; `concat` writes the end of its intervals too. */
  whole(element: Element, concat: boolean, open = false): void {
    this.begin();
    if (concat || !this.copied(element)) {
      const { length } = this.to;
      this.key(nft.ELEM.KEY, element.key, false);
      if (concat) this.key(nft.ELEM.KEY_END, element.key, true);
      const data = this.to.length;
      if (element.data !== undefined) this.data(element.data);
      if (this.numeric && !concat)
        this.head = { at: length, data: data - length, end: this.to.length - length, of: element };
    }
    if (open) writeOpenComment(this.to, comment(element.from));
    else this.comment(element);
    this.done();
  }

  /** Writes an element as the one of `head` is, with its own values; false where it isn't like that. */
  private copied({ key, data }: Element): boolean {
    const { head, to } = this;
    if (head === undefined || !isAlike(head.of.data, data)) return false;
    to.reserve(head.end);
    const { bytes, length } = to;
    bytes.copyWithin(length, head.at, head.at + head.end);
    writeValues(bytes, length + VALUE_AT, this.set.type, key, false);
    if (data !== undefined && typeof data !== "object")
      writeValue(bytes, length + head.data + VALUE_AT, this.set.data as Type, data);
    to.length = length + head.end;
    return true;
  }

  finish(): Elements {
    this.like = undefined;
    return { bytes: this.to.bytes.subarray(0, this.to.length), offsets: this.offsets };
  }

  /** The element behind an interval, or before the first. */
  end(value: number | bigint): void {
    this.begin();
    this.key(nft.ELEM.KEY, [value], false);
    this.to.be32(nft.ELEM.FLAGS, nft.ELEM_INTERVAL_END);
    this.done();
  }
}

/** What was written last, for as long as nobody collects it. */
let latest: WeakRef<ElementWriter> | undefined;

export function encodeElements(set: Set): Elements {
  if (set.tuples !== undefined) return encodeTuples(set, set.tuples, keySize(set.type));
  const writer = new ElementWriter(set, set.elements.length, latest?.deref());
  if (!set.interval) for (const element of set.elements) writer.whole(element, false);
  else if (set.type.length > 1) for (const element of set.elements) writer.whole(element, true);
  else encodeTree(writer, set);
  latest = new WeakRef(writer);
  return writer.finish();
}

/** Writes one element of a set of single values; `words` is its comment. Its key alone is enough to delete it. */
export function encodeSingle(to: Encoder, type: Set["type"], key: readonly Part[], words: string | undefined): void {
  const begun = to.open(nft.LIST_ELEM, 0);
  const at = openValue(to, nft.ELEM.KEY, keySize(type));
  writeValues(to.bytes, at, type, key, false);
  if (words !== undefined) writeComment(to, words);
  to.close(begun);
}

/** Begins an attribute that holds a value of `size` zero bytes; returns where they are. */
function openValue(to: Encoder, type: number, size: number): number {
  const whole = aligned(size) + VALUE_AT;
  to.reserve(whole);
  const at = to.length;
  const { bytes } = to;
  // So few are set sooner than asked for.
  for (let i = at; i < at + whole; i++) bytes[i] = 0;
  bytes[at] = whole;
  bytes[at + 2] = type;
  bytes[at + 4] = size + 4;
  bytes[at + 6] = nft.DATA.VALUE;
  to.length = at + whole;
  return at + VALUE_AT;
}

function writeValues(bytes: Buffer, from: number, types: Set["type"], parts: readonly Part[], end: boolean): void {
  let at = from;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as Part;
    const of = types[i] as Type;
    writeValue(bytes, at, of, typeof part === "object" ? (end ? part.to : part.from) : part);
    at += aligned(TYPES[of].size);
  }
}

/** The comment as nft notes it: see `commentBytes`. */
function writeComment(to: Encoder, words: string | undefined): void {
  if (words === undefined) return;
  to.reserve(words.length * 3 + 16);
  const { bytes, length } = to;
  to.length = closeComment(bytes, length, bytes.write(words, length + COMMENT_HEAD, "utf8"));
}

/** The same of an interval that goes on to the highest value. */
function writeOpenComment(to: Encoder, words: string | undefined): void {
  to.raw(nft.ELEM.USERDATA, words === undefined ? OPEN : Buffer.concat([commentBytes(words), OPEN]));
}

function encodeTree(writer: ElementWriter, set: Set): void {
  const highest = set.type[0] === "ipv6_addr" ? (1n << 128n) - 1n : set.type[0] === "ipv4_addr" ? 0xffffffff : 0xffff;
  const zero = typeof highest === "bigint" ? 0n : 0;
  const starts = set.elements.some(({ key: [part] }) => (typeof part === "object" ? part.from : part) === zero);
  if (!starts && set.elements.length > 0) writer.end(zero);
  for (const element of set.elements) {
    const part = element.key[0] as Exclude<Part, string>;
    const to = typeof part === "object" ? part.to : part;
    writer.whole(element, false, to === highest);
    if (to !== highest) writer.end(typeof to === "bigint" ? to + 1n : to + 1);
  }
}

export const count = (elements: Elements): number => elements.offsets.length - 1;

/** One element as a string of its bytes: equal elements give equal strings. */
export function textOf({ bytes, offsets }: Elements, index: number): string {
  return bytes.toString("latin1", offsets[index], offsets[index + 1]);
}
