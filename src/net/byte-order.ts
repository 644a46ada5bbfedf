/** A 32-bit number whose bytes, on a little-endian machine, are those of `value` in the order of the network. */
export function swapped(value: number): number {
  return (value >>> 24) | ((value >>> 8) & 0xff00) | ((value << 8) & 0xff0000) | (value << 24);
}
