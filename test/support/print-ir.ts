/** A stable, printable form of a policy's IR: addresses as text, statements by their identity, nothing of the tree. */
import type { Container, Origin, PeerSet, Policy, Publish, Rule, Sandbox } from "../../src/ir/policy.js";
import { ZONES } from "../../src/ir/policy.js";
import { type AddressSet, ALL_ADDRESSES, formatAddress, formatValue } from "../../src/net/address.js";
import { formatPorts, protocolName } from "../../src/net/ports.js";
import { formatPrefix } from "../../src/net/prefix.js";
import { equal, type Ranges } from "../../src/net/ranges.js";
import { location } from "../../src/text/source.js";

type Printable = null | boolean | number | string | readonly Printable[] | { readonly [key: string]: Printable };

/** The whole policy; ends with a newline. */
export function printIr(policy: Policy): string {
  return `${JSON.stringify(policyOf(policy), undefined, 2)}\n`;
}

function policyOf(policy: Policy): Printable {
  return {
    name: policy.name,
    networks: policy.networks.map((network) => ({
      name: network.name,
      driver: network.driver,
      ...(network.parent === undefined ? {} : { parent: network.parent }),
      subnets: network.subnets.map(formatPrefix),
      gateways: network.gateways.map(formatAddress),
      icc: network.icc,
      iccBy: id(network.iccOrigin),
      internal: network.internal,
      masquerade: network.masquerade,
      mtu: network.mtu ?? null,
      bridge: network.bridge,
      by: id(network.origin),
    })),
    containers: policy.containers.map(containerOf),
    rules: policy.rules.map(ruleOf),
    publishes: policy.publishes.map(publishOf),
    links: policy.links.map(({ from, target, alias, origin }) => ({ from, target, alias, by: origin.id })),
    shares: policy.shares.map(({ path, containers, origin }) => ({ path, containers, by: origin.id })),
    assertions: policy.assertions.map(ruleOf),
    origins: policy.origins.map((origin) => `${location(origin.span)} ${origin.id}`),
  };
}

const id = (origin: Origin | undefined): string | null => origin?.id ?? null;

function containerOf({ name, sandbox, endpoints, expose, env, origin }: Container): Printable {
  return {
    name,
    sandbox: sandboxOf(sandbox),
    endpoints: endpoints.map((endpoint) => ({
      network: endpoint.network,
      addresses: endpoint.addresses.map(formatAddress),
      mac: endpoint.mac,
      device: endpoint.device,
      inside: endpoint.inside,
    })),
    expose: formatPorts(expose),
    env: Object.fromEntries(env),
    by: id(origin),
  };
}

function sandboxOf(sandbox: Sandbox): string {
  if (sandbox.kind === "netns") return `netns ${sandbox.path}`;
  if (sandbox.kind === "pid") return `pid ${sandbox.pid}`;
  if (sandbox.kind === "container") return `container:${sandbox.other}`;
  return sandbox.kind;
}

function ruleOf(rule: Pick<Rule, "from" | "to" | "ports" | "origin"> & { verb: string; log?: Rule["log"] }): Printable {
  const { log } = rule;
  const limit = log?.limit === undefined ? "" : ` limit ${log.limit.count}/${log.limit.per}`;
  return {
    verb: rule.verb,
    from: peersOf(rule.from),
    to: peersOf(rule.to),
    ports: formatPorts(rule.ports),
    ...(log === undefined ? {} : { log: `${JSON.stringify(log.prefix)}${limit}` }),
    by: rule.origin.id,
  };
}

function publishOf(publish: Publish): Printable {
  const [from, to] = publish.hostPorts;
  const length = to - from;
  const range = (first: number): string => (length === 0 ? String(first) : `${first}-${first + length}`);
  return {
    host: publish.hostAddress === undefined ? "every address" : formatAddress(publish.hostAddress),
    families: publish.families,
    protocol: protocolName(publish.protocol),
    hostPorts: range(from),
    ports: range(publish.port),
    targets: publish.targets.map(({ container, addresses }) => ({
      container,
      addresses: addresses.map(formatAddress),
    })),
    from: publish.from === undefined ? "any" : peersOf(publish.from),
    by: publish.origin.id,
  };
}

/** Addresses in each zone; said once where they are the same in all three. */
function peersOf(peers: PeerSet): Printable {
  const [first] = ZONES;
  const everywhere = ZONES.every((zone) => same(peers[zone], peers[first as "container"]));
  if (everywhere) return same(peers.world, ALL_ADDRESSES) ? "any" : { anywhere: addressesOf(peers.world) };
  return Object.fromEntries(
    ZONES.flatMap((zone) => {
      const addresses = addressesOf(peers[zone]);
      return addresses.length === 0 ? [] : [[zone, addresses]];
    }),
  );
}

function same(a: AddressSet, b: AddressSet): boolean {
  return equal(a.v4, b.v4) && equal(a.v6, b.v6);
}

function addressesOf(set: AddressSet): string | readonly string[] {
  if (same(set, ALL_ADDRESSES)) return "all";
  return [...rangesOf(4, set.v4), ...rangesOf(6, set.v6)];
}

function rangesOf(family: 4 | 6, ranges: Ranges<number | bigint>): string[] {
  const out: string[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const from = formatValue(family, ranges[i] as number | bigint);
    const to = formatValue(family, ranges[i + 1] as number | bigint);
    out.push(from === to ? from : `${from}-${to}`);
  }
  return out;
}
