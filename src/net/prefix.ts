/** CIDR prefixes, and how a range of addresses is written as few prefixes. */
import { type Address, type AddressSet, type Family, format4, format6 } from "./address.js";
import { EMPTY } from "./ranges.js";

export type Prefix =
  | { readonly family: 4; readonly base: number; readonly length: number }
  | { readonly family: 6; readonly base: bigint; readonly length: number };

/** The prefix that contains `address`; host bits are cleared. Undefined when the length is out of range. */
export function prefixOf(address: Address, length: number): Prefix | undefined {
  if (address.family === 4) {
    if (length > 32) return undefined;
    const size = 2 ** (32 - length);
    return { family: 4, base: Math.floor(address.value / size) * size, length };
  }
  if (length > 128) return undefined;
  const bits = BigInt(128 - length);
  return { family: 6, base: (address.value >> bits) << bits, length };
}

/** First and last address of a prefix. */
export function bounds(prefix: Prefix): readonly [number, number] | readonly [bigint, bigint] {
  return prefix.family === 4
    ? [prefix.base, prefix.base + 2 ** (32 - prefix.length) - 1]
    : [prefix.base, prefix.base + (1n << BigInt(128 - prefix.length)) - 1n];
}

export function prefixSet(prefix: Prefix): AddressSet {
  return prefix.family === 4
    ? { v4: bounds(prefix) as [number, number], v6: EMPTY }
    : { v4: EMPTY, v6: bounds(prefix) as [bigint, bigint] };
}

export function formatPrefix(prefix: Prefix): string {
  return `${prefix.family === 4 ? format4(prefix.base) : format6(prefix.base)}/${prefix.length}`;
}

export function inPrefix(prefix: Prefix, address: Address): boolean {
  if (prefix.family !== address.family) return false;
  const [low, high] = bounds(prefix);
  return address.value >= low && address.value <= high;
}

export function overlappingPrefixes(a: Prefix, b: Prefix): boolean {
  if (a.family !== b.family) return false;
  const [aLow, aHigh] = bounds(a);
  const [bLow, bHigh] = bounds(b);
  return aLow <= bHigh && bLow <= aHigh;
}

/** The length of the prefix that is exactly `low`–`high`, or undefined when the range is no prefix. */
export function prefixLength(family: Family, low: number | bigint, high: number | bigint): number | undefined {
  const width = family === 4 ? 32 : 128;
  const start = BigInt(low);
  const size = BigInt(high) - start + 1n;
  if ((size & (size - 1n)) !== 0n || start % size !== 0n) return undefined;
  return width - (size.toString(2).length - 1);
}
