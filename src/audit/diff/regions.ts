/**
 * Where two policies can differ at all: around the statements, publishes, networks and containers that they don't
 * share. Of a large policy with a small edit only the rules that reach into these regions need to be looked at.
 */
import { type AddressSet, formatAddress, NO_ADDRESSES, single, unionSet } from "../../net/address.js";
import { ALL_PORTS, type PortSet, portSet } from "../../net/ports.js";
import type { Query } from "../../ir/classes.js";
import { OverlapIndex } from "../../ir/overlap-index.js";
import { ANY, HOST, inContainers, isNobody } from "../../ir/peers.js";
import { type Container, isInternal, type PeerSet, type Policy, type Publish, type Rule } from "../../ir/policy.js";

/** What can decide a packet of some region. Beyond it the policies say the same. */
export interface Relevant {
  readonly regions: readonly Query[];
  /** Of each policy. */
  readonly rules: readonly (readonly Rule[])[];
  readonly publishes: readonly (readonly Publish[])[];
}

/** What differs between two policies, and what is met there. Pure. */
export function relevant(before: Policy, after: Policy): Relevant {
  const policies = [before, after];
  const regions = [
    ...unshared(before.rules, after.rules, ruleKey).map(({ from, to, ports }): Query => ({ from, to, ports })),
    ...unshared(before.publishes, after.publishes, publishKey).flatMap(publishRegions),
    ...placeRegions(before, after),
  ].filter(({ from, to }) => !isNobody(from) && !isNobody(to));
  const around = new OverlapIndex(regions);
  return {
    regions,
    rules: policies.map(({ rules }) => {
      const index = new OverlapIndex(rules);
      const met = new Set(regions.flatMap((region) => index.overlapping(region)));
      return rules.filter((rule) => met.has(rule));
    }),
    publishes: policies.map(({ publishes }) =>
      publishes.filter((publish) => publishRegions(publish).some((way) => around.overlapping(way).length > 0)),
    ),
  };
}

/** What only one of the lists has; equal ones cancel each other as often as they stand in both. */
function unshared<T>(before: readonly T[], after: readonly T[], keyOf: (one: T) => string): T[] {
  const left = new Map<string, T[]>();
  for (const one of before) {
    const key = keyOf(one);
    const list = left.get(key);
    if (list === undefined) left.set(key, [one]);
    else list.push(one);
  }
  const added = after.filter((one) => left.get(keyOf(one))?.pop() === undefined);
  return [...[...left.values()].flat(), ...added];
}

// Keys: the meaning of a statement, without its place and words ------------------------------------------------------

const setKeys = new WeakMap<AddressSet, string>();

function setKey(set: AddressSet): string {
  let key = setKeys.get(set);
  if (key === undefined) setKeys.set(set, (key = `${set.v4.join()}/${set.v6.join()}`));
  return key;
}

const peersKey = ({ container, host, world }: PeerSet): string =>
  `${setKey(container)}|${setKey(host)}|${setKey(world)}`;

function portsKey(ports: PortSet): string {
  if (ports.all) return "all";
  return [...ports.protocols]
    .map(([protocol, ranges]) => `${protocol}:${ranges?.join() ?? ""}`)
    .sort()
    .join(";");
}

const ruleKey = ({ verb, from, to, ports }: Rule): string =>
  `${verb} ${peersKey(from)} > ${peersKey(to)} ${portsKey(ports)}`;

function publishKey({ hostAddress, families, protocol, hostPorts, port, targets, from }: Publish): string {
  const address = hostAddress === undefined ? "" : formatAddress(hostAddress);
  const names = targets.map(({ container, addresses }) => `${container}/${addresses.map((one) => one.family).join()}`);
  return `${address} ${families.join()} ${protocol} ${hostPorts.join()} ${port} ${names.join()} ${from === undefined ? "" : peersKey(from)}`;
}

// Regions ------------------------------------------------------------------------------------------------------------

/** The way as it is asked for, at the host; and as it arrives, at the containers. */
function publishRegions({ protocol, hostPorts: [first, last], port, targets }: Publish): Query[] {
  let inside = NO_ADDRESSES;
  for (const target of targets) for (const address of target.addresses) inside = unionSet(inside, single(address));
  return [
    { from: ANY, to: HOST, ports: portSet(protocol, [first, last]) },
    { from: ANY, to: inContainers(inside), ports: portSet(protocol, [port, port + last - first]) },
  ];
}

/** Everything from and to the containers that are new, gone, or elsewhere, or whose networks mean something else. */
function placeRegions(before: Policy, after: Policy): Query[] {
  let moved: AddressSet = NO_ADDRESSES;
  const names = new Set([...before.containers, ...after.containers].map(({ name }) => name));
  const byName = [before, after].map((policy) => new Map(policy.containers.map((one) => [one.name, one])));
  for (const name of names) {
    const [old, now] = byName.map((map) => map.get(name));
    if (old !== undefined && now !== undefined && placeKey(before, old) === placeKey(after, now)) continue;
    for (const container of [old, now])
      for (const endpoint of container?.endpoints ?? [])
        for (const address of endpoint.addresses) moved = unionSet(moved, single(address));
  }
  const peers = inContainers(moved);
  return [
    { from: peers, to: ANY, ports: ALL_PORTS },
    { from: ANY, to: peers, ports: ALL_PORTS },
  ];
}

function placeKey(policy: Policy, container: Container): string {
  const networks = container.endpoints.map(({ network, addresses }) => {
    const found = policy.networks.find((one) => one.name === network);
    return `${network} ${found?.icc} ${found?.internal} ${addresses.map(formatAddress).join()}`;
  });
  return `${isInternal(policy, container)} ${networks.join(";")}`;
}
