/** Lowers `publish`: host ports, targets, the only server, and `publish all`. */
import type { Item, List, Name, PublishStatement, RuleStatement, LinkStatement, Statement } from "../ast/nodes.js";
import { type Address, formatAddress, parseAddress } from "../net/address.js";
import { PORTED, protocolName } from "../net/ports.js";
import type { Span } from "../text/source.js";
import type { Lowering } from "./lowering.js";
import { addressOf, type Container, type Origin, type Publish, type PublishTarget } from "./policy.js";
import { letValue, lowerPeers, protocolOf } from "./values.js";

/** A publish statement and the container in whose block it stands, if any. */
export interface PublishSource {
  readonly statement: PublishStatement;
  readonly block: string | undefined;
}

interface HostPorts {
  readonly protocol: number | undefined;
  readonly from: number;
  readonly to: number;
}

const FIRST = 49153;
const LAST = 65535;

export function lowerPublishes(low: Lowering, sources: readonly PublishSource[], statements: readonly Statement[]): Publish[] {
  const out: Publish[] = [];
  const all: { source: PublishSource; containers: Container[]; origin: Origin }[] = [];
  for (const source of sources) {
    const { statement, block } = source;
    const origin = low.origins.of(statement, block === undefined ? "" : `container ${block} `);
    const containers = targetsOf(low, source, statements);
    if (containers === undefined) continue;
    if (statement.host === undefined) all.push({ source, containers, origin });
    else out.push(...lowerNumbered(low, source, containers, origin));
  }
  checkOverlaps(low, out);
  out.push(...publishAll(low, all, out));
  return out;
}

// Targets ------------------------------------------------------------------------------------------------------------

function targetsOf(low: Lowering, { statement, block }: PublishSource, statements: readonly Statement[]): Container[] | undefined {
  const names =
    statement.target !== undefined
      ? containersNamed(low, statement.target)
      : [{ name: block ?? onlyServer(low, statement.span, statements), span: statement.span }];
  const out: Container[] = [];
  for (const { name, span } of names ?? [{ name: undefined, span: statement.span }]) {
    const container = name === undefined ? undefined : low.containers.get(name);
    if (container === undefined) return undefined;
    if (container.endpoints.length === 0) {
      low.diagnostics.error("publish-without-network", span, `'${name}' has no network of its own to publish`, {
        why: "What uses the host's stack, another container's or none can't publish ports.",
        help:
          container.sandbox.kind === "container"
            ? `publish from '${container.sandbox.other}', whose sandbox it shares`
            : "give it a network, or take the publish away",
      });
      return undefined;
    }
    if (container.endpoints.every((endpoint) => low.networks.get(endpoint.network)?.internal)) {
      low.diagnostics.error("internal-reach", span, `'${name}' is on internal networks only, so it can't publish`, {
        why: "Nothing outside reaches a container of an internal network.",
        help: `put '${name}' on another network too, or take 'internal' away`,
      });
      return undefined;
    }
    if (!out.includes(container)) out.push(container);
  }
  return out;
}

/** The containers that a list names, lets followed; undefined (and reported) when something else is named. */
export function containersNamed(low: Lowering, list: List): { name: string; span: Span }[] | undefined {
  const out: { name: string; span: Span }[] = [];
  for (const item of list.items) {
    const found = item.kind === "name" ? containersOf(low, item.name) : undefined;
    if (found === undefined) {
      if (item.kind !== "name")
        low.diagnostics.error("not-a-container", item.span, "only a container can stand here", {
          help: "name a container of this policy",
        });
      return undefined;
    }
    out.push(...found.map((name) => ({ name, span: item.span })));
  }
  return out;
}

function containersOf(low: Lowering, name: Name): string[] | undefined {
  const declared = ["host", "world", "any"].includes(name.text) ? "builtin" : low.scope.lookUp(name, "container");
  if (declared === undefined) return undefined;
  if (declared !== "builtin" && declared.kind === "container") return [declared.name];
  if (declared !== "builtin" && declared.kind === "let") {
    const value = letValue(low, declared.name, name.span);
    if (value === undefined) return undefined;
    const plain = value.kind === "peers" && value.peers.containers.length > 0 && !value.peers.host && !value.peers.world;
    if (plain) return [...value.peers.containers];
  }
  low.diagnostics.error("not-a-container", name.span, `'${name.text}' is not a container`, {
    help: "name a container of this policy, or a let of containers",
  });
  return undefined;
}

/** The one container that some allow or link names as its destination. */
function onlyServer(low: Lowering, span: Span, statements: readonly Statement[]): string | undefined {
  const servers = new Set<string>();
  const add = (list: List): void => {
    for (const item of list.items) {
      if (item.kind !== "name") continue;
      const declared = low.scope.names.get(item.name.text);
      if (declared?.kind === "container") servers.add(declared.name);
      if (declared?.kind === "let") {
        const value = letValue(low, declared.name, item.span);
        if (value?.kind === "peers") for (const name of value.peers.containers) servers.add(name);
      }
    }
  };
  for (const statement of statements) {
    if (statement.kind === "rule" && (statement as RuleStatement).verb === "allow") add(statement.to.include);
    if (statement.kind === "link") servers.add((statement as LinkStatement).target.text);
    if (statement.kind === "container")
      for (const property of statement.properties) if (property.kind === "link") servers.add(property.target.text);
  }
  const [only, another] = [...servers];
  if (only === undefined ? low.incomplete : another === undefined) return only;
  const help =
    only === undefined
      ? "say which container: publish 49153 -> NAME:8080"
      : `say which of ${[...servers].map((name) => `'${name}'`).join(", ")}: publish 49153 -> ${only}:8080`;
  low.diagnostics.error(
    "publish-without-target",
    span,
    only === undefined ? "no container is a server here" : "several containers are servers here",
    { why: "Without a target, a publish means the one container that some allow or link names as its destination.", help },
  );
  return undefined;
}

function targetAddresses(low: Lowering, container: Container): PublishTarget {
  const addresses: Address[] = [];
  for (const family of [4, 6] as const)
    for (const endpoint of container.endpoints) {
      if (low.networks.get(endpoint.network)?.internal) continue;
      const address = addressOf(endpoint, family);
      if (address !== undefined && !addresses.some((other) => other.family === family)) addresses.push(address);
    }
  return { container: container.name, addresses };
}

// Numbered ports -----------------------------------------------------------------------------------------------------

function lowerNumbered(low: Lowering, source: PublishSource, containers: readonly Container[], origin: Origin): Publish[] {
  const { statement } = source;
  const host = statement.host as NonNullable<PublishStatement["host"]>;
  const hostPorts = portsOf(low, host.port);
  const inner = statement.port === undefined ? undefined : portsOf(low, statement.port);
  const from = statement.from && lowerPeers(low, statement.from);
  const hostAddress = host.address && parseAddress(host.address.text);
  if (host.address !== undefined && hostAddress === undefined) {
    low.diagnostics.error("bad-address", host.address.span, `'${host.address.text}' is no address`, {
      help: "write it as 127.0.0.1:80 or [::1]:80",
    });
    return [];
  }
  if (hostPorts === undefined || (statement.port !== undefined && inner === undefined)) return [];
  if (statement.from !== undefined && from === undefined) return [];
  const targets = containers.map((container) => targetAddresses(low, container));
  // 0.0.0.0 and :: are how other tools write "all of this family".
  const every = hostAddress !== undefined && BigInt(hostAddress.value) === 0n;
  const has = ([4, 6] as const).filter((family) =>
    targets.some((target) => target.addresses.some((address) => address.family === family)),
  );
  const families = hostAddress === undefined ? has : has.filter((family) => family === hostAddress.family);
  if (families.length === 0) {
    const text = formatAddress(hostAddress as Address);
    low.diagnostics.error("publish-family", host.address?.span ?? statement.span, `no target has an address of ${text}'s family`, {
      why: "tsnet doesn't translate between IPv4 and IPv6.",
      help: "publish on an address of the container's family, or give its network a subnet of this one",
    });
    return [];
  }
  const out: Publish[] = [];
  for (const one of hostPorts) {
    const pair = pairOf(low, statement, one, inner);
    if (pair === undefined) return [];
    out.push({
      hostAddress: every ? undefined : hostAddress,
      families,
      protocol: pair.protocol,
      hostPorts: [one.from, one.to],
      port: pair.port,
      targets,
      from: from?.set,
      origin,
    });
  }
  return out;
}

/** Protocol and first container port of one range of host ports. */
function pairOf(
  low: Lowering,
  statement: PublishStatement,
  host: HostPorts,
  inner: readonly HostPorts[] | undefined,
): { protocol: number; port: number } | undefined {
  const [first, second] = inner ?? [];
  if (first === undefined) return { protocol: host.protocol ?? 6, port: host.from };
  const span = statement.port?.span ?? statement.span;
  if (second !== undefined) {
    low.diagnostics.error("publish-ports", span, "the container side must be one port or one range", {
      help: "publish each port in a statement of its own",
    });
    return undefined;
  }
  if (host.protocol !== undefined && first.protocol !== undefined && host.protocol !== first.protocol) {
    const names = `${protocolName(host.protocol)} and ${protocolName(first.protocol)}`;
    low.diagnostics.error("publish-protocol", span, `the two sides say different protocols: ${names}`, {
      help: "say it on one side only",
    });
    return undefined;
  }
  if (first.to - first.from !== host.to - host.from) {
    low.diagnostics.error("publish-ports", span, `${host.to - host.from + 1} host ports can't lead to ${first.to - first.from + 1} container ports`, {
      why: "Each host port leads to the port at the same place of the other range.",
      help: "make both ranges equally long",
    });
    return undefined;
  }
  return { protocol: host.protocol ?? first.protocol ?? 6, port: first.from };
}

/** The ranges that a port item means: one, or several where it is a let. */
function portsOf(low: Lowering, item: Item): HostPorts[] | undefined {
  if (item.kind === "port") {
    const protocol = item.protocol && protocolOf(low, item.protocol);
    if (item.protocol !== undefined && protocol === undefined) return undefined;
    if (protocol !== undefined && !PORTED.includes(protocol)) {
      low.diagnostics.error("port-of-icmp", item.span, "ICMP has no ports to publish", { help: "publish tcp, udp or sctp" });
      return undefined;
    }
    return [{ protocol, from: item.from, to: item.to }];
  }
  const declared = item.kind === "name" ? low.scope.names.get(item.name.text) : undefined;
  if (item.kind === "name") low.scope.used.add(item.name.text);
  const value = declared?.kind === "let" ? letValue(low, declared.name, item.span) : undefined;
  if (value?.kind === "ports" && !value.ports.all) {
    const out: HostPorts[] = [];
    for (const [protocol, ports] of value.ports.protocols)
      for (let i = 0; ports !== null && i < ports.length; i += 2)
        out.push({ protocol, from: ports[i] as number, to: ports[i + 1] as number });
    if (out.length > 0) return out;
  }
  low.diagnostics.error("unknown-port", item.span, "this is no port to publish", {
    help: "write a number, a range, or a let of ports",
  });
  return undefined;
}

// Overlaps -----------------------------------------------------------------------------------------------------------

function meet(a: Publish, b: Publish): boolean {
  if (!a.families.some((family) => b.families.includes(family))) return false;
  if (a.hostAddress === undefined || b.hostAddress === undefined) return true;
  return a.hostAddress.value === b.hostAddress.value;
}

function checkOverlaps(low: Lowering, publishes: readonly Publish[]): void {
  for (const protocol of PORTED) {
    const sorted = publishes.filter((p) => p.protocol === protocol).sort((a, b) => a.hostPorts[0] - b.hostPorts[0]);
    let open: Publish[] = [];
    for (const publish of sorted) {
      open = open.filter((other) => other.hostPorts[1] >= publish.hostPorts[0]);
      const clash = open.find((other) => meet(other, publish));
      open.push(publish);
      if (clash === undefined) continue;
      const [later, earlier] = publish.origin.index >= clash.origin.index ? [publish, clash] : [clash, publish];
      const port = `${publish.hostPorts[0]}/${protocolName(protocol)}`;
      low.diagnostics.error("publish-overlap", later.origin.span, `host port ${port} is published twice`, {
        why: "A packet to the host's port must lead to one place; all host addresses overlap each of them.",
        help: "choose another host port, or different host addresses",
        related: [{ span: earlier.origin.span, message: "the other publish" }],
      });
    }
  }
}

// publish all --------------------------------------------------------------------------------------------------------

/** Host ports from 49153 upwards, in the order of container, protocol and port: the same whatever the files' order. */
function publishAll(
  low: Lowering,
  sources: readonly { source: PublishSource; containers: readonly Container[]; origin: Origin }[],
  numbered: readonly Publish[],
): Publish[] {
  const wanted: { container: Container; origin: Origin; from: Publish["from"]; protocol: number; port: number }[] = [];
  for (const { source, containers, origin } of sources) {
    const from = source.statement.from && lowerPeers(low, source.statement.from);
    for (const container of containers) {
      const expose = container.expose.all ? new Map<number, readonly number[]>() : container.expose.protocols;
      if (expose.size === 0)
        low.diagnostics.warning("publish-nothing", origin.span, `'${container.name}' exposes no port to publish`, {
          help: `say which: container ${container.name} { expose 8080 }`,
        });
      for (const [protocol, ports] of expose)
        for (let i = 0; ports !== null && i < ports.length; i += 2)
          for (let port = ports[i] as number; port <= (ports[i + 1] as number); port++)
            wanted.push({ container, origin, from: from?.set, protocol, port });
    }
  }
  wanted.sort(
    (a, b) =>
      (a.container.name < b.container.name ? -1 : a.container.name > b.container.name ? 1 : 0) ||
      a.protocol - b.protocol ||
      a.port - b.port ||
      a.origin.index - b.origin.index,
  );
  const next = new Map(PORTED.map((protocol) => [protocol, FIRST]));
  const out: Publish[] = [];
  const done = new Set<string>();
  for (const { container, origin, from, protocol, port } of wanted) {
    const key = `${container.name}\0${protocol}\0${port}`;
    if (done.has(key)) continue;
    done.add(key);
    const host = freePort(next.get(protocol) as number, protocol, numbered);
    if (host === undefined) {
      low.diagnostics.error("publish-full", origin.span, `no host port from ${FIRST} to ${LAST} is left`, {
        help: "publish fewer ports, or choose host ports by number",
      });
      return out;
    }
    next.set(protocol, host + 1);
    const target = targetAddresses(low, container);
    const families = target.addresses.map((address) => address.family);
    out.push({ hostAddress: undefined, families, protocol, hostPorts: [host, host], port, targets: [target], from, origin });
  }
  return out;
}

function freePort(from: number, protocol: number, numbered: readonly Publish[]): number | undefined {
  for (let port = from; port <= LAST; ) {
    const taken = numbered.find((p) => p.protocol === protocol && p.hostPorts[0] <= port && port <= p.hostPorts[1]);
    if (taken === undefined) return port;
    port = taken.hostPorts[1] + 1;
  }
  return undefined;
}
