/**
 * The meaning of a policy: the verdict of one packet. Every backend is held against this file, so it stays small
 * enough to check by eye and knows nothing of how a verdict is carried out.
 */
import { type Address, hasAddress, sameAddress } from "../net/address.js";
import { hasPort } from "../net/ports.js";
import { hostsOf } from "./hosts.js";
import { hasPeer } from "./peers.js";
import {
  type Container,
  isInternal,
  type Network,
  networkNamed,
  type Origin,
  type Policy,
  type Publish,
  type PublishTarget,
  type Rule,
  type Zone,
} from "./policy.js";

/** An end of a packet. In the zone `container` the address is one of an endpoint of this policy. */
export interface End {
  readonly zone: Zone;
  readonly address: Address;
}

/**
 * The first packet of a connection, as it is after translation. `via` is the publish that translated it, undefined on
 * the direct way. `protocol` is the number on the wire (58 for ICMPv6); `port` the destination port where there is one.
 */
export interface Packet {
  readonly source: End;
  readonly destination: End;
  readonly protocol: number;
  readonly port: number | undefined;
  readonly via?: Publish | undefined;
}

export type Verdict = "allow" | "deny" | "reject" | "untouched";

export interface Decision {
  readonly verdict: Verdict;
  /** The statements that decide it; of a default, the `icc` statement that set it, if one did. */
  readonly by: readonly Origin[];
  /** Names the default where no rule speaks. */
  readonly default: string | null;
}

export const DEFAULTS = {
  icc: "containers of one network",
  apart: "containers without a common network",
  out: "container to world or host",
  internal: "internal network",
  fromHost: "host to container",
  fromWorld: "world to container",
  untouched: "no container of this policy at either end",
} as const;

const holders = new WeakMap<Policy, Map<number | bigint, { container: Container; network: Network }>>();

/** The container and network that an address belongs to. */
export function endpointAt(policy: Policy, address: Address): { container: Container; network: Network } | undefined {
  let index = holders.get(policy);
  if (index === undefined) {
    index = new Map();
    for (const container of policy.containers)
      for (const endpoint of container.endpoints)
        for (const { value } of endpoint.addresses)
          index.set(value, { container, network: networkNamed(policy, endpoint.network) });
    holders.set(policy, index);
  }
  // IPv4 values are numbers and IPv6 values bigints, so one map holds both without confusing them.
  return index.get(address.value);
}

/** Whether a rule covers a packet. */
export function matches(rule: Pick<Rule, "from" | "to" | "ports">, packet: Packet): boolean {
  return (
    hasPeer(rule.from, packet.source.zone, packet.source.address) &&
    hasPeer(rule.to, packet.destination.zone, packet.destination.address) &&
    hasPort(rule.ports, packet.protocol, packet.port)
  );
}

/**
 * The verdict of a packet. `deny`, and what a publish's `from` leaves out on its way, beats `reject` beats the bounds of an
 * internal network beats the way through a publish beats `allow` beats the defaults. `rules` may be narrowed to those that
 * can match, which changes nothing.
 */
export function evaluate(policy: Policy, packet: Packet, rules: readonly Rule[] = policy.rules): Decision {
  const { source, destination, via } = packet;
  if (source.zone !== "container" && destination.zone !== "container") return byDefault("untouched", "untouched");

  const speaking = rules.filter((rule) => matches(rule, packet));
  const said = (verb: Rule["verb"]): Origin[] =>
    speaking.filter((rule) => rule.verb === verb).map((rule) => rule.origin);
  const [denying, rejecting] = [said("deny"), said("reject")];
  if (denying.length > 0) return { verdict: "deny", by: denying, default: null };
  if (via?.from !== undefined && !hasPeer(via.from, source.zone, source.address))
    return { verdict: "deny", by: [via.origin], default: null };
  if (rejecting.length > 0) return { verdict: "reject", by: rejecting, default: null };

  const from = source.zone === "container" ? endpointAt(policy, source.address) : undefined;
  const to = destination.zone === "container" ? endpointAt(policy, destination.address) : undefined;
  if (from !== undefined && isInternal(policy, from.container) && (to === undefined || via !== undefined))
    return byDefault("deny", "internal");
  if (source.zone === "world" && to?.network.internal) return byDefault("deny", "internal");

  if (via !== undefined) return { verdict: "allow", by: [via.origin], default: null };

  const allowing = said("allow");
  if (allowing.length > 0) return { verdict: "allow", by: allowing, default: null };

  if (from !== undefined && to !== undefined) {
    if (!from.container.endpoints.some((endpoint) => endpoint.network === to.network.name))
      return byDefault("deny", "apart");
    return byDefault(to.network.icc ? "allow" : "deny", "icc", to.network.iccOrigin);
  }
  if (from !== undefined) return byDefault("allow", "out");
  return source.zone === "host" ? byDefault("allow", "fromHost") : byDefault("deny", "fromWorld");
}

function byDefault(verdict: Verdict, name: keyof typeof DEFAULTS, origin?: Origin): Decision {
  return { verdict, by: origin === undefined ? [] : [origin], default: name };
}

/** What a packet to an address and port of this host is translated to, if a publish covers it. */
export interface Translation {
  readonly publish: Publish;
  readonly target: PublishTarget;
  readonly address: Address;
  readonly port: number;
}

/**
 * Where a publish leads a packet to `address` (one of this host's own), one translation for each container that
 * connections are spread over. Empty where nothing is published, and of what goes to many at once. `publishes` may be
 * narrowed to those that can cover it.
 */
export function translate(
  policy: Policy,
  address: Address,
  protocol: number,
  port: number,
  publishes: readonly Publish[] = policy.publishes,
): Translation[] {
  if (publishes.length === 0 || hasAddress(hostsOf(policy).heard, address)) return [];
  for (const publish of publishes) {
    if (publish.protocol !== protocol || port < publish.hostPorts[0] || port > publish.hostPorts[1]) continue;
    if (!publish.families.includes(address.family)) continue;
    if (publish.hostAddress !== undefined && !sameAddress(publish.hostAddress, address)) continue;
    const out: Translation[] = [];
    for (const target of publish.targets) {
      const inner = target.addresses.find((other) => other.family === address.family);
      if (inner !== undefined)
        out.push({ publish, target, address: inner, port: publish.port + port - publish.hostPorts[0] });
    }
    return out;
  }
  return [];
}
