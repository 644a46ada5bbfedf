/** A namespace's devices, addresses, routes and neighbours, from the kernel's own tables. Equal to what stack-ip.ts says. */
import {
  type Dump,
  type DumpedAddress,
  type DumpedLink,
  type DumpedRoute,
  dumpNetwork,
  settingOf,
} from "../system/netlink/dump.js";
import { AF, IFA_F, PROTOCOLS, ROUTE_TYPES, SCOPES, TABLES } from "../system/netlink/rtnetlink.js";
import type { PlaceRead, Stack, StackAddress, StackLink, StackRoute } from "./stack.js";

const TABLE_NAMES = namesOf(TABLES);
const PROTOCOL_NAMES = namesOf(PROTOCOLS);

function namesOf(table: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(table).map(([name, number]) => [number, name]));
}

/** Reads the namespace at `netns`, this process's own when undefined. */
export function readByNetlink(netns: string | undefined): Stack {
  return toStack(dumpNetwork(netns));
}

/** The same, and its devices' sysctls, as far as they came along. */
export function readPlaceByNetlink(netns: string | undefined): PlaceRead {
  const dump = dumpNetwork(netns);
  const byName = new Map(dump.links.map(({ name, settings }) => [name, settings]));
  const setting = (path: string): string | undefined => {
    const [family = "", conf, device = "", name = ""] = path.split("/");
    const settings = conf === "conf" ? byName.get(device) : undefined;
    return settings && settingOf(settings, family, name);
  };
  return { stack: toStack(dump), setting };
}

function toStack({ links, addresses, routes, neighbours }: Dump): Stack {
  const byDevice = new Map<number, StackAddress[]>();
  for (const address of addresses) {
    const list = byDevice.get(address.device);
    if (list === undefined) byDevice.set(address.device, [toAddress(address)]);
    else list.push(toAddress(address));
  }
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const named = (index: number): string => names.get(index) ?? `if${index}`;
  return {
    links: new Map(links.map((link) => [link.name, toLink(link, byDevice.get(link.index) ?? [], named)])),
    routes: routes.map((route) => toRoute(route, named)),
    neighbours: neighbours.map(({ destination, address, device, family }) => ({
      address: destination,
      mac: address,
      device: named(device),
      family: ipVersion(family),
    })),
  };
}

function toLink(link: DumpedLink, addresses: readonly StackAddress[], named: (index: number) => string): StackLink {
  const { name, index, kind, alias, mtu, group, up } = link;
  const master = link.master === undefined ? {} : { master: named(link.master) };
  const peer = link.elsewhere && link.link !== 0 ? link.link : undefined;
  return { name, index, peer, kind, alias, mac: link.address, mtu, group, ...master, up, addresses };
}

function toAddress({ local, length, family, flags, scope }: DumpedAddress): StackAddress {
  return {
    address: `${local}/${length}`,
    family: ipVersion(family),
    noPrefixRoute: (flags & IFA_F.NOPREFIXROUTE) !== 0,
    linkLocal: scope === SCOPES["link"],
  };
}

function toRoute(route: DumpedRoute, named: (index: number) => string): StackRoute {
  const { family, destination, length, device } = route;
  const whole = length === (family === AF.INET ? 32 : 128);
  return {
    to:
      destination === undefined
        ? length === 0
          ? "default"
          : `0/${length}`
        : destination + (whole ? "" : `/${length}`),
    via: route.gateway,
    device: device === undefined ? undefined : named(device),
    source: route.source,
    family: ipVersion(family),
    metric: route.metric,
    type: ROUTE_TYPES[route.type] ?? String(route.type),
    table: TABLE_NAMES.get(route.table) ?? String(route.table),
    protocol: PROTOCOL_NAMES.get(route.protocol) ?? String(route.protocol),
  };
}

function ipVersion(family: number): 4 | 6 {
  return family === AF.INET ? 4 : 6;
}
