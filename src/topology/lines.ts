/**
 * What is planned as `ip` commands. Pure; apply.ts runs them, format.ts prints them.
 *
 * Our routes bear a protocol number of their own, so that those that a container or an administrator adds to our
 * devices are told apart from what an earlier policy left.
 */
import type { BridgePlan, Cidr, EndpointPlan, NeighbourPlan, RoutePlan } from "./topology.js";

/** One `ip` command without the leading `ip`. */
export type IpLine = readonly string[];

/** In a line that runs in a sandbox: the path of the host's namespace, which only apply.ts knows. */
export const HERE = "@here";

/** `ip route … protocol`: free in /etc/iproute2/rt_protos. */
export const ROUTE_PROTOCOL = "83";

/** The kernel's MTU for bridges and veths when none is asked for. */
export const DEFAULT_MTU = 1500;

function mtuWords(mtu: number | undefined): string[] {
  return mtu === undefined ? [] : ["mtu", String(mtu)];
}

export function addBridge(bridge: BridgePlan, name: string = bridge.device): IpLine {
  return ["link", "add", "name", name, "address", bridge.mac, ...mtuWords(bridge.mtu), "type", "bridge"];
}

/** Run in the sandbox, so that sandboxes are wired in parallel; the host end is born in the host's namespace. */
export function addVethFromInside(endpoint: EndpointPlan): IpLine {
  const { inside } = endpoint;
  const mtu = mtuWords(endpoint.mtu);
  return [
    ...["link", "add", "name", inside.device, "address", inside.mac, ...mtu, "type", "veth"],
    ...["peer", "name", endpoint.device, "address", endpoint.hostMac, ...mtu, "netns", HERE],
  ];
}

/** The same, run on the host. */
export function addVethFromHost(endpoint: EndpointPlan, netns: string): IpLine {
  const { inside } = endpoint;
  const mtu = mtuWords(endpoint.mtu);
  return [
    ...["link", "add", "name", endpoint.device, "address", endpoint.hostMac, ...mtu, "type", "veth"],
    ...["peer", "name", inside.device, "address", inside.mac, ...mtu, "netns", netns],
  ];
}

export function deleteLink(device: string): IpLine {
  return ["link", "delete", "dev", device];
}

export function setAlias(device: string, alias: string): IpLine {
  return ["link", "set", "dev", device, "alias", alias];
}

export function setUp(device: string): IpLine {
  return ["link", "set", "dev", device, "up"];
}

export function setDown(device: string): IpLine {
  return ["link", "set", "dev", device, "down"];
}

export function setMtu(device: string, mtu: number): IpLine {
  return ["link", "set", "dev", device, "mtu", String(mtu)];
}

/** Out of the group of those that were to be deleted. */
export function spare(device: string): IpLine {
  return ["link", "set", "dev", device, "group", "0"];
}

/** `master` undefined: it is no port of anything. */
export function setMaster(device: string, master: string | undefined): IpLine {
  return ["link", "set", "dev", device, ...(master === undefined ? ["nomaster"] : ["master", master])];
}

export function setMac(device: string, mac: string): IpLine {
  return ["link", "set", "dev", device, "address", mac];
}

export function rename(device: string, name: string): IpLine {
  return ["link", "set", "dev", device, "name", name];
}

/**
 * No duplicate address detection, which would make an address unusable for its first second. `bridge`: the kernel
 * makes the IPv4 subnet's route; everywhere else, and for IPv6, the plan names every route.
 */
export function addAddress(address: Cidr, device: string, where: "bridge" | "endpoint"): IpLine {
  const v6 = address.includes(":");
  const flags = [...(v6 ? ["nodad"] : []), ...(v6 || where === "endpoint" ? ["noprefixroute"] : [])];
  return ["address", "add", address, "dev", device, ...flags];
}

export function deleteAddress(address: Cidr, device: string): IpLine {
  return ["address", "delete", address, "dev", device];
}

/**
 * `append`: several devices may have the same local route, and a network's new bridge its IPv6 route while the old one
 * is still there; `replace` where what is there is ours to replace.
 */
export function addRoute(route: RoutePlan, verb: "add" | "replace" = "add"): IpLine {
  const beside = route.type === "local" || (route.family === 6 && verb === "add");
  return ["route", beside ? "append" : verb, ...routeWords(route)];
}

export function deleteRoute(route: RoutePlan): IpLine {
  return ["route", "delete", ...routeWords(route)];
}

function routeWords(route: RoutePlan): string[] {
  const { type, to, via, device, source, metric, table } = route;
  return [
    ...(type === undefined ? [] : [type]),
    ...(to === "default" ? [route.family === 6 ? "::/0" : "0.0.0.0/0"] : [to]),
    ...(via === undefined ? [] : ["via", via]),
    ...["dev", device],
    ...(source === undefined ? [] : ["src", source]),
    ...(metric === undefined ? [] : ["metric", String(metric)]),
    ...(table === undefined ? [] : ["table", table]),
    ...["protocol", ROUTE_PROTOCOL],
  ];
}

/** A permanent entry: no lie on the link changes it. */
export function setNeighbour({ address, mac, device }: NeighbourPlan): IpLine {
  return ["neighbour", "replace", "to", address, "lladdr", mac, "dev", device, "nud", "permanent"];
}

export function deleteNeighbour({ address, device }: NeighbourPlan): IpLine {
  return ["neighbour", "delete", "to", address, "dev", device];
}
