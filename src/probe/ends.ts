/** Who tries to reach whom: the pairs of addresses between which packets are tried. Pure. */
import { endpointAt } from "../ir/evaluate.js";
import { hasPeer } from "../ir/peers.js";
import { type Container, gatewayOf, networkNamed, type Policy, type Rule, type Zone } from "../ir/policy.js";
import { type Address, type Family, FAMILIES, formatAddress, parseAddress, sameAddress } from "../net/address.js";
import { isLoopback, type Place, uplinkOf } from "./place.js";

/** One address of an end. */
export interface Party {
  readonly zone: Zone;
  /** A container's name, `host` or `world`. */
  readonly name: string;
  readonly address: Address;
}

export const HOST = "host";
export const WORLD = "world";

/** Sandboxes that are probed at most: each has a process of its own. */
export const MOST_CONTAINERS = 48;

export interface Pairs {
  readonly pairs: readonly (readonly [Party, Party])[];
  /** Containers without pairs, since others of which every statement says the same stand for them. */
  readonly represented: number;
}

/** `whole`: however many containers there are. */
export function pairsOf(policy: Policy, place: Place, whole = false): Pairs {
  const all = policy.containers.filter((container) => container.endpoints.length > 0);
  const chosen = whole || all.length <= MOST_CONTAINERS ? all : representatives(policy, all);
  const pairs = FAMILIES.flatMap((family) => pairsIn(policy, place, family, chosen));
  return { pairs, represented: all.length - chosen.length };
}

function pairsIn(policy: Policy, place: Place, family: Family, containers: readonly Container[]): [Party, Party][] {
  const inside = containers.flatMap((container) => partiesOf(container, family));
  const world = place.world.filter((a) => a.family === family).map((address) => party("world", WORLD, address));
  const out: [Party, Party][] = [];
  for (const from of inside) {
    for (const to of inside) if (to.name !== from.name) out.push([from, to]);
    for (const to of hostAskedBy(policy, place, from)) out.push([from, to]);
    for (const to of world) out.push([from, to]);
  }
  for (const to of inside) for (const from of hostAsking(policy, place, to)) out.push([from, to]);
  for (const to of publishing(policy, place, family)) {
    // What the host asks of itself comes from the address that it asks.
    const from = isLoopback(to.address) && to.address.family === 4 ? { ...to, address: LOCALHOST } : to;
    out.push([from, to]);
  }
  for (const from of world) {
    for (const to of inside) out.push([from, to]);
    for (const to of publishing(policy, place, family)) if (!isLoopback(to.address)) out.push([from, to]);
  }
  return out;
}

function party(zone: Zone, name: string, address: Address): Party {
  return { zone, name, address };
}

function partiesOf({ name, endpoints }: Container, family: Family): Party[] {
  return endpoints.flatMap(({ addresses }) =>
    addresses.filter((address) => address.family === family).map((address) => party("container", name, address)),
  );
}

// The host -----------------------------------------------------------------------------------------------------------

const LOCALHOST = parseAddress("127.0.0.1") as Address;
const LOCALHOST6 = parseAddress("::1") as Address;

function hostParty(address: Address): Party {
  return party("host", HOST, address);
}

/** Every address of the host but loopback. */
function hostAddresses(policy: Policy, place: Place, family: Family): Address[] {
  const uplink = uplinkOf(place, family);
  const all = [
    ...(uplink === undefined ? [] : [uplink.host]),
    ...place.published,
    ...policy.networks.flatMap((network) => network.gateways),
  ];
  return all.filter((address) => address.family === family);
}

function gatewayTo(policy: Policy, to: Party): Address | undefined {
  const network = endpointAt(policy, to.address)?.network;
  return network && gatewayOf(network, to.address.family);
}

/** From where the host asks a container: the gateway, as the kernel does, and what the rules tell apart from it. */
function hostAsking(policy: Policy, place: Place, to: Party): Party[] {
  const { family } = to.address;
  const gateway = gatewayTo(policy, to);
  const others = hostAddresses(policy, place, family);
  return toldApart(policy, gateway === undefined ? [] : [gateway], others, (rule) => rule.from).map(hostParty);
}

/** What a container asks of the host: its gateways, the uplink's address, and what the statements tell apart from them. */
function hostAskedBy(policy: Policy, place: Place, from: Party): Party[] {
  const { family } = from.address;
  const endpoints = policy.containers.find(({ name }) => name === from.name)?.endpoints ?? [];
  const gateways = endpoints.flatMap(({ network }) => gatewayOf(networkNamed(policy, network), family) ?? []);
  const uplink = uplinkOf(place, family)?.host;
  const published = place.published.filter((address) => address.family === family);
  const always = [...gateways, ...(uplink === undefined ? [] : [uplink]), ...published];
  return toldApart(policy, always, hostAddresses(policy, place, family), (rule) => rule.to).map(hostParty);
}

/** `always`, and those of `others` of which the rules speak otherwise than of all before. */
function toldApart(
  policy: Policy,
  always: readonly Address[],
  others: readonly Address[],
  side: (rule: Rule) => Rule["from"],
): Address[] {
  const signature = (address: Address) =>
    policy.rules.flatMap((rule, i) => (hasPeer(side(rule), "host", address) ? [i] : [])).join();
  const out = [...new Map(always.map((address) => [formatAddress(address), address])).values()];
  const seen = new Set(out.map(signature));
  for (const address of others) {
    const own = signature(address);
    if (seen.has(own)) continue;
    seen.add(own);
    out.push(address);
  }
  return out;
}

/** Addresses of the host that stand for those on which something is published. */
function publishing(policy: Policy, place: Place, family: Family): Party[] {
  if (!policy.publishes.some((publish) => publish.families.includes(family))) return [];
  const gateway = policy.networks.flatMap((network) => gatewayOf(network, family) ?? []).slice(0, 1);
  const uplink = uplinkOf(place, family);
  const named = policy.publishes.flatMap(({ hostAddress }) => (hostAddress?.family === family ? [hostAddress] : []));
  const loopback = family === 4 ? LOCALHOST : LOCALHOST6;
  const all = [...(uplink === undefined ? [] : [uplink.host]), ...named, ...gateway, loopback];
  const distinct = all.filter((address, i) => all.findIndex((other) => sameAddress(other, address)) === i);
  return distinct.filter((address) => endpointAt(policy, address) === undefined).map(hostParty);
}

// Many containers ----------------------------------------------------------------------------------------------------

/** Of containers that no statement tells apart, as many of each kind as there is room for, in the policy's order. */
function representatives(policy: Policy, containers: readonly Container[]): Container[] {
  const kinds = new Map<string, Container[]>();
  for (const container of containers) {
    const kind = kindOf(policy, container);
    const members = kinds.get(kind);
    if (members === undefined) kinds.set(kind, [container]);
    else members.push(container);
  }
  const chosen = new Set<Container>();
  for (let round = 0; chosen.size < MOST_CONTAINERS; round++)
    for (const members of kinds.values()) {
      const member = members[round];
      if (member !== undefined && chosen.size < MOST_CONTAINERS) chosen.add(member);
    }
  return containers.filter((container) => chosen.has(container));
}

function kindOf(policy: Policy, { name, endpoints }: Container): string {
  const addresses = endpoints.flatMap((endpoint) => endpoint.addresses);
  const meets = (peers: Rule["from"]) => addresses.some((address) => hasPeer(peers, "container", address));
  const rules = policy.rules.flatMap((rule, i) => [
    ...(meets(rule.from) ? [`<${i}`] : []),
    ...(meets(rule.to) ? [`>${i}`] : []),
  ]);
  const published = policy.publishes.flatMap((publish, i) =>
    publish.targets.some((target) => target.container === name) || (publish.from !== undefined && meets(publish.from))
      ? [`p${i}`]
      : [],
  );
  return [...endpoints.map((endpoint) => endpoint.network), ...rules, ...published].join(" ");
}
