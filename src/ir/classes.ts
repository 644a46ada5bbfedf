/**
 * Packet classes: a finite set of packets that stands for all of them.
 *
 * The spaces of addresses (in each zone), protocols and ports are cut wherever a statement's set begins or ends, so two
 * packets of one class meet the same statements and one representative speaks for the rest. What is checked for every
 * class is therefore checked for every packet.
 */
import { type Address, type AddressSet, type Family, isLoopback, parseAddress, V4, V6 } from "../net/address.js";
import { hasPort, ICMP, overlapsPorts, type PortSet, PORT, PORTED, portsOf, protocolIn } from "../net/ports.js";
import { firstFrom } from "../net/intervals.js";
import { contains, cuts, type Domain, firstOutside, intersect, type Ranges } from "../net/ranges.js";
import type { End, Packet } from "./evaluate.js";
import { endpointAt, translate } from "./evaluate.js";
import { hostsOf } from "./hosts.js";
import { inhabitedFamilies, ownAddresses } from "./own.js";
import { overlapsPeers } from "./peers.js";
import { type Container, type PeerSet, type Policy, type Publish, type Rule, type Zone, ZONES } from "./policy.js";

/** Which packets are asked about. */
export interface Query {
  readonly from: PeerSet;
  readonly to: PeerSet;
  readonly ports: PortSet;
}

export interface ClassOptions {
  /** One packet for all cells that the same statements cover; otherwise one for each cell of addresses. */
  readonly merge?: boolean;
  /** Rules of the policy that are known to hold all that can cover a packet of the query; otherwise all are asked. */
  readonly among?: readonly Rule[];
  /** The only publishes whose packets are wanted; otherwise all. */
  readonly through?: readonly Publish[];
}

export interface Classes {
  /** Statements that can match a packet of the query: enough for `evaluate`. */
  readonly rules: readonly Rule[];
  readonly packets: Iterable<Packet>;
}

/** Every class of packets that the query covers and that has a container of the policy at one end. */
export function packetClasses(policy: Policy, query: Query, options: ClassOptions = {}): Classes {
  const rules = (options.among ?? policy.rules).filter(
    (rule) =>
      overlapsPorts(rule.ports, query.ports) &&
      overlapsPeers(rule.to, query.to) &&
      overlapsPeers(rule.from, query.from),
  );
  return { rules, packets: enumerate(policy, query, rules, options) };
}

function* enumerate(
  policy: Policy,
  query: Query,
  rules: readonly Rule[],
  { merge = true, through: publishes = policy.publishes }: ClassOptions,
): Generator<Packet> {
  const published = publishes.flatMap((publish) => (publish.from === undefined ? [] : [publish.from]));
  for (const family of inhabitedFamilies(policy.containers)) {
    const sources = ends(policy, family, query.from, [...rules.map((rule) => rule.from), ...published], merge);
    const destinations = ends(
      policy,
      family,
      query.to,
      rules.map((rule) => rule.to),
      merge,
    );
    const ports = portCells(publishes, family, query.ports, rules);
    for (const source of sources)
      for (const destination of destinations) {
        if (!passes(policy, source, destination)) continue;
        for (const port of ports) if (!isTranslated(policy, destination, port)) yield { source, destination, ...port };
      }
    for (const via of publishes) yield* through(via, family, query, sources, ports);
  }
}

/** A packet to a published port of the host never arrives there: it is the publish's. */
export function isTranslated(
  policy: Policy,
  { zone, address }: End,
  { protocol, port }: { protocol: number; port: number | undefined },
  publishes: readonly Publish[] = policy.publishes,
): boolean {
  return zone === "host" && port !== undefined && translate(policy, address, protocol, port, publishes).length > 0;
}

/** Packets that reach a destination of the query through a publish. */
export function* through(
  via: Publish,
  family: Family,
  query: Pick<Query, "to">,
  sources: readonly End[],
  ports: readonly { protocol: number; port: number | undefined }[],
): Generator<Packet> {
  if (!via.families.includes(family)) return;
  const last = via.port + via.hostPorts[1] - via.hostPorts[0];
  const inside = ports.filter(
    ({ protocol, port }) => protocol === via.protocol && port !== undefined && port >= via.port && port <= last,
  );
  if (inside.length === 0) return;
  // What is published on the host's loopback is for the host alone.
  const coming =
    via.hostAddress !== undefined && isLoopback(via.hostAddress)
      ? sources.filter((source) => source.zone === "host")
      : sources;
  for (const target of via.targets)
    for (const address of target.addresses) {
      if (address.family !== family || !holds(query.to.container, address)) continue;
      const destination: End = { zone: "container", address };
      for (const source of coming) for (const port of inside) yield { source, destination, ...port, via };
    }
}

/** Whether a packet between these ends ever passes a hook: not within one sandbox, nor without a container. */
export function passes(policy: Policy, source: End, destination: End): boolean {
  if (source.zone !== "container") return destination.zone === "container";
  // No container's packet to a loopback address ever leaves its sandbox.
  if (destination.zone !== "container") return !isLoopback(destination.address);
  return endpointAt(policy, source.address)?.container !== endpointAt(policy, destination.address)?.container;
}

type Value = number | bigint;

export function rangesOf(set: AddressSet, family: Family): Ranges<Value> {
  return family === 4 ? set.v4 : set.v6;
}

function holds(set: AddressSet, address: Address): boolean {
  return contains<Value>(rangesOf(set, address.family), address.value);
}

/**
 * One end for each cell of `within`, cut by the sets of `by`. Merged, one for all cells that the same sets cover; with
 * "containers", containers on the same networks are such cells too, and two of them are kept.
 */
export function ends(
  policy: Policy,
  family: Family,
  within: PeerSet,
  by: readonly PeerSet[],
  merge: boolean | "containers",
): End[] {
  const out: End[] = [];
  for (const zone of ZONES) {
    const inside = rangesOf(within[zone], family);
    if (inside.length === 0) continue;
    const seen = new Map<string, Container | undefined>();
    const sets = [...new Set(by.map((peers) => rangesOf(peers[zone], family)))];
    const values = candidates(policy, zone, family, inside, sets, merge !== false);
    const holding = merge === false ? [] : holders(values, sets);
    values.forEach((value, i) => {
      const address = { family, value } as Address;
      if (merge !== false) {
        const alike = merge === "containers";
        const container = alike ? endpointAt(policy, address)?.container : undefined;
        const signature = `${likeness(policy, zone, address, alike)}:${(holding[i] as number[]).join()}`;
        if (seen.has(signature)) {
          // Of two containers one is another than the container at the packet's other end.
          const first = seen.get(signature);
          if (first === undefined || first === container) return;
          seen.set(signature, undefined);
        } else seen.set(signature, container);
      }
      out.push({ zone, address });
    });
  }
  return out;
}

/** Representatives of the cells: container addresses themselves; elsewhere a value of each cell, familiar ones first. */
function candidates(
  policy: Policy,
  zone: Zone,
  family: Family,
  inside: Ranges<Value>,
  sets: readonly Ranges<Value>[],
  merge: boolean,
): Value[] {
  const domain = (family === 4 ? V4 : V6) as Domain<Value>;
  const own = rangesOf(ownAddresses(policy.containers), family);
  if (zone === "container") {
    const out: Value[] = [];
    const mine = intersect(inside, own);
    for (let i = 0; i < mine.length; i += 2)
      for (let value = mine[i] as Value; value <= (mine[i + 1] as Value); value = domain.next(value)) out.push(value);
    return out;
  }
  const { named, taken } = hostsOf(policy);
  const asked = zone === "host" || !merge ? named : [];
  const gateways = asked.filter((address) => address.family === family).map(({ value }) => value);
  // Between containers' addresses are as many cells as there are containers, and merged they are one.
  const apart = merge ? [] : [own, ...gateways.map((value): Ranges<Value> => [value, value])];
  const points = cuts([inside, ...apart, ...sets], domain);
  // The first of a class stands for it: what people know comes first.
  const known = zone === "host" ? [...gateways, ...familiar(zone, family)] : familiar(zone, family);
  const others = zone === "world" ? rangesOf(taken, family) : own;
  const out: Value[] = [];
  points.forEach((from, i) => {
    if (!contains(inside, from)) return;
    const after = points[i + 1];
    const to = after === undefined ? domain.max : domain.previous(after);
    const value =
      known.find((one) => one >= from && one <= to && !contains(others, one)) ?? firstOutside(others, from, domain);
    if (value !== undefined && value <= to) out.push(value);
  });
  if (out.length < 2) return out;
  const rank = (value: Value): number => (known.includes(value) ? known.indexOf(value) : known.length);
  return out.sort((a, b) => rank(a) - rank(b));
}

const FAMILIAR: Readonly<Record<string, readonly string[]>> = {
  world4: ["198.51.100.1", "203.0.113.1", "10.0.0.1", "192.168.0.1", "172.16.0.1", "8.8.8.8"],
  world6: ["2001:db8:ffff::1", "fd00:ffff::1"],
  host4: ["192.0.2.1", "10.0.0.2", "192.168.0.2"],
  host6: ["2001:db8:eeee::1", "fd00:eeee::1"],
};

const familiarValues = new Map<string, readonly Value[]>();

/** Addresses that people know, for examples. */
export function familiar(zone: "host" | "world", family: Family): readonly Value[] {
  const key = `${zone}${family}`;
  let values = familiarValues.get(key);
  if (values === undefined) {
    values = (FAMILIAR[key] ?? []).map((text) => (parseAddress(text) as Address).value);
    familiarValues.set(key, values);
  }
  return values;
}

/** The sets that hold each value, by their places in the list. */
function holders(values: readonly Value[], sets: readonly Ranges<Value>[]): number[][] {
  const out = values.map((): number[] => []);
  const order = [...values.keys()].sort((a, b) => ((values[a] as Value) < (values[b] as Value) ? -1 : 1));
  const sorted = order.map((i) => values[i] as Value);
  sets.forEach((set, place) => {
    // Each set is asked for its values where it has few intervals, and each value for its set where it has many.
    if (set.length > sorted.length) {
      values.forEach((value, i) => {
        if (contains(set, value)) out[i]?.push(place);
      });
      return;
    }
    for (let r = 0; r < set.length; r += 2) {
      const to = set[r + 1] as Value;
      for (let at = firstFrom(sorted, set[r] as Value); at < sorted.length && (sorted[at] as Value) <= to; at++)
        out[order[at] as number]?.push(place);
    }
  });
  return out;
}

/** Two containers are alike only if they are on the same networks; a container is never like itself (hairpin). */
function likeness(policy: Policy, zone: Zone, address: Address, alike: boolean): string {
  if (alike) return placeOf(policy, { zone, address });
  if (zone !== "container") return "";
  const found = endpointAt(policy, address);
  return `${found?.container.name}/${found?.network.name}`;
}

/** What the defaults ask of an end, as text: its zone; of a container, its networks and which of them this is. */
export function placeOf(policy: Policy, { zone, address }: End): string {
  if (zone !== "container") return zone;
  const found = endpointAt(policy, address);
  return `${found?.container.endpoints.map(({ network }) => network).join()}/${found?.network.name}`;
}

/** Representative protocols and ports of a port set, cut by the statements' and publishes' ports. */
export function portCells(
  publishes: readonly Publish[],
  family: Family,
  within: PortSet,
  rules: readonly Rule[],
): { protocol: number; port: number | undefined }[] {
  const out: { protocol: number; port: number | undefined }[] = [];
  const all = [within, ...rules.map((rule) => rule.ports)];
  for (const protocol of PORTED) {
    if (portsOf(within, protocol) === undefined) continue;
    const sets: Ranges<number>[] = [];
    for (const ports of all) {
      const set = portsOf(ports, protocol);
      if (set !== null && set !== undefined) sets.push(set);
    }
    for (const publish of publishes)
      if (publish.protocol === protocol)
        sets.push([publish.port, publish.port + publish.hostPorts[1] - publish.hostPorts[0]], publish.hostPorts);
    for (const port of cuts([...sets, [1, 65535]], PORT))
      if (port > 0 && hasPort(within, protocol, port)) out.push({ protocol, port });
  }
  if (portsOf(within, ICMP) !== undefined) out.push({ protocol: protocolIn(family, ICMP), port: undefined });
  // 47 (GRE) stands for every protocol that the language has no word for.
  if (within.all) out.push({ protocol: 47, port: undefined });
  return out;
}
