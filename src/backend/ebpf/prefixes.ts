/** Ranges as the fewest prefixes, which is how a longest-prefix trie holds them. */

/** `width` is the number of bits of a value. */
export function* prefixesOf(
  low: number | bigint,
  high: number | bigint,
  width: number,
): Generator<{ base: bigint; length: number }> {
  let base = BigInt(low);
  const end = BigInt(high);
  while (base <= end) {
    let bits = 0;
    // As long as the block begins where such a block may, and ends within the range.
    while (bits < width && (base & (1n << BigInt(bits))) === 0n && base + (2n << BigInt(bits)) - 1n <= end) bits++;
    yield { base, length: width - bits };
    base += 1n << BigInt(bits);
  }
}
