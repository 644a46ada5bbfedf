/**
 * What a change of the topology consists of: units of work, each in a stage, each with its inverse.
 *
 * Stages are done one after the other, and everything within one at once, batched by namespace.
 */
import * as lines from "./lines.js";
import type { IpLine } from "./lines.js";
import { loosens } from "./settings.js";
import type { BridgePlan, EndpointPlan, NeighbourPlan, RoutePlan, Sysctl } from "./topology.js";

/**
 * - prepare, before the rules: `unroute` what a vanishing address would take along unasked; `unlink` what goes away or is replaced; make `found`ations (namespaces, bridges); `link`
 *   (veths, down); `settings`; `address`es, aliases and files.
 * - raise, after the rules: `up` with routes and neighbours.
 * - retire, when all is well: what went away for good. Not undone.
 */
export const PREPARE = ["unroute", "unlink", "found", "link", "settings", "address"] as const;
export const RAISE = ["up"] as const;
export const RETIRE = ["retire"] as const;
export type Stage = (typeof PREPARE | typeof RAISE | typeof RETIRE)[number];

/** `place`: path of the namespace; undefined is the host. */
export type Work = { readonly stage: Stage } & (
  | { readonly kind: "ip"; readonly place: string | undefined; readonly line: IpLine; readonly undo: readonly IpLine[] }
  /** `before`: undefined for a device that is new, and so takes the value with it. */
  | {
      readonly kind: "sysctl";
      readonly place: string | undefined;
      readonly sysctl: Sysctl;
      readonly before?: string | undefined;
    }
  /** A device of the host; what brings it back is the change's `restore`. */
  | { readonly kind: "delete"; readonly device: string }
  | { readonly kind: "netns"; readonly verb: "add" | "remove"; readonly path: string }
  /** What containers share; with it goes what is in it. */
  | { readonly kind: "directory"; readonly verb: "add" | "remove"; readonly path: string }
  /** `text` undefined: the file goes away, and its directory if that is empty then. */
  | {
      readonly kind: "file";
      readonly path: string;
      readonly text: string | undefined;
      readonly before: string | undefined;
    }
);

/** One thing that changes, as people see it. */
export interface Change {
  readonly verb: "add" | "change" | "remove";
  /** `network front`, `container c1`. */
  readonly object: string;
  /** A sentence: what is done and why. */
  readonly text: string;
  /** What was wrong, a phrase each, where something that is there is mended. */
  readonly what?: readonly string[];
  /** `file:line:column` of the statement behind it. */
  readonly from: string | undefined;
  readonly works: readonly Work[];
  /** What makes a removed device again as it was; done when the change is undone. */
  readonly restore: readonly Work[];
}

type Place = string | undefined;

export function ip(stage: Stage, place: Place, line: IpLine, ...undo: IpLine[]): Work {
  return { stage, kind: "ip", place, line, undo };
}

export function set(place: Place, sysctl: Sysctl, before?: string): Work {
  return { stage: loosens(sysctl) ? "up" : "settings", kind: "sysctl", place, sysctl, before };
}

/**
 * The namespaces, other than the host's, that works happen in. Undefined where they don't say: a device of the host that
 * goes away takes its other end along.
 */
export function placesOf(works: readonly Work[]): Set<string> | undefined {
  const places = new Set<string>();
  for (const work of works) {
    if (work.kind === "delete" || work.stage === "unlink") return undefined;
    if (work.kind === "netns") places.add(work.path);
    else if (work.kind !== "file" && work.kind !== "directory" && work.place !== undefined) places.add(work.place);
  }
  return places;
}

// Whole objects, new --------------------------------------------------------------------------------------------------

/** `born`: the name until the mark is on it; a device under a name that isn't ours by its shape must bear the mark. */
export function bridgeWorks(bridge: BridgePlan, born: string): Work[] {
  const { device } = bridge;
  return [
    ip("found", undefined, lines.addBridge(bridge, born), lines.deleteLink(born)),
    ip("found", undefined, lines.setAlias(born, bridge.alias)),
    ...(born === device ? [] : [ip("found", undefined, lines.rename(born, device), lines.rename(device, born))]),
    ...bridge.sysctls.map((sysctl) => set(undefined, sysctl)),
    ...bridge.addresses.map((address) => ip("address", undefined, lines.addAddress(address, device, "bridge"))),
    ip("up", undefined, lines.setUp(device), lines.setDown(device)),
    ...bridge.routes.map((route) => ip("up", undefined, lines.addRoute(route))),
  ];
}

/** `netns`: where its other end is. */
export function endpointWorks(endpoint: EndpointPlan, netns: string): Work[] {
  const { device, inside } = endpoint;
  return [
    ip("link", netns, lines.addVethFromInside(endpoint), lines.deleteLink(inside.device)),
    ...endpoint.hostSysctls.map((sysctl) => set(undefined, sysctl)),
    ...inside.sysctls.map((sysctl) => set(netns, sysctl)),
    ip("address", undefined, lines.setAlias(device, endpoint.alias)),
    ...endpoint.hostAddresses.map((address) => ip("address", undefined, lines.addAddress(address, device, "endpoint"))),
    ip("up", undefined, lines.setUp(device), lines.setDown(device)),
    ...endpoint.hostRoutes.map(addRouteWork(undefined)),
    ...endpoint.hostNeighbours.map(neighbourWork(undefined)),
    // Up first, so that undoing removes the addresses before the device goes down, which flushes IPv6's by itself.
    ip("up", netns, lines.setUp(inside.device), lines.setDown(inside.device)),
    ...inside.addresses.map((address) => insideAddressWork(netns, address, inside.device)),
    ...inside.routes.map(addRouteWork(netns)),
    ...inside.neighbours.map(neighbourWork(netns)),
  ];
}

export function addRouteWork(place: Place): (route: RoutePlan) => Work {
  return (route) =>
    ip("up", place, lines.addRoute(route, place === undefined ? "add" : "replace"), lines.deleteRoute(route));
}

export function deleteRouteWork(place: Place): (route: RoutePlan) => Work {
  return (route) => ip("unroute", place, lines.deleteRoute(route), lines.addRoute(route));
}

export function neighbourWork(place: Place): (neighbour: NeighbourPlan) => Work {
  return (neighbour) => ip("up", place, lines.setNeighbour(neighbour), lines.deleteNeighbour(neighbour));
}

export function insideAddressWork(netns: string, address: string, device: string): Work {
  return ip("up", netns, lines.addAddress(address, device, "endpoint"), lines.deleteAddress(address, device));
}
