/**
 * Address assignment: which subnet a network has and which address an endpoint, as a pure function of the text.
 *
 * An endpoint's address depends on its container's name and its subnet alone, so that adding, removing or moving other
 * containers never renumbers it; only a collision moves the one declared later on to the next free address.
 */
import { type Address, format4, type Family } from "../net/address.js";
import { hash32, hash64, hashText } from "../net/hash.js";
import type { PrefixSet } from "../net/prefix-set.js";
import { bounds, type Prefix } from "../net/prefix.js";

/** `10.83.0.0/16` for the policy `tsnet`; another policy's default network is `10.N.0.0/16`, N in 84–199. */
export function defaultSubnet(policy: string): Prefix {
  const second = policy === "tsnet" ? 83 : 84 + (hash32("subnet", policy) % 116);
  return { family: 4, base: (10 * 256 + second) * 65536, length: 16 };
}

const POOL_BASE = (10 * 256 + 200) * 65536;
const POOL_SIZE = 48 * 256;

/**
 * The `/24` in 10.200.0.0–10.247.255.255 of a network without a subnet; `taken` are the subnets fixed before it.
 * `moved` says that the one its name gives was taken. Undefined when the pool is full.
 */
export function poolSubnet(
  policy: string,
  network: string,
  taken: PrefixSet,
): { prefix: Prefix; moved: boolean } | undefined {
  const start = hash32("network", policy, network) % POOL_SIZE;
  for (let step = 0; step < POOL_SIZE; step++) {
    const prefix: Prefix = { family: 4, base: POOL_BASE + ((start + step) % POOL_SIZE) * 256, length: 24 };
    if (!taken.overlaps(prefix)) return { prefix, moved: step > 0 };
  }
  return undefined;
}

/** First and last address that an endpoint may have: without an IPv4 subnet's own and its broadcast address. */
export function usable(prefix: Prefix): readonly [bigint, bigint] {
  const [low, high] = bounds(prefix);
  const narrow = prefix.family === 4 ? prefix.length >= 31 : prefix.length >= 127;
  if (narrow) return [BigInt(low), BigInt(high)];
  return [BigInt(low) + 1n, prefix.family === 4 ? BigInt(high) - 1n : BigInt(high)];
}

export function toAddress(family: Family, value: bigint): Address {
  return family === 4 ? { family, value: Number(value) } : { family, value };
}

/** A network's gateway unless one is given: the subnet's first usable address. */
export function firstAddress(prefix: Prefix): Address {
  return toAddress(prefix.family, usable(prefix)[0]);
}

/**
 * The address that `name` has in `prefix`, skipping `taken` (values of the same family) and the gateway.
 * `moved` says who holds the address that its name gives: a container, or a gateway that isn't the first address, where
 * each is unless given. Undefined when the subnet is full.
 */
export function endpointAddress(
  name: string,
  prefix: Prefix,
  gateway: Address,
  taken: ReadonlySet<bigint>,
): { address: Address; moved: "container" | "gateway" | undefined } | undefined {
  const [low, high] = usable(prefix);
  const size = high - low + 1n;
  const start = hash64("endpoint", name) % size;
  let moved: "container" | "gateway" | undefined;
  const limit = size < 1n << 20n ? size : 1n << 20n;
  for (let step = 0n; step < limit; step++) {
    const value = low + ((start + step) % size);
    if (value === BigInt(gateway.value)) {
      if (value !== low) moved ??= "gateway";
      continue;
    }
    if (!taken.has(value)) return { address: toAddress(prefix.family, value), moved };
    moved ??= "container";
  }
  return undefined;
}

/** `02:42` and the four bytes of the IPv4 address, as Docker makes it; of an IPv6 address its last four bytes. */
export function macOf(address: Address): string {
  const low = address.family === 4 ? address.value : Number(address.value & 0xffffffffn);
  const bytes = format4(low).split(".");
  return ["02", "42", ...bytes.map((byte) => Number(byte).toString(16).padStart(2, "0"))].join(":");
}

/** What the names of endpoints' host ends begin with, of every policy: `iifname "tsv-*"` matches them all. */
export const ENDPOINT_PREFIX = "tsv-";

/** Host end of an endpoint's veth pair: 15 characters, the kernel's limit. */
export function deviceName(policy: string, container: string, network: string): string {
  return `${ENDPOINT_PREFIX}${hashText(11, "veth", policy, container, network)}`;
}

export function bridgeName(policy: string, network: string): string {
  return `tsb-${hashText(11, "bridge", policy, network)}`;
}
