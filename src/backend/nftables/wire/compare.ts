/** Which elements of two sets differ, as bytes. */
import { count, type Elements, NONE } from "./elements.js";

/** Words of an element that its hash is made of: header and key, and more where there is. */
const HASHED = 12;

/** What is only in `want`, and what is only in `have`, in their orders. Equal elements are taken to stand once. */
export function compareElements(want: Elements, have: Elements): { added: Elements; removed: Elements } {
  if (want.bytes.equals(have.bytes)) return { added: NONE, removed: NONE };
  const [a, b] = [wordsOf(want), wordsOf(have)];
  const there = new Table(have, b);
  const added: number[] = [];
  for (let i = 0; i < count(want); i++) if (!there.take(want, a, i)) added.push(i);
  return { added: pick(want, added), removed: pick(have, there.left()) };
}

/** Elements are whole words, each beginning where one does. */
function wordsOf({ bytes }: Elements): Int32Array {
  const size = bytes.length >> 2;
  if (bytes.byteOffset % 4 === 0) return new Int32Array(bytes.buffer, bytes.byteOffset, size);
  const copy = new Uint8Array(size * 4);
  copy.set(bytes);
  return new Int32Array(copy.buffer);
}

/** Elements by their content: a hash table with open addressing, at most half full. */
class Table {
  private readonly elements: Elements;
  private readonly words: Int32Array;
  /** One more than the index of an element; 0 where there is none. */
  private readonly slots: Int32Array;
  private readonly taken: Uint8Array;

  constructor(elements: Elements, words: Int32Array) {
    this.elements = elements;
    this.words = words;
    const size = count(elements);
    this.slots = new Int32Array(2 ** Math.ceil(Math.log2(size * 2 + 1)));
    this.taken = new Uint8Array(size);
    const mask = this.slots.length - 1;
    for (let i = 0; i < size; i++) {
      let slot = hash(elements, words, i) & mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = i + 1;
    }
  }

  /** Takes an equal element out; false where there is none. */
  take(from: Elements, words: Int32Array, index: number): boolean {
    const { slots, taken, elements } = this;
    const mask = slots.length - 1;
    for (let slot = hash(from, words, index) & mask; ; slot = (slot + 1) & mask) {
      const i = (slots[slot] as number) - 1;
      if (i < 0) return false;
      if (taken[i] === 1 || !equal(elements, this.words, i, from, words, index)) continue;
      taken[i] = 1;
      return true;
    }
  }

  /** The elements that weren't taken. */
  left(): number[] {
    const left: number[] = [];
    for (let i = 0; i < this.taken.length; i++) if (this.taken[i] === 0) left.push(i);
    return left;
  }
}

function hash({ offsets }: Elements, words: Int32Array, index: number): number {
  const from = (offsets[index] as number) >> 2;
  const end = Math.min((offsets[index + 1] as number) >> 2, from + HASHED);
  let h = 0;
  for (let i = from; i < end; i++) {
    h = Math.imul(h ^ (words[i] as number), 0x2c1b3c6d);
    h ^= h >>> 15;
  }
  return h;
}

function equal(a: Elements, aWords: Int32Array, i: number, b: Elements, bWords: Int32Array, j: number): boolean {
  const from = (a.offsets[i] as number) >> 2;
  const other = (b.offsets[j] as number) >> 2;
  const size = ((a.offsets[i + 1] as number) >> 2) - from;
  if (((b.offsets[j + 1] as number) >> 2) - other !== size) return false;
  for (let k = 0; k < size; k++) if (aWords[from + k] !== bWords[other + k]) return false;
  return true;
}

function pick({ bytes, offsets }: Elements, indices: readonly number[]): Elements {
  const parts = indices.map((i) => bytes.subarray(offsets[i], offsets[i + 1]));
  const ends = [0];
  for (const part of parts) ends.push((ends[ends.length - 1] as number) + part.length);
  return { bytes: Buffer.concat(parts), offsets: ends };
}
