/** What differs between a device of ours and its plan, and the work that mends it in place. Pure. */
import * as lines from "./lines.js";
import type { Actual, ActualSandbox } from "./actual.js";
import { neighboursOn, routesOn } from "./by-device.js";
import type { Stack, StackLink, StackRoute } from "./stack.js";
import type { BridgePlan, EndpointPlan, NeighbourPlan, RoutePlan, Sysctl } from "./topology.js";
import { CONDEMNED } from "./names.js";
import { carries6 } from "./settings.js";
import { addRouteWork, deleteRouteWork, insideAddressWork, ip, neighbourWork, set, type Work } from "./work.js";

export interface Mending {
  readonly works: readonly Work[];
  /** What was wrong, a phrase each. */
  readonly what: readonly string[];
}

type Place = string | undefined;

export function mendBridge(bridge: BridgePlan, link: StackLink, actual: Actual): Mending {
  return joined([
    mac(link, bridge.mac),
    bridgeMtu(bridge, link),
    group(link),
    master(undefined, link),
    addresses(link, bridge.addresses, "bridge"),
    sysctls(undefined, bridge.sysctls, actual.sysctls),
    up(undefined, link),
    routes(undefined, bridge.device, bridge.routes, actual.host),
  ]);
}

/** Why an endpoint can't be mended in place; undefined when it can. */
export function needsReplacing(
  endpoint: EndpointPlan,
  link: StackLink,
  sandbox: ActualSandbox | undefined,
): string | undefined {
  const { inside } = endpoint;
  const there = sandbox?.stack?.links.get(inside.device);
  if (there === undefined) return `${inside.device} is not in its namespace`;
  if (link.kind !== "veth" || link.peer !== there.index || there.peer !== link.index)
    return `${inside.device} is not its other end`;
  if (there.mac !== inside.mac) return `its MAC is ${there.mac}, not ${inside.mac}`;
  // What IPv6 the device has comes or goes with the MTU, and its settings, addresses and routes with it.
  const crossing = [link, there].find((one) => carries6(one.mtu) !== carries6(endpoint.mtu));
  if (crossing !== undefined) return wrongMtu(crossing);
  // Addresses of ours have `noprefixroute`; others are the container's own.
  const old = there.addresses.find((a) => a.noPrefixRoute && !a.linkLocal && !inside.addresses.includes(a.address));
  if (old !== undefined) return `its address was ${old.address}`;
  return undefined;
}

export function mendEndpoint(
  endpoint: EndpointPlan,
  link: StackLink,
  netns: string,
  sandbox: ActualSandbox | undefined,
  actual: Actual,
): Mending {
  const { device, inside } = endpoint;
  const stack = sandbox?.stack;
  const there = stack?.links.get(inside.device);
  if (stack === undefined || there === undefined) throw new Error(`${inside.device} is to be replaced, not mended`);
  const had = new Set(there.addresses.map(({ address }) => address));
  const lost = inside.addresses.filter((address) => !had.has(address));
  return joined([
    mac(link, endpoint.hostMac),
    mtu(undefined, link, endpoint.mtu),
    group(link),
    master(undefined, link),
    mtu(netns, there, endpoint.mtu),
    addresses(link, endpoint.hostAddresses, "endpoint"),
    sysctls(undefined, endpoint.hostSysctls, actual.sysctls),
    sandbox?.sysctls === undefined ? NOTHING : sysctls(netns, inside.sysctls, sandbox.sysctls),
    up(undefined, link),
    routes(undefined, device, endpoint.hostRoutes, actual.host),
    neighbours(undefined, endpoint.hostNeighbours, actual.host),
    up(netns, there),
    {
      // Perhaps they are new: a network that had no IPv6 has it off inside, which is rarely read.
      works: [
        ...(lost.length > 0 && sandbox?.sysctls === undefined ? inside.sysctls.map((each) => set(netns, each)) : []),
        ...lost.map((address) => insideAddressWork(netns, address, inside.device)),
      ],
      what: lost.map((address) => `${inside.device} lost ${address}`),
    },
    routes(netns, inside.device, inside.routes, stack),
    neighbours(netns, inside.neighbours, stack),
  ]);
}

const NOTHING: Mending = { works: [], what: [] };

function joined(parts: readonly Mending[]): Mending {
  return { works: parts.flatMap((part) => part.works), what: parts.flatMap((part) => part.what) };
}

function mac(link: StackLink, wanted: string): Mending {
  if (link.mac === wanted) return NOTHING;
  const undo = link.mac === undefined ? [] : [lines.setMac(link.name, link.mac)];
  return {
    works: [ip("address", undefined, lines.setMac(link.name, wanted), ...undo)],
    what: [`the MAC of ${link.name} is ${link.mac}`],
  };
}

/** What a killed removal had marked must not go with the next. */
function group(link: StackLink): Mending {
  if ((link.group ?? 0) < CONDEMNED) return NOTHING;
  return {
    works: [ip("address", undefined, lines.spare(link.name))],
    what: [`${link.name} was to be deleted`],
  };
}

/** Frames of a port are bridged, past the hooks where they should be routed. */
function master(place: Place, link: StackLink): Mending {
  if (link.master === undefined) return NOTHING;
  return {
    works: [ip("address", place, lines.setMaster(link.name, undefined), lines.setMaster(link.name, link.master))],
    what: [`${link.name} is a port of ${link.master}`],
  };
}

/** IPv6 comes to a bridge with the MTU, so that its settings can only be made behind it, and must be. */
function bridgeMtu(bridge: BridgePlan, link: StackLink): Mending {
  const { works, what } = mtu(undefined, link, bridge.mtu);
  if (carries6(link.mtu) || !carries6(bridge.mtu)) return { works, what };
  const anew = bridge.sysctls.map((sysctl) => set(undefined, sysctl));
  return { works: [...works.map((work): Work => ({ ...work, stage: "link" })), ...anew], what };
}

const wrongMtu = (link: StackLink): string => `the MTU of ${link.name} is ${link.mtu}`;

function mtu(place: Place, link: StackLink, wanted: number = lines.DEFAULT_MTU): Mending {
  if (link.mtu === wanted) return NOTHING;
  return {
    works: [ip("address", place, lines.setMtu(link.name, wanted), lines.setMtu(link.name, link.mtu))],
    what: [wrongMtu(link)],
  };
}

/** On the host a device of ours has the planned addresses and no others. */
function addresses(link: StackLink, wanted: readonly string[], where: "bridge" | "endpoint"): Mending {
  const had = link.addresses.filter((a) => !a.linkLocal).map(({ address }) => address);
  const lost = wanted.filter((address) => !had.includes(address));
  const extra = had.filter((address) => !wanted.includes(address));
  const add = (address: string) => lines.addAddress(address, link.name, where);
  const remove = (address: string) => lines.deleteAddress(address, link.name);
  const adding = lost.map((address) => ip("address", undefined, add(address), remove(address)));
  // A bridge's old address takes its subnet's others along, so it goes first. A veth's goes last: without any address
  // the kernel forgets the device's neighbours.
  const stage = where === "bridge" ? "unlink" : "address";
  const removing = extra.map((address) => ip(stage, undefined, remove(address), add(address)));
  return {
    works: where === "bridge" ? [...removing, ...adding] : [...adding, ...removing],
    what: [
      ...lost.map((address) => `${link.name} lacks ${address}`),
      ...extra.map((address) => `${link.name} has ${address} besides`),
    ],
  };
}

function sysctls(place: Place, wanted: readonly Sysctl[], actual: ReadonlyMap<string, string>): Mending {
  const wrong = wanted.filter(({ path, value, optional }) => {
    const found = actual.get(path);
    return found === undefined ? !optional : found !== value;
  });
  return {
    works: wrong.map((sysctl) => set(place, sysctl, actual.get(sysctl.path))),
    what: wrong.map(({ path, value }) => `${path} is ${actual.get(path) ?? "missing"}, not ${value}`),
  };
}

function up(place: Place, link: StackLink): Mending {
  if (link.up) return NOTHING;
  return { works: [ip("up", place, lines.setUp(link.name), lines.setDown(link.name))], what: [`${link.name} is down`] };
}

function routes(place: Place, device: string, wanted: readonly RoutePlan[], stack: Stack): Mending {
  const here = routesOn(stack, device);
  const lost = wanted.filter((route) => !here.some((found) => sameRoute(route, found)));
  const extra = here
    .filter((found) => found.protocol === lines.ROUTE_PROTOCOL && !wanted.some((route) => sameRoute(route, found)))
    .map(asPlan);
  return {
    works: [...extra.map(deleteRouteWork(place)), ...lost.map(addRouteWork(place))],
    what: [
      ...lost.map(({ to }) => `the route ${to} on ${device} is missing`),
      ...extra.map(({ to }) => `the route ${to} on ${device} is an old one`),
    ],
  };
}

function sameRoute(plan: RoutePlan, found: StackRoute): boolean {
  return (
    plan.to === found.to &&
    plan.family === found.family &&
    plan.via === found.via &&
    plan.device === found.device &&
    plan.source === found.source &&
    plan.metric === found.metric &&
    (plan.type ?? "unicast") === found.type &&
    (plan.table ?? "main") === found.table
  );
}

/** A route of ours that was read back, as a plan would have it. */
export function asPlan(found: StackRoute): RoutePlan {
  const { to, via, source, family, metric } = found;
  const local = found.type === "local" ? ({ type: "local", table: "local" } as const) : {};
  return { to, via, device: found.device ?? "", source, family, metric, ...local };
}

function neighbours(place: Place, wanted: readonly NeighbourPlan[], stack: Stack): Mending {
  const lost = wanted.filter(
    (plan) => !neighboursOn(stack, plan.device).some((n) => n.address === plan.address && n.mac === plan.mac),
  );
  return {
    works: lost.map(neighbourWork(place)),
    what: lost.map(({ address, device }) => `the neighbour ${address} on ${device} is missing`),
  };
}
