/**
 * The throwaway host and the world around it: which addresses they have. Pure.
 *
 * Rules and `from` tell addresses of the world apart, so the simulated world has several: one for each set of statements
 * that can meet an address there, taken from the ranges that they name.
 */
import { endpointAt } from "../ir/evaluate.js";
import type { PeerSet, Policy } from "../ir/policy.js";
import { type Address, type Family, FAMILIES, parseAddress, sameAddress, V4, V6 } from "../net/address.js";
import { bounds, overlappingPrefixes, type Prefix, prefixOf } from "../net/prefix.js";
import { contains, cuts, type Domain, intersect, normalise, type Ranges, subtract } from "../net/ranges.js";

type Value = number | bigint;

/** One family's link between the throwaway host and the world. */
export interface Uplink {
  readonly prefix: Prefix;
  readonly host: Address;
  readonly world: Address;
}

export interface Place {
  /** For each family that a container has. */
  readonly uplinks: readonly Uplink[];
  /** Addresses of the host that a publish names, besides the uplink's and the gateways. */
  readonly published: readonly Address[];
  /** Addresses in the world that are probed from and to. */
  readonly world: readonly Address[];
  /** Sets of statements whose addresses of the world are not probed, because there would be too many. */
  readonly left: number;
}

/** Documentation and benchmark ranges (RFC 5737, 2544, 3849), then private ones. */
const CANDIDATES = [
  "198.51.100.0/24",
  "203.0.113.0/24",
  "192.0.2.0/24",
  "198.18.0.0/24",
  "100.64.99.0/24",
  "172.31.254.0/24",
  "2001:db8:100::/64",
  "2001:db8:200::/64",
  "2001:db8:300::/64",
  "fd54:534e:4554::/64",
] as const;

/** Addresses of one family that the world is given at most. */
const MOST = 6;
/** Ranges that are looked at at most before giving up the search for more. */
const PATIENCE = 2000;

export function planPlace(policy: Policy): Place {
  const uplinks: Uplink[] = [];
  const published = publishedAddresses(policy);
  const world: Address[] = [];
  let left = 0;
  for (const family of FAMILIES) {
    if (!policy.containers.some((c) => c.endpoints.some((e) => e.addresses.some((a) => a.family === family)))) continue;
    const uplink = chooseUplink(policy, family, published);
    uplinks.push(uplink);
    const chosen = worldAddresses(policy, family, uplink, published);
    world.push(...chosen.addresses);
    left += chosen.left;
  }
  return { uplinks, published, world, left };
}

export function uplinkOf(place: Place, family: Family): Uplink | undefined {
  return place.uplinks.find((uplink) => uplink.prefix.family === family);
}

export function isLoopback(address: Address): boolean {
  return address.family === 4 ? address.value >>> 24 === 127 : address.value === 1n;
}

/** Host addresses that publishes name, without loopback, which every host has. */
function publishedAddresses(policy: Policy): Address[] {
  const gateways = policy.networks.flatMap((network) => network.gateways);
  const out: Address[] = [];
  for (const { hostAddress } of policy.publishes) {
    if (hostAddress === undefined || isLoopback(hostAddress)) continue;
    if ([...gateways, ...out].some((other) => sameAddress(other, hostAddress))) continue;
    if (endpointAt(policy, hostAddress) === undefined) out.push(hostAddress);
  }
  return out;
}

// The uplink ---------------------------------------------------------------------------------------------------------

function chooseUplink(policy: Policy, family: Family, published: readonly Address[]): Uplink {
  const subnets = policy.networks.flatMap((network) => network.subnets);
  const usable = CANDIDATES.map(parsePrefix)
    .filter((prefix) => prefix.family === family)
    .map((prefix): Uplink => ({ prefix, host: nth(prefix, 1), world: nth(prefix, 2) }))
    .filter(({ prefix, world }) => {
      return (
        !subnets.some((subnet) => overlappingPrefixes(subnet, prefix)) &&
        !published.some((address) => sameAddress(address, world))
      );
    });
  // An address that a rule names means a machine that the author knows: better not to be it.
  const named = peersOf(policy).map((peers) => rangesOf(peers, family));
  const chosen = usable.find(({ host }) => !named.some((set) => isNamed(set, host.value))) ?? usable[0];
  if (chosen === undefined) throw new Error(`the networks leave no IPv${family} range for a simulated uplink`);
  return chosen;
}

function parsePrefix(text: string): Prefix {
  const [base, length] = text.split("/");
  const address = parseAddress(base ?? "");
  const prefix = address && prefixOf(address, Number(length));
  if (prefix === undefined) throw new Error(`no prefix: ${text}`);
  return prefix;
}

function nth(prefix: Prefix, n: number): Address {
  return prefix.family === 4 ? { family: 4, value: prefix.base + n } : { family: 6, value: prefix.base + BigInt(n) };
}

/** Whether a value is in an interval so narrow that somebody must have meant it. */
function isNamed(set: Ranges<Value>, value: Value): boolean {
  for (let i = 0; i < set.length; i += 2) {
    const [low, high] = [set[i] as Value, set[i + 1] as Value];
    if (value >= low && value <= high && BigInt(high) - BigInt(low) < 65536n) return true;
  }
  return false;
}

// The world ----------------------------------------------------------------------------------------------------------

/** What the policy says of the world, by any statement. */
function peersOf(policy: Policy): PeerSet[] {
  return [
    ...policy.rules.flatMap((rule) => [rule.from, rule.to]),
    ...policy.publishes.flatMap((publish) => publish.from ?? []),
  ];
}

function rangesOf(peers: PeerSet, family: Family): Ranges<Value> {
  return family === 4 ? peers.world.v4 : peers.world.v6;
}

function domainOf(family: Family): Domain<Value> {
  return (family === 4 ? V4 : V6) as Domain<Value>;
}

function worldAddresses(
  policy: Policy,
  family: Family,
  uplink: Uplink,
  published: readonly Address[],
): { addresses: Address[]; left: number } {
  const domain = domainOf(family);
  const permitted = permittedFor(policy, uplink, published);
  const sets = [...new Set(peersOf(policy).map((peers) => rangesOf(peers, family)))].filter((set) => set.length > 0);
  // The uplink's own end first: where no statement tells addresses apart, it is the world.
  const points: Value[] = [uplink.world.value, ...cuts(sets, domain)];
  const chosen: Value[] = [];
  const again: Value[] = [];
  const seen = new Set<string>();
  let left = 0;
  points.slice(0, PATIENCE).forEach((point, i) => {
    const after = points[i + 1];
    const last = i === 0 ? point : after === undefined ? domain.max : domain.previous(after);
    const value = pick(family, intersect<Value>([point, last], permitted));
    if (value === undefined) return;
    const signature = sets.flatMap((set, index) => (contains(set, value) ? [index] : [])).join();
    if (!seen.has(signature)) {
      seen.add(signature);
      if (chosen.length < MOST) chosen.push(value);
      else left++;
    } else if (i > 0 && signature !== [...seen][0]) again.push(value);
  });
  // Where there is room, more of the ranges that the policy names, although the statements say the same of them.
  const more = again.filter((value) => !chosen.includes(value));
  chosen.push(...more.slice(0, MOST - chosen.length));
  return { addresses: chosen.map((value) => ({ family, value }) as Address), left };
}

/** An address that stands for anybody, or the first that looks like a machine's. */
function pick(family: Family, free: Ranges<Value>): Value | undefined {
  const familiar = FAMILIAR[family].find((value) => contains(free, value));
  const [first, last] = free;
  if (familiar !== undefined || first === undefined || last === undefined) return familiar;
  const bare = family === 4 ? (first as number) % 256 === 0 : (first as bigint) % 65536n === 0n;
  return bare && first !== last ? domainOf(family).next(first) : first;
}

/** Unicast addresses that are neither a network's nor the host's. */
function permittedFor(policy: Policy, uplink: Uplink, published: readonly Address[]): Ranges<Value> {
  const { family } = uplink.prefix;
  const domain = domainOf(family);
  const taken: Value[] = [];
  const take = ([low, high]: readonly [Value, Value]) => taken.push(low, high);
  for (const text of UNROUTABLE) {
    const prefix = parsePrefix(text);
    if (prefix.family === family) take(bounds(prefix));
  }
  for (const network of policy.networks)
    for (const subnet of network.subnets) if (subnet.family === family) take(bounds(subnet));
  for (const address of [uplink.host, ...published])
    if (address.family === family) take([address.value, address.value]);
  // The link's own network and broadcast address.
  const [low, high] = bounds(uplink.prefix);
  if (family === 4) for (const value of [low, high]) take([value, value]);
  return subtract(unicast(family), normalise(taken, domain), domain);
}

/** IPv6: global and unique local addresses only. */
function unicast(family: Family): Ranges<Value> {
  if (family === 4) return [V4.min, V4.max];
  return normalise(["2000::/3", "fc00::/7"].flatMap((text) => [...bounds(parsePrefix(text))]) as Value[], domainOf(6));
}

/** Where a range leaves the choice, addresses that are known to stand for anybody. */
const FAMILIAR: Readonly<Record<Family, readonly Value[]>> = {
  4: valuesOf("203.0.113.9", "192.0.2.9", "198.51.100.9"),
  6: valuesOf("2001:db8:ffff::9", "2001:db8:eeee::9"),
};

function valuesOf(...texts: string[]): Value[] {
  return texts.flatMap((text) => parseAddress(text)?.value ?? []);
}

const UNROUTABLE = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"] as const;
