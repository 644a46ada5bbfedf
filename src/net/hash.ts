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

/** 64 bits as a bigint. */
export function hash64(...words: string[]): bigint {
  const bytes = encoder.encode(words.join("\0"));
  let [high, low] = [0x811c9dc5, 0x050c5d1f];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    high = Math.imul(high ^ byte, 0x01000193);
    low = Math.imul(low ^ byte, 0x01000193);
  }
  return (BigInt(fmix32(high)) << 32n) | BigInt(fmix32(low));
}

/** `length` (at most 12) characters of [0-9a-z]. */
export function hashText(length: number, ...words: string[]): string {
  return hash64(...words)
    .toString(36)
    .padStart(13, "0")
    .slice(-length);
}
