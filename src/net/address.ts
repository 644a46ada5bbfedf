/**
 * IPv4 and IPv6 addresses as integers: IPv4 a number in 0…2³²−1, IPv6 a bigint in 0…2¹²⁸−1.
 *
 * Text is parsed and printed by ipaddr.js; only the integer form is ours, because sets of addresses need arithmetic.
 */
import ipaddr from "ipaddr.js";
import { EMPTY, full, intersect, normalise, overlaps, type Domain, type Ranges, subtract, union } from "./ranges.js";

export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];

export type Address = { readonly family: 4; readonly value: number } | { readonly family: 6; readonly value: bigint };

export const V4: Domain<number> = {
  min: 0,
  max: 0xffffffff,
  next: (value) => value + 1,
  previous: (value) => value - 1,
};

export const V6: Domain<bigint> = {
  min: 0n,
  max: (1n << 128n) - 1n,
  next: (value) => value + 1n,
  previous: (value) => value - 1n,
};

/** Addresses of both families. */
export interface AddressSet {
  readonly v4: Ranges<number>;
  readonly v6: Ranges<bigint>;
}

export const NO_ADDRESSES: AddressSet = { v4: EMPTY, v6: EMPTY };
export const ALL_ADDRESSES: AddressSet = { v4: full(V4), v6: full(V6) };
export const LOOPBACK: AddressSet = { v4: [0x7f000000, 0x7fffffff], v6: [1n, 1n] };

/** Multicast, and IPv4's broadcast address: a destination only, and no host's own. */
export const OF_NO_HOST: AddressSet = {
  v4: [0xe0000000, 0xefffffff, 0xffffffff, 0xffffffff],
  v6: [0xffn << 120n, V6.max],
};

export function unionSet(a: AddressSet, b: AddressSet): AddressSet {
  if (a === b || b === NO_ADDRESSES) return a;
  if (a === NO_ADDRESSES) return b;
  return { v4: union(a.v4, b.v4, V4), v6: union(a.v6, b.v6, V6) };
}

/** The union of several sets. Like `unionSet` of one after the other, whose time is the square of their number. */
export function unionOf(sets: readonly AddressSet[]): AddressSet {
  const [first, second] = sets;
  if (first === undefined) return NO_ADDRESSES;
  if (second === undefined) return first;
  const v4 = normalise(
    sets.flatMap((set) => set.v4),
    V4,
  );
  const v6 = normalise(
    sets.flatMap((set) => set.v6),
    V6,
  );
  return { v4, v6 };
}

export function subtractSet(a: AddressSet, b: AddressSet): AddressSet {
  if (b === NO_ADDRESSES || a === NO_ADDRESSES) return a;
  return { v4: subtract(a.v4, b.v4, V4), v6: subtract(a.v6, b.v6, V6) };
}

export function intersectSet(a: AddressSet, b: AddressSet): AddressSet {
  return a === b ? a : { v4: intersect(a.v4, b.v4), v6: intersect(a.v6, b.v6) };
}

export function overlapsSet(a: AddressSet, b: AddressSet): boolean {
  return overlaps(a.v4, b.v4) || overlaps(a.v6, b.v6);
}

export function isEmptySet(a: AddressSet): boolean {
  return a.v4.length === 0 && a.v6.length === 0;
}

export function single(address: Address): AddressSet {
  return address.family === 4
    ? { v4: [address.value, address.value], v6: EMPTY }
    : { v4: EMPTY, v6: [address.value, address.value] };
}

/** Parses an address; undefined when the text is none. IPv4 must be four plain decimal octets, as nft demands. */
export function parseAddress(text: string): Address | undefined {
  const v4 = parse4(text);
  if (v4 !== undefined) return { family: 4, value: v4 };
  if (!text.includes(":") || text.includes("%")) return undefined;
  const value = parse6(text);
  return value === undefined ? undefined : { family: 6, value };
}

function parse6(text: string): bigint | undefined {
  try {
    let value = 0n;
    for (const part of ipaddr.IPv6.parse(text).parts) value = (value << 16n) | BigInt(part);
    return value;
  } catch {
    return undefined;
  }
}

/**
 * The integer of the IPv4 address that a part of a text is. Four decimal octets by hand: ipaddr.js takes a microsecond
 * more, which 10,000 statements would feel.
 */
export function parse4(text: string, start = 0, end = text.length): number | undefined {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let i = start; i <= end; i++) {
    const code = i < end ? text.charCodeAt(i) : 46;
    if (code >= 48 && code <= 57) {
      if (octet === 0) return undefined;
      octet = octet < 0 ? code - 48 : octet * 10 + code - 48;
      if (octet > 255) return undefined;
    } else if (code === 46 && octet >= 0 && dots < 4) {
      value = value * 256 + octet;
      octet = -1;
      dots++;
    } else return undefined;
  }
  return dots === 4 ? value : undefined;
}

export function format4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** RFC 5952 text, which is also how the kernel's tools print it. */
export function format6(value: bigint): string {
  const parts: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) parts.push(Number((value >> shift) & 0xffffn));
  return new ipaddr.IPv6(parts).toRFC5952String();
}

export function formatAddress(address: Address): string {
  return address.family === 4 ? format4(address.value) : format6(address.value);
}

export function formatValue(family: Family, value: number | bigint): string {
  return family === 4 ? format4(value as number) : format6(value as bigint);
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.family === b.family && a.value === b.value;
}

export function hasAddress(set: AddressSet, address: Address): boolean {
  return address.family === 4 ? inside(set.v4, address.value) : inside(set.v6, address.value);
}

function inside<T extends number | bigint>(set: Ranges<T>, value: T): boolean {
  for (let i = 0; i < set.length; i += 2) if (value >= (set[i] as T) && value <= (set[i + 1] as T)) return true;
  return false;
}

export function isLoopback(address: Address): boolean {
  return hasAddress(LOOPBACK, address);
}
