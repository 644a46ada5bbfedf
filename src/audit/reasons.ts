/** Why the statements that speak of a packet's ends didn't decide it. */
import { endpointAt, type Decision, type End, matches, type Packet } from "../ir/evaluate.js";
import { serviceText } from "../ir/packet-text.js";
import { hasPeer } from "../ir/peers.js";
import { type Origin, type Policy, type Publish, type Rule } from "../ir/policy.js";
import { formatPorts, hasPort } from "../net/ports.js";
import { sameAddress } from "../net/address.js";

export interface Bystander {
  readonly origin: Origin;
  /** A sentence without a full stop. */
  readonly reason: string;
}

/** Every statement that names an end of the packet, or covers the packet, and isn't among those that decide it. */
export function bystanders(policy: Policy, packet: Packet, decision: Decision): Bystander[] {
  const deciding = new Set(decision.by);
  const out = new Map<Origin, string>();
  const note = (origin: Origin | undefined, reason: string | undefined): void => {
    if (origin !== undefined && reason !== undefined && !deciding.has(origin) && !out.has(origin))
      out.set(origin, reason);
  };
  for (const rule of policy.rules) note(rule.origin, ruleReason(policy, rule, packet, decision));
  for (const publish of policy.publishes) note(publish.origin, publishReason(publish, packet, decision));
  const to = packet.destination.zone === "container" ? endpointAt(policy, packet.destination.address) : undefined;
  if (to !== undefined && packet.source.zone === "container") note(to.network.iccOrigin, iccReason(decision));
  return [...out].map(([origin, reason]) => ({ origin, reason })).sort((a, b) => a.origin.index - b.origin.index);
}

function ruleReason(policy: Policy, rule: Rule, packet: Packet, decision: Decision): string | undefined {
  const { source, destination, protocol, port } = packet;
  if (matches(rule, packet)) return beaten(rule, decision);
  const from = hasPeer(rule.from, source.zone, source.address);
  const to = hasPeer(rule.to, destination.zone, destination.address);
  if (from && to)
    return `it is about ${formatPorts(rule.ports)}, and the packet ${hasPort(rule.ports, protocol, undefined) ? "has" : "is for"} ${serviceText(protocol, port)}`;
  if (hasPeer(rule.from, destination.zone, destination.address) && hasPeer(rule.to, source.zone, source.address))
    return "it is about the other direction; replies pass by the state of their connection";
  // A side that means everybody speaks of nobody in particular.
  if (from && !isBroad(policy, rule, "from", source)) return `its destination isn't ${nameOf(policy, destination)}`;
  if (to && !isBroad(policy, rule, "to", destination)) return `its source isn't ${nameOf(policy, source)}`;
  return undefined;
}

/** Why a rule that covers the packet doesn't decide it. */
function beaten(rule: Rule, decision: Decision): string {
  if (decision.default === "internal") return "the bounds of the internal network decide before any allow";
  const [first] = decision.by;
  if (decision.verdict === "deny" || decision.verdict === "reject") {
    if (first !== undefined && decision.default === null && !first.text.includes("publish"))
      return `it covers the packet too, but ${decision.verdict} beats ${rule.verb}`;
    return "on the way through a published port the publish alone admits";
  }
  return "on the way through a published port the publish alone admits";
}

function publishReason(
  publish: Publish,
  { destination, via, protocol }: Packet,
  decision: Decision,
): string | undefined {
  const leads = publish.targets.some(({ addresses }) => addresses.some((one) => sameAddress(one, destination.address)));
  if (!leads || publish.protocol !== protocol) return undefined;
  const [first, last] = publish.hostPorts;
  const port = first === last ? `port ${first}` : `ports ${first}-${last}`;
  if (via === publish)
    return `the packet comes this way, but ${decision.default === "internal" ? "the bounds of the internal network decide" : `${decision.verdict} beats it`}`;
  return `it is the way through the host's ${port}, and the packet comes ${via === undefined ? "directly" : "through another"}`;
}

function iccReason(decision: Decision): string | undefined {
  return decision.default === null ? "a statement speaks of the packet, so the default isn't asked" : undefined;
}

/** Whether a side covers every container, or all of the end's zone. */
function isBroad({ containers }: Policy, rule: Rule, side: "from" | "to", { zone }: End): boolean {
  const set = rule[side];
  if (zone !== "container") return set[zone].v4[0] === 0 && set[zone].v4[1] === 0xffffffff;
  return containers.every(({ endpoints }) =>
    endpoints.every(({ addresses }) => addresses.every((address) => hasPeer(set, "container", address))),
  );
}

function nameOf(policy: Policy, { zone, address }: End): string {
  return zone === "container" ? (endpointAt(policy, address)?.container.name ?? zone) : zone;
}
