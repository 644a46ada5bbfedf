/**
 * What is in one network namespace, in the plan's terms. It is read by netlink or by ip, which say the same.
 */
import { usesNetlink } from "../system/transport.js";
import { readByIp } from "./stack-ip.js";
import { readPlaceByNetlink } from "./stack-netlink.js";
import type { Cidr, NeighbourPlan, RoutePlan } from "./topology.js";

export interface StackLink {
  readonly name: string;
  readonly index: number;
  /** Index of a veth's other end, in the namespace where that is. */
  readonly peer: number | undefined;
  readonly kind: string | undefined;
  readonly alias: string | undefined;
  readonly mac: string | undefined;
  readonly mtu: number;
  /** 0 is the default; see unlink.ts. */
  readonly group?: number;
  /** The bridge, or the like, that it is a port of. */
  readonly master?: string;
  readonly up: boolean;
  readonly addresses: readonly StackAddress[];
}

export interface StackAddress {
  readonly address: Cidr;
  readonly family: 4 | 6;
  /** `noprefixroute`, which all of ours have except a bridge's IPv4 ones. */
  readonly noPrefixRoute: boolean;
  readonly linkLocal: boolean;
}

export interface StackRoute extends Omit<RoutePlan, "type" | "table" | "device"> {
  /** `unicast` and `main` are the usual ones. */
  readonly type: string;
  readonly table: string;
  readonly protocol: string;
  /** Undefined for routes to nowhere (blackhole) and for multipath ones. */
  readonly device: string | undefined;
}

export interface Stack {
  readonly links: ReadonlyMap<string, StackLink>;
  readonly routes: readonly StackRoute[];
  /** The permanent ones. */
  readonly neighbours: readonly NeighbourPlan[];
}

/** A namespace, and the value of a sysctl below /proc/sys/net where it came along: of others nothing is known yet. */
export interface PlaceRead {
  readonly stack: Stack;
  readonly setting: (path: string) => string | undefined;
}

/** Reads the namespace at `netns`, this process's own when undefined. */
export async function readPlace(netns: string | undefined): Promise<PlaceRead> {
  if (usesNetlink()) return readPlaceByNetlink(netns);
  return { stack: await readByIp(netns), setting: () => undefined };
}

export async function readStack(netns: string | undefined): Promise<Stack> {
  return (await readPlace(netns)).stack;
}
