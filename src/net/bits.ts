/** Sets of small numbers as bits of a fixed width, for set arithmetic in bulk. Never mutated once they are shared. */

export type Bits = Uint32Array;

export function noBits(size: number): Bits {
  return new Uint32Array((size + 31) >>> 5);
}

export function allBits(size: number): Bits {
  const bits = noBits(size);
  bits.fill(0xffffffff);
  if (size % 32 !== 0) bits[bits.length - 1] = 2 ** (size % 32) - 1;
  return bits;
}

export function bitsOf(size: number, members: Iterable<number>): Bits {
  const bits = noBits(size);
  for (const member of members) addBit(bits, member);
  return bits;
}

/** Of a set that is still being made. */
export function addBit(bits: Bits, member: number): void {
  bits[member >>> 5] = (bits[member >>> 5] as number) | (1 << (member & 31));
}

export function hasBit(bits: Bits, member: number): boolean {
  return (((bits[member >>> 5] as number) >>> (member & 31)) & 1) === 1;
}

/** What is in both; undefined where nothing is. */
export function both(a: Bits, b: Bits): Bits | undefined {
  const out = new Uint32Array(a.length);
  let any = 0;
  for (let i = 0; i < a.length; i++) any |= out[i] = (a[i] as number) & (b[i] as number);
  return any === 0 ? undefined : out;
}

/** What is in the first alone; undefined where nothing is. */
export function without(a: Bits, b: Bits): Bits | undefined {
  const out = new Uint32Array(a.length);
  let any = 0;
  for (let i = 0; i < a.length; i++) any |= out[i] = (a[i] as number) & ~(b[i] as number);
  return any === 0 ? undefined : out;
}

export function meets(a: Bits, b: Bits): boolean {
  for (let i = 0; i < a.length; i++) if (((a[i] as number) & (b[i] as number)) !== 0) return true;
  return false;
}

export function sizeOf(bits: Bits): number {
  let size = 0;
  for (let i = 0; i < bits.length; i++) for (let word = bits[i] as number; word !== 0; word &= word - 1) size++;
  return size;
}

/** The only member; undefined where there are none or several. */
export function onlyBit(bits: Bits): number | undefined {
  let found: number | undefined;
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] as number;
    if (word === 0) continue;
    if (found !== undefined || (word & (word - 1)) !== 0) return undefined;
    found = i * 32 + (31 - Math.clz32(word));
  }
  return found;
}

/** In ascending order. */
export function* members(bits: Bits): Generator<number> {
  for (let i = 0; i < bits.length; i++)
    for (let word = bits[i] as number; word !== 0; word &= word - 1) yield i * 32 + (31 - Math.clz32(word & -word));
}
