/** What is worth knowing of a policy that is right: never a warning, and said by `check` alone. */
import type { Diagnostics } from "../text/diagnostic.js";
import { ALL_ADDRESSES, type AddressSet, isEmptySet, isLoopback, NO_ADDRESSES, unionOf } from "../net/address.js";
import { ALL_PORTS, portSet, protocolName } from "../net/ports.js";
import type { Span } from "../text/source.js";
import type { Query } from "./classes.js";
import { combinations } from "./combinations.js";
import { evaluate } from "./evaluate.js";
import { OverlapIndex } from "./overlap-index.js";
import { ANY, inContainers, intersectPeers, WORLD } from "./peers.js";
import { addressesIn } from "./own.js";
import {
  type Container,
  containersOn,
  insidePorts,
  networkNamed,
  type PeerSet,
  type Policy,
  type Publish,
} from "./policy.js";
import { PublishIndex } from "./publish-index.js";
import { somePacket } from "./some-packet.js";

/** What tells the rules and publishes apart that can have a say in a packet. */
interface Index {
  readonly rules: OverlapIndex;
  readonly publishes: PublishIndex;
  /** By network, all addresses of its containers: each of them is one of a neighbour. */
  readonly members: ReadonlyMap<string, AddressSet>;
}

export function advise(policy: Policy, diagnostics: Diagnostics): void {
  const index = {
    rules: new OverlapIndex(policy.rules),
    publishes: new PublishIndex(policy.publishes),
    members: new Map(
      policy.networks.map(({ name }) => [
        name,
        addressesIn(containersOn(policy, name).flatMap((one) => one.endpoints)),
      ]),
    ),
  };
  notYetApplied(policy, diagnostics);
  openPublishes(policy, index, diagnostics);
  unreachedContainers(policy, index, diagnostics);
}

/** What an apply will refuse. */
function notYetApplied({ networks }: Policy, diagnostics: Diagnostics): void {
  for (const { driver, origin } of networks)
    if (driver === "macvlan" && origin !== undefined)
      diagnostics.info("not-applied-yet", origin.span, "this version can't apply 'driver macvlan', and refuses to", {
        why: "It is checked as it is meant, but there is no exact way yet to carry it out, and nothing is ever widened.",
        help: "take the statement out to apply the rest",
      });
}

/** Publishes without `from` through which somebody in the world gets in. */
function openPublishes(policy: Policy, index: Index, diagnostics: Diagnostics): void {
  const reported = new Set<unknown>();
  for (const publish of policy.publishes) {
    const { from, hostAddress, origin, hostPorts, targets, protocol } = publish;
    if (from !== undefined || reported.has(origin) || (hostAddress !== undefined && isLoopback(hostAddress))) continue;
    const ports = portSet(publish.protocol, insidePorts(publish));
    const query = { from: WORLD, to: inContainers(addressesIn(targets)), ports };
    let open = false;
    for (const { packet, speaking } of combinations(policy, query, index.rules.overlapping(query), [publish])) {
      if (packet.via !== publish || evaluate(policy, packet, speaking).verdict !== "allow") continue;
      open = true;
      break;
    }
    if (!open) continue;
    reported.add(origin);
    const [first, last] = hostPorts;
    const port =
      first === last ? `port ${first}/${protocolName(protocol)}` : `ports ${first}-${last}/${protocolName(protocol)}`;
    diagnostics.info("publish-open", origin.span, `anyone who reaches this host may use ${port}`, {
      why: "A publish without 'from' admits every source.",
      help: "if only some should, say who: 'from PEERS'; for this host alone, publish on 127.0.0.1",
    });
  }
}

/** Containers that neither another container nor a publish reaches. */
function unreachedContainers(policy: Policy, index: Index, diagnostics: Diagnostics): void {
  if (policy.containers.filter(({ endpoints }) => endpoints.length > 0).length < 2) return;
  for (const container of policy.containers) {
    if (container.endpoints.length === 0 || isReached(policy, index, container)) continue;
    const span = container.origin?.span ?? firstMention(policy, container);
    if (span === undefined) continue;
    diagnostics.info("container-unreached", span, `no other container and no publish reaches '${container.name}'`, {
      why: "Every packet to it is denied, but for this host's own and the replies to what it asks.",
      help: `right for what only asks others; else allow who should reach it: allow … -> ${container.name}`,
    });
  }
}

/** So many allow statements are tried before all that could come is cut into classes. */
const TRIED = 16;

/**
 * Asked of what can come from containers and through publishes alone: most rules of a long policy are about others. And
 * first of one neighbour and a few statements: most containers are reached by what comes to mind.
 */
function isReached(policy: Policy, index: Index, container: Container): boolean {
  const to = inContainers(addressesIn(container.endpoints));
  const from = inContainers(ALL_ADDRESSES);
  const rules = index.rules.overlapping({ from, to, ports: ALL_PORTS });
  const allowing = rules.filter(({ verb }) => verb === "allow");
  const open = container.endpoints.filter(({ network }) => networkNamed(policy, network).icc);
  const neighbours = open.map(({ network }) => index.members.get(network) ?? NO_ADDRESSES);
  for (const query of [
    ...neighbours.map((set) => ({ from: inContainers(set), to, ports: ALL_PORTS })),
    ...allowing.slice(0, TRIED).map((rule) => ({ from: intersectPeers(rule.from, from), to, ports: rule.ports })),
  ]) {
    const packet = somePacket(policy, query, () => []);
    if (packet !== undefined && evaluate(policy, packet, rules).verdict === "allow") return true;
  }
  const among = (query: Query, via: Publish | undefined): boolean => {
    const publishes = via === undefined ? [] : [via];
    for (const { packet, speaking } of combinations(policy, query, index.rules.overlapping(query), publishes))
      if (packet.via === via && evaluate(policy, packet, speaking).verdict === "allow") return true;
    return false;
  };
  // Of nobody else a packet is let through, by whatever default.
  const senders = unionOf([...neighbours, ...allowing.map((rule) => rule.from.container)]);
  if (!isEmptySet(senders) && among({ from: inContainers(senders), to, ports: ALL_PORTS }, undefined)) return true;
  return index.publishes.concerning({ to, ports: ALL_PORTS }).some((publish) => {
    if (!publish.targets.some((target) => target.container === container.name)) return false;
    return among({ from: publish.from ?? ANY, to, ports: portSet(publish.protocol, insidePorts(publish)) }, publish);
  });
}

/** Of a container that nobody declared, the first statement that speaks of it. */
function firstMention({ rules, publishes, links, origins }: Policy, { name, endpoints }: Container): Span | undefined {
  const own = new Set(endpoints.flatMap(({ addresses }) => addresses.map(({ value }) => value)));
  const names = ({ container }: PeerSet): boolean => [...container.v4, ...container.v6].some((value) => own.has(value));
  const indices = [
    ...rules.filter(({ from, to }) => names(from) || names(to)).map(({ origin }) => origin.index),
    ...publishes
      .filter(({ targets }) => targets.some((target) => target.container === name))
      .map(({ origin }) => origin.index),
    ...links.filter((link) => link.from === name || link.target === name).map(({ origin }) => origin.index),
  ];
  return indices.length === 0 ? undefined : origins[Math.min(...indices)]?.span;
}
