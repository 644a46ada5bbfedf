/** A namespace's devices, addresses, routes and neighbours, as `ip -j` prints them. */
import { type IpLine, ipQuery } from "../system/ip.js";
import type { Stack, StackLink, StackRoute } from "./stack.js";
import type { NeighbourPlan } from "./topology.js";

const QUESTIONS: readonly IpLine[] = [
  ["address", "show"],
  ["route", "show", "table", "all"],
  ["neighbour", "show", "nud", "permanent"],
];

/** Reads the namespace at `netns`, this process's own when undefined, in one process. */
export async function readByIp(netns: string | undefined): Promise<Stack> {
  const [links, routes, neighbours] = await ipQuery(netns, QUESTIONS);
  return {
    links: new Map(
      (links as IpLink[]).filter((link) => link.ifname !== undefined).map((link) => [link.ifname, toLink(link)]),
    ),
    routes: (routes as IpRoute[]).filter((route) => route.dst !== undefined).map(toRoute),
    neighbours: (neighbours as IpNeighbour[]).flatMap(toNeighbour),
  };
}

// The parts of ip's JSON that we use (iproute2 6.1, ip/ipaddress.c, iproute.c, ipneigh.c) -----------------------------

interface IpLink {
  ifname: string;
  ifindex: number;
  link_index?: number;
  flags: string[];
  mtu: number;
  group?: string;
  master?: string;
  address?: string;
  ifalias?: string;
  linkinfo?: { info_kind?: string };
  addr_info?: { family?: string; local?: string; prefixlen?: number; scope?: string; noprefixroute?: boolean }[];
}

interface IpRoute {
  dst: string;
  type?: string;
  gateway?: string;
  dev?: string;
  table?: string;
  protocol?: string;
  prefsrc?: string;
  metric?: number;
  /** Only IPv6 routes have it. */
  pref?: string;
}

interface IpNeighbour {
  dst?: string;
  dev?: string;
  lladdr?: string;
}

function toLink(link: IpLink): StackLink {
  return {
    name: link.ifname,
    index: link.ifindex,
    peer: link.link_index,
    kind: link.linkinfo?.info_kind,
    alias: link.ifalias,
    mac: link.address,
    mtu: link.mtu,
    // A name is from /etc/iproute2/group, and none of ours has one.
    group: /^\d+$/.test(link.group ?? "") ? Number(link.group) : 0,
    ...(link.master === undefined ? {} : { master: link.master }),
    up: link.flags.includes("UP"),
    addresses: (link.addr_info ?? []).flatMap((info) => {
      if (info.local === undefined || info.prefixlen === undefined) return [];
      return {
        address: `${info.local}/${info.prefixlen}`,
        family: info.family === "inet6" ? 6 : 4,
        noPrefixRoute: info.noprefixroute === true,
        linkLocal: info.scope === "link",
      };
    }),
  };
}

function toRoute(route: IpRoute): StackRoute {
  const family = route.pref !== undefined || route.dst.includes(":") || route.gateway?.includes(":") === true ? 6 : 4;
  return {
    to: route.dst,
    via: route.gateway,
    device: route.dev,
    source: route.prefsrc,
    family,
    metric: route.metric,
    type: route.type ?? "unicast",
    table: route.table ?? "main",
    protocol: route.protocol ?? "",
  };
}

function toNeighbour({ dst, dev, lladdr }: IpNeighbour): NeighbourPlan[] {
  if (dst === undefined || dev === undefined || lladdr === undefined) return [];
  return [{ address: dst, mac: lladdr, device: dev, family: dst.includes(":") ? 6 : 4 }];
}
