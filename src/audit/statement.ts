/** Which statement of a policy is behind something, and how it is cited: `shop.tsnet:3: deny web -> db`. */
import { type Decision, endpointAt, type Packet } from "../ir/evaluate.js";
import { hasPeer } from "../ir/peers.js";
import type { Container, Origin, Policy } from "../ir/policy.js";
import { type Address, formatAddress } from "../net/address.js";
import { location } from "../text/source.js";

export interface Place {
  readonly file: string;
  readonly line: number;
}

export function placeOf({ span }: Origin): Place {
  return { file: span.file.name, line: span.file.position(span.start).line };
}

/** `file:line: text`. */
export function cite(origin: Origin): string {
  const { file, line } = placeOf(origin);
  return `${file}:${line}: ${origin.text}`;
}

/** The statement at a place as the topology notes it. */
export function originAt(policy: Policy, at: string | undefined): Origin | undefined {
  return at === undefined ? undefined : policy.origins.find(({ span }) => location(span) === at);
}

/** What declares a container; else the first statement that speaks of it and not of everybody. */
export function behindContainer(policy: Policy, container: Container): Origin | undefined {
  if (container.origin !== undefined) return container.origin;
  const [address] = container.endpoints.flatMap((endpoint) => endpoint.addresses);
  const others = policy.containers
    .filter((one) => one !== container)
    .flatMap((one) => one.endpoints[0]?.addresses[0] ?? []);
  const named = policy.publishes.find(({ targets }) => targets.some((target) => target.container === container.name));
  if (address === undefined) return named?.origin;
  const speaks = policy.rules.find(({ from, to }) =>
    [from, to].some(
      (peers) =>
        hasPeer(peers, "container", address) && !others.every((other: Address) => hasPeer(peers, "container", other)),
    ),
  );
  return speaks?.origin ?? named?.origin ?? policy.rules.find(({ to }) => hasPeer(to, "container", address))?.origin;
}

/** What declares a network, or else says something of it. */
export function behindNetwork(policy: Policy, name: string): Origin | undefined {
  const network = policy.networks.find((one) => one.name === name);
  return network?.origin ?? network?.iccOrigin ?? policy.origins[0];
}

/** What decides a packet: a statement, or of a default whatever declares the network or container that it is about. */
export function behindDecision(policy: Policy, packet: Packet, decision: Decision): Origin | undefined {
  if (decision.by[0] !== undefined) return decision.by[0];
  const at = (end: Packet["source"]): ReturnType<typeof endpointAt> =>
    end.zone === "container" ? endpointAt(policy, end.address) : undefined;
  const [from, to] = [at(packet.source), at(packet.destination)];
  if (decision.default === "icc" && to !== undefined) return behindNetwork(policy, to.network.name);
  if (decision.default === "internal" && from !== undefined) return behindNetwork(policy, from.network.name);
  // Where nobody declared it, no statement is behind the default.
  return (to?.container ?? from?.container)?.origin;
}

/** The statement behind the container or device that a text names by its address, device or name. */
export function behindText(policy: Policy, text: string): Origin | undefined {
  const words = new Set(text.split(/[^\w.:-]+/));
  for (const container of policy.containers)
    for (const endpoint of container.endpoints)
      if (words.has(endpoint.device) || endpoint.addresses.some((address) => words.has(formatAddress(address))))
        return behindContainer(policy, container);
  const bridge = policy.networks.find((network) => words.has(network.bridge));
  return bridge && behindNetwork(policy, bridge.name);
}

/** A statement as reports cite it; where there is none, the policy as a whole. */
export function citation(origin: Origin | undefined, file: string | undefined, policy: string): string {
  return origin === undefined ? `${file ?? policy}: the policy ${policy} as a whole` : cite(origin);
}
