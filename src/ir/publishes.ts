/** Lowers `publish`: host ports, and `publish all`. */
import type { Item, PublishStatement, Statement } from "../ast/nodes.js";
import { PlainPublish } from "../ast/plain-publish.js";
import { type Address, formatAddress, hasAddress, OF_NO_HOST, parseAddress } from "../net/address.js";
import { PORTED, protocolName } from "../net/ports.js";
import type { Lowering } from "./lowering.js";
import type { Container, Origin, Publish } from "./policy.js";
import { sourcesOf } from "./publish-sources.js";
import { type PublishSource, targetAddresses, targetsOf } from "./publish-targets.js";
import { letValue, protocolOf, unquotedPort } from "./values.js";

interface HostPorts {
  readonly protocol: number | undefined;
  readonly from: number;
  readonly to: number;
}

const FIRST = 49153;
const LAST = 65535;

export function lowerPublishes(
  low: Lowering,
  sources: readonly PublishSource[],
  statements: () => readonly Statement[],
): Publish[] {
  const out: Publish[] = [];
  const all: { source: PublishSource; containers: Container[]; origin: Origin }[] = [];
  /** A publish of one port that leads to what a name means. */
  const plain = new Map<string, Publish>();
  for (const source of sources) {
    const { statement, block } = source;
    const origin = low.origins.of(statement, block === undefined ? "" : `container ${block} `);
    const alike = block === undefined && statement instanceof PlainPublish ? plain.get(statement.container) : undefined;
    if (alike !== undefined) {
      const { hostPort, containerPort } = statement as PlainPublish;
      out.push({ ...alike, hostPorts: [hostPort, hostPort], port: containerPort, origin });
      continue;
    }
    const containers = targetsOf(low, source, statements);
    if (containers === undefined) continue;
    if (statement.host === undefined) all.push({ source, containers, origin });
    else {
      const lowered = lowerNumbered(low, source, containers, origin);
      out.push(...lowered);
      const [only] = lowered;
      if (only !== undefined && statement instanceof PlainPublish) plain.set(statement.container, only);
    }
  }
  checkOverlaps(low, out);
  out.push(...publishAll(low, all, out));
  return out;
}

// Numbered ports -----------------------------------------------------------------------------------------------------

function lowerNumbered(
  low: Lowering,
  source: PublishSource,
  containers: readonly Container[],
  origin: Origin,
): Publish[] {
  const { statement } = source;
  const host = statement.host as NonNullable<PublishStatement["host"]>;
  const hostPorts = portsOf(low, host.port);
  const inner = statement.port === undefined ? undefined : portsOf(low, statement.port);
  const from = sourcesOf(low, statement);
  const hostAddress = host.address && parseAddress(host.address.text);
  if (host.address !== undefined && hostAddress === undefined) {
    low.diagnostics.error("bad-address", host.address.span, `'${host.address.text}' is no address`, {
      why: "What stands before the host port is one address of this host.",
      help: "write it as 127.0.0.1:80 or [::1]:80",
    });
    return [];
  }
  if (hostAddress !== undefined && hasAddress(OF_NO_HOST, hostAddress)) {
    low.diagnostics.error(
      "publish-address",
      host.address?.span ?? host.span,
      `${formatAddress(hostAddress)} can't be an address of this host`,
      {
        why: "It is a multicast or broadcast address: packets go to it, and no host has it as its own.",
        help: "name one of this host's addresses, or leave it out to mean all of them",
      },
    );
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
    low.diagnostics.error(
      "publish-family",
      host.address?.span ?? statement.span,
      `no target has an address of ${text}'s family`,
      {
        why: "tsnet doesn't translate between IPv4 and IPv6.",
        help: "publish on an address of the container's family, or give its network a subnet of this one",
      },
    );
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
      why: "A host port leads to the port at the same place of one other range.",
      help: "publish each port in a statement of its own",
    });
    return undefined;
  }
  if (host.protocol !== undefined && first.protocol !== undefined && host.protocol !== first.protocol) {
    const names = `${protocolName(host.protocol)} and ${protocolName(first.protocol)}`;
    low.diagnostics.error("publish-protocol", span, `the two sides say different protocols: ${names}`, {
      why: "A packet keeps its protocol on the way through the host's port.",
      help: "say it on one side only",
    });
    return undefined;
  }
  if (first.to - first.from !== host.to - host.from) {
    low.diagnostics.error(
      "publish-ports",
      span,
      `${host.to - host.from + 1} host ports can't lead to ${first.to - first.from + 1} container ports`,
      {
        why: "Each host port leads to the port at the same place of the other range.",
        help: "make both ranges equally long",
      },
    );
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
      low.diagnostics.error("port-of-icmp", item.span, "ICMP has no ports to publish", {
        why: "A host port is found by its number, which only TCP, UDP and SCTP packets carry.",
        help: "publish tcp, udp or sctp",
      });
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
    why: "A publish maps numbers: single ports, ranges and lets made of them.",
    help: (item.kind === "name" ? unquotedPort(item.name) : undefined) ?? "write a number, a range, or a let of ports",
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
    const from = sourcesOf(low, source.statement);
    for (const container of containers) {
      const expose = container.expose.all ? new Map<number, readonly number[]>() : container.expose.protocols;
      if (expose.size === 0)
        low.diagnostics.warning("publish-nothing", origin.span, `'${container.name}' exposes no port to publish`, {
          why: "'publish all' publishes the ports that a container exposes, as docker -P does.",
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
        why: "'publish all' takes the host ports from 49153 upwards that nothing publishes by number.",
        help: "publish fewer ports, or choose host ports by number",
      });
      return out;
    }
    next.set(protocol, host + 1);
    const target = targetAddresses(low, container);
    const families = target.addresses.map((address) => address.family);
    out.push({
      hostAddress: undefined,
      families,
      protocol,
      hostPorts: [host, host],
      port,
      targets: [target],
      from,
      origin,
    });
  }
  return out;
}

function freePort(from: number, protocol: number, numbered: readonly Publish[]): number | undefined {
  for (let port = from; port <= LAST;) {
    const taken = numbered.find((p) => p.protocol === protocol && p.hostPorts[0] <= port && port <= p.hostPorts[1]);
    if (taken === undefined) return port;
    port = taken.hostPorts[1] + 1;
  }
  return undefined;
}
