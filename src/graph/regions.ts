/** The addresses of an end, in regions that no statement divides. Pure. */
import { type Address, type Family, formatValue, V4, V6 } from "../net/address.js";
import { prefixLength } from "../net/prefix.js";
import { contains, cuts, type Domain, intersect, normalise, type Ranges, subtract } from "../net/ranges.js";
import { inhabitedFamilies, ownAddresses } from "../ir/own.js";
import type { Container, PeerSet, Policy, Zone } from "../ir/policy.js";

type Value = number | bigint;

export interface Region {
  readonly zone: Zone;
  /** One of its addresses, which stands for all. */
  readonly address: Address;
  /** The addresses in words. */
  readonly text: string;
}

/** One region for each address. */
export function containerRegions({ endpoints }: Container): Region[] {
  return endpoints.flatMap(({ addresses }) =>
    addresses.map((address): Region => {
      return { zone: "container", address, text: formatValue(address.family, address.value) };
    }),
  );
}

/** The host or the world, divided where the statements divide it. Only families that a container has. */
export function zoneRegions(policy: Policy, zone: "host" | "world", peers: readonly PeerSet[]): Region[] {
  return familiesOf(policy).flatMap((family) => {
    const sets = [...new Set(peers.map((peer) => rangesIn(peer, zone, family)))];
    return regionsIn(policy, zone, family, sets);
  });
}

const families = new WeakMap<Policy, readonly Family[]>();

function familiesOf(policy: Policy): readonly Family[] {
  let known = families.get(policy);
  if (known === undefined) {
    known = inhabitedFamilies(policy.containers);
    families.set(policy, known);
  }
  return known;
}

function rangesIn(peers: PeerSet, zone: Zone, family: Family): Ranges<Value> {
  return family === 4 ? peers[zone].v4 : peers[zone].v6;
}

function regionsIn(policy: Policy, zone: "host" | "world", family: Family, sets: readonly Ranges<Value>[]): Region[] {
  const domain = (family === 4 ? V4 : V6) as Domain<Value>;
  const base = baseOf(policy, zone, family, domain);
  const groups = new Map<string, Value[]>();
  const points = cuts<Value>(sets, domain);
  points.forEach((low, i) => {
    const next = points[i + 1];
    const high = next === undefined ? domain.max : domain.previous(next);
    const signature = sets.map((set) => (contains(set, low) ? "1" : "0")).join("");
    const group = groups.get(signature);
    if (group === undefined) groups.set(signature, [low, high]);
    else group.push(low, high);
  });
  return [...groups.values()].flatMap((flat): Region[] => {
    // In words it is what the statements say, whoever else has addresses in between.
    const ranges = normalise<Value>(flat, domain);
    const [first] = intersect(ranges, base);
    if (first === undefined) return [];
    const rest = subtract<Value>([domain.min, domain.max], ranges, domain);
    return [{ zone, address: { family, value: first } as Address, text: rangesText(ranges, rest, family) }];
  });
}

/** Every address that nobody else is known to have. */
function baseOf(policy: Policy, zone: "host" | "world", family: Family, domain: Domain<Value>): Ranges<Value> {
  const own = ownAddresses(policy.containers);
  const taken: Value[] = [...(family === 4 ? own.v4 : own.v6)];
  if (zone === "world") {
    const host = [...policy.networks.flatMap(({ gateways }) => gateways), ...published(policy)];
    for (const address of host) if (address.family === family) taken.push(address.value, address.value);
  }
  return subtract<Value>([domain.min, domain.max], normalise(taken, domain), domain);
}

function published({ publishes }: Policy): Address[] {
  return publishes.flatMap(({ hostAddress }) => hostAddress ?? []);
}

/** Intervals that a text lists. */
const MOST = 6;

function rangesText(ranges: Ranges<Value>, rest: Ranges<Value>, family: Family): string {
  if (rest.length === 0) return `all IPv${family}`;
  const smaller = ranges.length <= rest.length ? ranges : rest;
  if (smaller.length > 2 * MOST) return `${ranges.length / 2} ranges of IPv${family} addresses`;
  return `${smaller === rest ? "all but " : ""}${listed(smaller, family).join(", ")}`;
}

function listed(ranges: Ranges<Value>, family: Family): string[] {
  const out: string[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const [low, high] = [ranges[i] as Value, ranges[i + 1] as Value];
    const length = prefixLength(family, low, high);
    const first = formatValue(family, low);
    if (low === high) out.push(first);
    else out.push(length === undefined ? `${first}-${formatValue(family, high)}` : `${first}/${length}`);
  }
  return out;
}
