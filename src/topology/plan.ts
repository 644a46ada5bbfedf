/**
 * From a policy to the network that it describes. Pure: same policy, same topology, on any machine.
 *
 * Every packet between two containers must be routed through the host's forward hook, where our rules are. So the host
 * end of an endpoint is no port of the network's bridge: it has the gateway's addresses and the bridge's MAC itself,
 * and a route to its endpoint alone. There is no shared segment on which a container could lie to another.
 */
import {
  addressOf,
  type Container,
  type Endpoint,
  gatewayOf,
  type Network,
  networkNamed,
  type Policy,
  subnetOf,
} from "../ir/policy.js";
import { type Family, formatAddress, sameAddress } from "../net/address.js";
import { hash64 } from "../net/hash.js";
import { formatPrefix } from "../net/prefix.js";
import { location } from "../text/source.js";
import { hostsFile } from "./hosts.js";
import { bridgeMark, endpointMark, netnsPath } from "./names.js";
import { bridgeSettings, hostSettings, insideSettings } from "./settings.js";
import { planShares } from "./shares.js";
import type { BridgePlan, EndpointPlan, NeighbourPlan, RoutePlan, SandboxPlan, Topology } from "./topology.js";

/** Below the 256 that the kernel gives to the routes it makes, so that ours win. */
const METRIC6 = 100;
/** Behind lo's own ::1, which has 0. */
const LOOPBACK_METRIC = 1024;

export function planTopology(policy: Policy): Topology {
  const sandboxes = policy.containers.flatMap((container) => sandboxPlan(policy, container) ?? []);
  const forwards = (family: Family) =>
    policy.containers.some((c) => c.endpoints.some((e) => addressOf(e, family) !== undefined));
  return {
    policy: policy.name,
    bridges: policy.networks.map((network) => bridgePlan(policy, network)),
    sandboxes,
    shares: planShares(policy),
    forwards: { v4: forwards(4), v6: forwards(6) },
  };
}

function bridgePlan(policy: Policy, network: Network): BridgePlan {
  if (network.driver !== "bridge") throw new Error(`no topology for the driver ${network.driver}`);
  const { bridge } = network;
  const v6 = subnetOf(network, 6);
  return {
    network: network.name,
    device: bridge,
    alias: bridgeMark(policy.name, network.name),
    mac: bridgeMac(policy.name, network.name),
    mtu: network.mtu,
    addresses: network.gateways.map((gateway, i) => `${formatAddress(gateway)}/${network.subnets[i]?.length}`),
    sysctls: bridgeSettings(bridge, v6 !== undefined, network.mtu),
    routes: v6 === undefined ? [] : [route(6, formatPrefix(v6), bridge, { metric: METRIC6 })],
    from: network.origin === undefined ? undefined : location(network.origin.span),
  };
}

/** Locally administered, in the 02:42 that container tools use; from the names alone. */
export function bridgeMac(policy: string, network: string): string {
  const low = Number(hash64("mac", policy, network) & 0xffffffffn);
  const bytes = [24, 16, 8, 0].map((shift) => ((low >>> shift) & 255).toString(16).padStart(2, "0"));
  return ["02", "42", ...bytes].join(":");
}

function sandboxPlan(policy: Policy, container: Container): SandboxPlan | undefined {
  const { sandbox } = container;
  if (sandbox.kind === "host" || sandbox.kind === "container") return undefined;
  const adopted = sandbox.kind === "netns" || sandbox.kind === "pid";
  return {
    container: container.name,
    path:
      sandbox.kind === "netns"
        ? sandbox.path
        : sandbox.kind === "pid"
          ? `/proc/${sandbox.pid}/ns/net`
          : netnsPath(policy.name, container.name),
    adopted,
    endpoints: container.endpoints.map((endpoint) => endpointPlan(policy, container, endpoint)),
    hosts: hostsFile(policy, container),
    from: container.origin === undefined ? undefined : location(container.origin.span),
  };
}

function endpointPlan(policy: Policy, container: Container, endpoint: Endpoint): EndpointPlan {
  const network = networkNamed(policy, endpoint.network);
  const mac = bridgeMac(policy.name, network.name);
  const gateways = network.gateways.filter(({ family }) => addressOf(endpoint, family) !== undefined);
  const has = { v4: addressOf(endpoint, 4) !== undefined, v6: addressOf(endpoint, 6) !== undefined };
  return {
    network: network.name,
    device: endpoint.device,
    alias: endpointMark(policy.name, network.name, container.name),
    hostMac: mac,
    mtu: network.mtu,
    hostAddresses: gateways.map((gateway) => `${formatAddress(gateway)}/${gateway.family === 4 ? 32 : 128}`),
    hostRoutes: hostRoutes(policy, network, endpoint),
    hostNeighbours: endpoint.addresses.map((address) => ({
      address: formatAddress(address),
      mac: endpoint.mac,
      device: endpoint.device,
      family: address.family,
    })),
    hostSysctls: hostSettings(endpoint.device, has, publishedOnLoopback(policy, endpoint, 4), network.mtu),
    inside: {
      device: endpoint.inside,
      mac: endpoint.mac,
      addresses: endpoint.addresses.map((a) => `${formatAddress(a)}/${subnetOf(network, a.family)?.length}`),
      routes: insideRoutes(policy, container, network, endpoint),
      neighbours: gateways.map((gateway): NeighbourPlan => ({
        address: formatAddress(gateway),
        mac,
        device: endpoint.inside,
        family: gateway.family,
      })),
      sysctls: insideSettings(endpoint.inside, has, network.mtu),
    },
  };
}

// Routes -------------------------------------------------------------------------------------------------------------

interface RouteDetails {
  readonly via?: string | undefined;
  readonly source?: string | undefined;
  readonly metric?: number | undefined;
}

function route(family: Family, to: string, device: string, { via, source, metric }: RouteDetails): RoutePlan {
  return { to, via, device, source, family, metric };
}

function hostRoutes(policy: Policy, network: Network, endpoint: Endpoint): RoutePlan[] {
  const routes = endpoint.addresses.map((address) => {
    const gateway = gatewayOf(network, address.family);
    return route(address.family, formatAddress(address), endpoint.device, {
      source: gateway && formatAddress(gateway),
      metric: metric(address.family),
    });
  });
  if (publishedOnLoopback(policy, endpoint, 6)) {
    // The reply to a connection to [::1] is translated back to ::1 as it arrives on this device, and routing looks for
    // ::1 on that device alone (rt6_need_strict in net/ipv6/route.c).
    const local = { type: "local", table: "local" } as const;
    routes.push({ ...route(6, "::1", endpoint.device, { metric: LOOPBACK_METRIC }), ...local });
  }
  return routes;
}

/** The gateway on the link, the subnet through it (neighbours aren't on the link), and perhaps the default route. */
function insideRoutes(policy: Policy, container: Container, network: Network, endpoint: Endpoint): RoutePlan[] {
  return endpoint.addresses.flatMap(({ family }) => {
    const gateway = gatewayOf(network, family);
    const subnet = subnetOf(network, family);
    if (gateway === undefined || subnet === undefined) return [];
    const via = formatAddress(gateway);
    const to = (prefix: string, through: string | undefined) =>
      route(family, prefix, endpoint.inside, { via: through, metric: metric(family) });
    const routes = [to(via, undefined), to(formatPrefix(subnet), via)];
    if (defaultEndpoint(policy, container, family) === endpoint) routes.push(to("default", via));
    return routes;
  });
}

function metric(family: Family): number | undefined {
  return family === 6 ? METRIC6 : undefined;
}

/** The endpoint that has the default route: the first with this family whose network leads out, else the first. */
function defaultEndpoint(policy: Policy, container: Container, family: Family): Endpoint | undefined {
  const candidates = container.endpoints.filter((endpoint) => addressOf(endpoint, family) !== undefined);
  return candidates.find((endpoint) => !networkNamed(policy, endpoint.network).internal) ?? candidates[0];
}

/** Whether some publish leads from this host's loopback address to this endpoint. */
function publishedOnLoopback(policy: Policy, endpoint: Endpoint, family: Family): boolean {
  const own = addressOf(endpoint, family);
  if (own === undefined) return false;
  return policy.publishes.some(
    ({ hostAddress, families, targets }) =>
      families.includes(family) &&
      (hostAddress === undefined ||
        (hostAddress.family === family &&
          (hostAddress.family === 4 ? hostAddress.value >>> 24 === 127 : hostAddress.value === 1n))) &&
      targets.some((target) => target.addresses.some((address) => sameAddress(address, own))),
  );
}
