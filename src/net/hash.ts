/**
 * A small, fixed hash for names made from names (devices, addresses, chains).
 *
 * FNV-1a over UTF-8 with MurmurHash3's finaliser, twice with different offsets: 64 bits that are the same on every
 * machine and for ever, which addresses "from the text alone" depend on. Not for security: a collision is detected
 * by whoever uses it and resolved or reported.
 */
const encoder = new TextEncoder();

function fmix32(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function fnv(bytes: Uint8Array, offset: number): number {
  let h = offset;
  for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193);
  return fmix32(h);
}

/** 32 bits of the words, joined by NUL so that ("ab","c") and ("a","bc") differ. */
export function hash32(...words: string[]): number {
  return fnv(encoder.encode(words.join("\0")), 0x811c9dc5);
}

/** 64 bits, of words and of bytes behind them. */
export class Hash64 {
  private high = 0x811c9dc5;
  private low = 0x050c5d1f;

  constructor(...words: string[]) {
    const bytes = encoder.encode(words.join("\0"));
    this.add(bytes, 0, bytes.length);
  }

  add(bytes: Uint8Array, from: number, to: number): void {
    let { high, low } = this;
    for (let i = from; i < to; i++) {
      const byte = bytes[i] as number;
      high = Math.imul(high ^ byte, 0x01000193);
      low = Math.imul(low ^ byte, 0x01000193);
    }
    this.high = high;
    this.low = low;
  }

  /** A number of 32 bits, in one step. */
  word(value: number): void {
    // As MurmurHash3 mixes a block, with two odd factors.
    let high = Math.imul(this.high ^ Math.imul(value, 0xcc9e2d51), 0x1b873593);
    let low = Math.imul(this.low ^ Math.imul(value, 0x85ebca6b), 0xc2b2ae35);
    high ^= high >>> 15;
    low ^= low >>> 13;
    this.high = Math.imul(high, 5) + 0x6b64;
    this.low = Math.imul(low, 9) + 0x6546;
  }

  words(text: string): void {
    const bytes = encoder.encode(text);
    this.add(bytes, 0, bytes.length);
  }

  get value(): bigint {
    return (BigInt(fmix32(this.high)) << 32n) | BigInt(fmix32(this.low));
  }

  /** `length` (at most 12) characters of [0-9a-z]. */
  text(length: number): string {
    return this.value.toString(36).padStart(13, "0").slice(-length);
  }
}

/** 64 bits as a bigint. */
export function hash64(...words: string[]): bigint {
  return new Hash64(...words).value;
}

/** `length` (at most 12) characters of [0-9a-z]. */
export function hashText(length: number, ...words: string[]): string {
  return new Hash64(...words).text(length);
}
