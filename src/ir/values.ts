/** Lowers values: lists of peers and of ports, and the lets that name them. */
import type { Item, List, Name, Peers as PeersNode, RuleStatement } from "../ast/nodes.js";
import { PlainRule } from "../ast/plain-rule.js";
import { type AddressSet, NO_ADDRESSES, single, unionSet } from "../net/address.js";
import {
  ALL_PORTS,
  NO_PORTS,
  OnePort,
  PORTED,
  PROTOCOLS,
  type PortSet,
  portSet,
  TCP,
  unionOfPorts,
} from "../net/ports.js";
import { EMPTY } from "../net/ranges.js";
import type { Span } from "../text/source.js";
import { addressesOf } from "./literals.js";
import { letsBelow } from "./let-order.js";
import type { Lowering } from "./lowering.js";
import { ANY, anywhere, HOST, inContainers, isNobody, NOBODY, subtractPeers, unionOfPeers, WORLD } from "./peers.js";
import type { Container, PeerSet } from "./policy.js";

/** A peer set and what its text names outright, which some checks ask about. */
export interface Peers {
  readonly set: PeerSet;
  readonly containers: readonly string[];
  readonly host: boolean;
  readonly world: boolean;
}

export type Value =
  { readonly kind: "peers"; readonly peers: Peers } | { readonly kind: "ports"; readonly ports: PortSet };

const NONE: Peers = { set: NOBODY, containers: EMPTY, host: false, world: false };

const BUILT_IN: ReadonlyMap<string, Peers> = new Map([
  ["host", { set: HOST, containers: [], host: true, world: false }],
  ["world", { set: WORLD, containers: [], host: false, world: true }],
  ["any", { set: ANY, containers: [], host: false, world: false }],
]);

function joined(all: readonly Peers[]): Peers {
  const [first, second] = all;
  if (first === undefined) return NONE;
  if (second === undefined) return first;
  return {
    set: unionOfPeers(all.map(({ set }) => set)),
    containers: [...new Set(all.flatMap(({ containers }) => containers))],
    host: all.some(({ host }) => host),
    world: all.some(({ world }) => world),
  };
}

// Rules --------------------------------------------------------------------------------------------------------------

/** The peers of one side of a rule. What a plain rule says needs no nodes, unless there is something to report. */
export function lowerSide(low: Lowering, statement: RuleStatement, side: "from" | "to"): Peers | undefined {
  if (statement instanceof PlainRule) {
    const peer = side === "from" ? statement.source : statement.destination;
    if (typeof peer === "number") return literal({ v4: [peer, peer], v6: EMPTY });
    const known = low.peers.get(peer);
    if (known !== undefined) return known;
  }
  return lowerPeers(low, statement[side]);
}

/** What a name stands for, if a statement was lowered that says it. */
export function knownPeers(low: Lowering, name: string): Peers | undefined {
  return BUILT_IN.get(name) ?? low.peers.get(name);
}

/** The ports of a rule: every protocol where it names none. */
export function lowerRulePorts(low: Lowering, statement: RuleStatement): PortSet {
  if (statement instanceof PlainRule) {
    if (statement.port === undefined) return ALL_PORTS;
    if (statement.protocol === undefined) return new OnePort(TCP, statement.port);
  }
  const { ports } = statement;
  return ports === undefined ? ALL_PORTS : lowerPorts(low, ports);
}

// Peers --------------------------------------------------------------------------------------------------------------

/** Peers of one side of a rule, `except` taken away. Undefined when something in it is wrong (and reported). */
export function lowerPeers(low: Lowering, node: PeersNode): Peers | undefined {
  const include = lowerPeerList(low, node.include);
  if (node.except === undefined) return include;
  const except = lowerPeerList(low, node.except);
  if (include === undefined || except === undefined) return undefined;
  const set = subtractPeers(include.set, except.set);
  if (isNobody(set)) {
    low.diagnostics.error("empty-peers", node.span, "'except' leaves nobody over", {
      why: "A statement about nobody decides nothing: what 'except' takes away covers all that stands before it.",
      help: "take less away, or delete the statement",
    });
    return undefined;
  }
  return { ...include, containers: include.containers.filter((name) => !except.containers.includes(name)), set };
}

export function lowerPeerList(low: Lowering, list: List): Peers | undefined {
  const all = list.items.map((item) => lowerPeer(low, item));
  return all.every((peers) => peers !== undefined) ? joined(all) : undefined;
}

function lowerPeer(low: Lowering, item: Item): Peers | undefined {
  if (item.kind === "name") return lowerName(low, item.name);
  if (item.kind === "port") {
    low.diagnostics.error("ports-as-peers", item.span, "a port can't stand for a peer", {
      why: "Peers and ports do not mix.",
      help: "ports follow the destination after a colon: allow a -> b:22",
    });
    return undefined;
  }
  const set = addressesOf(low, item);
  return set && literal(set);
}

function literal(set: AddressSet): Peers {
  return { set: anywhere(set), containers: EMPTY, host: false, world: false };
}

function lowerName(low: Lowering, name: Name): Peers | undefined {
  const builtIn = BUILT_IN.get(name.text);
  if (builtIn !== undefined) return builtIn;
  if (PROTOCOLS.has(name.text)) {
    low.diagnostics.error("ports-as-peers", name.span, `'${name.text}' is a protocol, not a peer`, {
      why: "A peer says who, a protocol says what: it belongs to the destination's ports.",
      help: "protocols follow the destination after a colon: allow a -> b:icmp",
    });
    return undefined;
  }
  const known = low.peers.get(name.text);
  if (known !== undefined) {
    low.scope.used.add(name.text);
    return known;
  }
  const declared = low.scope.lookUp(name, "container, network or let");
  if (declared === undefined) return undefined;
  if (declared.kind === "let") {
    const value = letValue(low, declared.name, name.span);
    if (value === undefined) return undefined;
    if (value.kind === "ports") {
      low.diagnostics.error("ports-as-peers", name.span, `'${name.text}' is a let of ports, not of peers`, {
        why: "Peers and ports do not mix.",
        help: "ports follow the destination after a colon: allow a -> b:ssh",
      });
      return undefined;
    }
    low.peers.set(name.text, value.peers);
    return value.peers;
  }
  if (declared.kind === "network") {
    const peers = networkPeers(low, declared.name);
    low.peers.set(name.text, peers);
    return peers;
  }
  const peers = containerPeers(low, declared.name, name.span);
  if (peers !== undefined) low.peers.set(name.text, peers);
  return peers;
}

function endpointsOf(container: Container): PeerSet {
  let set = NO_ADDRESSES;
  for (const endpoint of container.endpoints)
    for (const address of endpoint.addresses) set = unionSet(set, single(address));
  return inContainers(set);
}

function containerPeers(low: Lowering, name: string, span: Span): Peers | undefined {
  const container = low.containers.get(name);
  if (container === undefined) return undefined;
  const { sandbox } = container;
  if (sandbox.kind === "host") return BUILT_IN.get("host");
  // One that shares itself has nothing to share, and is told so where it is declared: it may be a circle.
  if (sandbox.kind === "container")
    return low.containers.get(sandbox.other)?.sandbox.kind === "container"
      ? undefined
      : containerPeers(low, sandbox.other, span);
  if (sandbox.kind === "none") {
    low.diagnostics.error("peer-without-network", span, `'${name}' has no network, so no packet can be its`, {
      why: "It is on 'mode none': loopback only.",
      help: "take it out of the rule, or give it a network",
    });
    return undefined;
  }
  return { set: endpointsOf(container), containers: [name], host: false, world: false };
}

function networkPeers(low: Lowering, name: string): Peers {
  const members = [...low.containers.values()].filter(({ endpoints }) =>
    endpoints.some((endpoint) => endpoint.network === name),
  );
  return {
    set: unionOfPeers(members.map(endpointsOf)),
    containers: members.map((container) => container.name),
    host: false,
    world: false,
  };
}

// Ports --------------------------------------------------------------------------------------------------------------

export interface PortOptions {
  /** Protocols that have no ports (icmp) and protocols alone are refused: for `expose`. */
  readonly ported?: boolean;
  readonly join?: PortSet;
}

export function lowerPorts(low: Lowering, list: List, options: PortOptions = {}): PortSet {
  const all = options.join === undefined ? [] : [options.join];
  for (const item of list.items) all.push(lowerPort(low, item, options.ported ?? false) ?? NO_PORTS);
  return unionOfPorts(all);
}

/** The number of a protocol's name; undefined (and reported) when the language has none such. */
export function protocolOf(low: Lowering, name: Name | undefined): number | undefined {
  if (name === undefined) return TCP;
  const protocol = PROTOCOLS.get(name.text.toLowerCase());
  if (protocol === undefined)
    low.diagnostics.error("unknown-protocol", name.span, `there is no protocol '${name.text}'`, {
      why: "The language knows the protocols that have ports, and ICMP.",
      help: "use tcp, udp, sctp or icmp",
    });
  return protocol;
}

/** What to say of `"22"`. */
export function unquotedPort({ quoted, text }: Name): string | undefined {
  if (!quoted || !/^\d+(?:-\d+)?(?:\/[a-z]+)?$/.test(text)) return undefined;
  return `a port is written without quotes: ${text}`;
}

function lowerPort(low: Lowering, item: Item, ported: boolean): PortSet | undefined {
  if (item.kind === "port") {
    const protocol = protocolOf(low, item.protocol);
    if (protocol === undefined) return undefined;
    if (!PORTED.includes(protocol)) {
      low.diagnostics.error("port-of-icmp", item.span, "ICMP has no ports", {
        why: "A port is a number that TCP, UDP and SCTP packets carry; ICMP messages have a type instead.",
        help: ported ? "expose tcp, udp or sctp ports" : "write 'icmp' alone; it covers ICMPv6 too",
      });
      return undefined;
    }
    return portSet(protocol, [item.from, item.to]);
  }
  if (item.kind !== "name") {
    low.diagnostics.error("peers-as-ports", item.span, "an address can't stand for a port", {
      why: "Peers and ports do not mix.",
      help: "write ports as 22, 53/udp or 8000-8010",
    });
    return undefined;
  }
  const { name } = item;
  const protocol = PROTOCOLS.get(name.text);
  if (protocol !== undefined) {
    if (ported) {
      low.diagnostics.error("port-missing", name.span, `'${name.text}' names no port`, {
        why: "A container exposes single ports, so that links and 'publish all' know them.",
        help: `write PORT/${name.text === "icmp" ? "tcp" : name.text}`,
      });
      return undefined;
    }
    return portSet(protocol, null);
  }
  const declared = low.scope.names.get(name.text);
  low.scope.used.add(name.text);
  if (declared?.kind === "let") {
    const value = letValue(low, declared.name, name.span);
    if (value === undefined) return undefined;
    if (value.kind === "ports") {
      const bare = !value.ports.all && [...value.ports.protocols.values()].some((ports) => ports === null);
      if (!ported || !bare) return value.ports;
    }
    low.diagnostics.error("peers-as-ports", name.span, `'${name.text}' can't stand for ports here`, {
      why:
        value.kind === "ports"
          ? "It names a protocol without ports."
          : "It is a let of peers; peers and ports do not mix.",
      help: "write ports as 22, 53/udp or 8000-8010",
    });
    return undefined;
  }
  low.diagnostics.error("unknown-port", name.span, `'${name.text}' is no port`, {
    why: "The language knows no service names: a word stands for ports only where a let says so.",
    help:
      unquotedPort(name) ??
      `write the number, or name it: let ${name.quoted ? JSON.stringify(name.text) : name.text} = 22/tcp`,
  });
  return undefined;
}

// Lets ---------------------------------------------------------------------------------------------------------------

/** Whether an item is of the ports kind; undefined when its name can't tell. */
function isPortItem(low: Lowering, item: Item): boolean {
  if (item.kind === "port") return true;
  if (item.kind !== "name") return false;
  if (PROTOCOLS.has(item.name.text)) return true;
  const declared = low.scope.names.get(item.name.text);
  return declared?.kind === "let" && letValue(low, declared.name, item.span)?.kind === "ports";
}

/** The value of a let; undefined (and reported) when it is wrong or refers to itself. */
export function letValue(low: Lowering, name: string, at: Span): Value | undefined {
  const known = low.lets.get(name);
  if (known === "busy") {
    low.diagnostics.error("let-cycle", at, `'${name}' is defined by itself`, {
      why: "A let stands for its value, so its value can't contain the let itself.",
      help: "break the circle",
    });
    low.lets.set(name, "bad");
    return undefined;
  }
  if (known === "bad") return undefined;
  if (known !== undefined) return known;
  const declared = low.scope.names.get(name);
  if (declared?.kind !== "let") return undefined;
  for (const inner of letsBelow(low, name)) letValue(low, inner, at);
  low.lets.set(name, "busy");
  const value = computeLet(low, declared.statement.value);
  // A let that is wrong is reported once, where it stands, and not again by its users.
  low.lets.set(name, value ?? "bad");
  return value;
}

function computeLet(low: Lowering, list: List): Value | undefined {
  const ports = list.items.map((item) => isPortItem(low, item));
  if (ports.length > 0 && ports.every((is) => is)) return { kind: "ports", ports: lowerPorts(low, list) };
  if (ports.some((is) => is)) {
    const odd = list.items[ports.indexOf(true)] as Item;
    low.diagnostics.error("let-mixed", odd.span, "peers and ports stand in one let", {
      why: "A let names either peers or ports, so that its place in a rule is clear.",
      help: "split it into two lets",
    });
    return undefined;
  }
  const peers = lowerPeerList(low, list);
  return peers && { kind: "peers", peers };
}
