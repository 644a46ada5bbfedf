/** What rtnetlink says of one namespace: its devices, addresses, routes and neighbours, in the kernel's terms. */
import { formatMac, formatRaw } from "./address.js";
import { scan, textAt, u16, u32 } from "./decoder.js";
import { Encoder, NLM_F } from "./encoder.js";
import * as rt from "./rtnetlink.js";
import { NetlinkSocket, PROTOCOL } from "./socket.js";

export interface DumpedLink {
  readonly index: number;
  /** Bytes that are no UTF-8 are replaced. */
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  readonly group: number;
  /** As text, in the form that the device's type has; undefined for devices without. */
  readonly address: string | undefined;
  readonly alias: string | undefined;
  readonly kind: string | undefined;
  /** Index of the device below or beside it, and whether that is in another namespace. */
  readonly link: number | undefined;
  /** Index of the bridge, or the like, that it is a port of. */
  readonly master: number | undefined;
  readonly elsewhere: boolean;
  readonly settings: Readonly<Settings>;
}

export interface DumpedAddress {
  readonly device: number;
  readonly family: number;
  readonly local: string;
  readonly length: number;
  /** IFA_F. */
  readonly flags: number;
  readonly scope: number;
}

export interface DumpedRoute {
  readonly family: number;
  readonly type: number;
  readonly table: number;
  readonly protocol: number;
  /** Undefined for every address, when `length` is 0. */
  readonly destination: string | undefined;
  readonly length: number;
  readonly gateway: string | undefined;
  readonly source: string | undefined;
  /** Undefined for routes to nowhere and for those with several next hops. */
  readonly device: number | undefined;
  readonly metric: number | undefined;
}

export interface DumpedNeighbour {
  readonly device: number;
  readonly family: number;
  readonly destination: string;
  readonly address: string;
}

export interface Dump {
  readonly links: readonly DumpedLink[];
  readonly addresses: readonly DumpedAddress[];
  readonly routes: readonly DumpedRoute[];
  /** The permanent ones. */
  readonly neighbours: readonly DumpedNeighbour[];
}

/** linux/rtnetlink.h: a route that was cloned for one destination, as by a redirect. */
const RTM_F_CLONED = 0x200;

/** How often a table that changed while it was read is read again; after that it is taken as it came, as ip does. */
const TRIES = 20;

const encoder = new Encoder(1 << 8);

/** Reads the namespace at `netns`, this process's own when undefined. Throws `NetlinkError`. */
export function dumpNetwork(netns: string | undefined): Dump {
  const socket = new NetlinkSocket(PROTOCOL.ROUTE, netns);
  try {
    const types = new Map<number, number>();
    return {
      links: dump(socket, rt.RTM.GETLINK, 16, (body) => toLink(body, types)),
      addresses: dump(socket, rt.RTM.GETADDR, 8, toAddress),
      routes: dump(socket, rt.RTM.GETROUTE, 12, toRoute),
      neighbours: dump(socket, rt.RTM.GETNEIGH, 12, (body) => toNeighbour(body, types)),
    };
  } finally {
    socket.close();
  }
}

/** `size` is that of the header before the attributes; all zero, it asks for everything. */
export function dump<T>(socket: NetlinkSocket, type: number, size: number, read: (body: Buffer) => T | undefined): T[] {
  for (let again = 1; ; again++) {
    encoder.reset();
    const at = encoder.begin(type, NLM_F.REQUEST | NLM_F.DUMP);
    encoder.put(...new Array<number>(size).fill(0));
    if (type === rt.RTM.GETLINK) encoder.u32(rt.IFLA.EXT_MASK, rt.RTEXT_FILTER_SKIP_STATS);
    encoder.end(at);
    const found: T[] = [];
    const whole = socket.dump(encoder, (body, answer) => {
      // An answer's number is the question's less two.
      const each = answer === type - 2 ? read(body) : undefined;
      if (each !== undefined) found.push(each);
    });
    if (whole || again === TRIES) return found;
  }
}

/** `types`: ARPHRD by index, which is how an address is written. */
function toLink(body: Buffer, types: Map<number, number>): DumpedLink {
  const [type, index, flags] = [u16(body, 2), u32(body, 4), u32(body, 8)];
  types.set(index, type);
  let [name, mtu, group, elsewhere] = ["", 0, 0, false];
  let [address, alias, kind]: (string | undefined)[] = [];
  let [link, master]: (number | undefined)[] = [];
  let settings: Readonly<Settings> = UNKNOWN;
  scan(body, 16, body.length, (attribute, start, end) => {
    if (attribute === rt.IFLA.IFNAME) name = textAt(body, start, end);
    else if (attribute === rt.IFLA.MTU) mtu = u32(body, start);
    else if (attribute === rt.IFLA.MASTER) master = u32(body, start);
    else if (attribute === rt.IFLA.GROUP) group = u32(body, start);
    else if (attribute === rt.IFLA.ADDRESS) address = hardware(body, start, end, type);
    else if (attribute === rt.IFLA.IFALIAS) alias = textAt(body, start, end);
    else if (attribute === rt.IFLA.LINK) link = u32(body, start);
    else if (attribute === rt.IFLA.LINK_NETNSID) elsewhere = true;
    else if (attribute === rt.IFLA.AF_SPEC) settings = readSettings(body, start, end);
    else if (attribute === rt.IFLA.LINKINFO)
      scan(body, start, end, (inner, from, to) => {
        if (inner === rt.IFLA_INFO.KIND) kind = textAt(body, from, to);
      });
  });
  return {
    index,
    name,
    up: (flags & rt.IFF_UP) !== 0,
    mtu,
    group,
    address,
    alias,
    kind,
    link,
    master,
    elsewhere,
    settings,
  };
}

/** A tunnel's is an IP address. */
function hardware(bytes: Buffer, start: number, end: number, type: number | undefined): string {
  const { TUNNEL, SIT, IPGRE, TUNNEL6, IP6GRE } = rt.ARPHRD;
  const ip4 = end - start === 4 && (type === TUNNEL || type === SIT || type === IPGRE);
  const ip6 = end - start === 16 && (type === TUNNEL6 || type === IP6GRE);
  return (ip4 || ip6 ? formatRaw : formatMac)(bytes, start, end);
}

function toAddress(body: Buffer): DumpedAddress | undefined {
  if (!isIp(body)) return undefined;
  let [local, other]: (string | undefined)[] = [];
  let flags = body[2] as number;
  scan(body, 8, body.length, (attribute, start, end) => {
    if (attribute === rt.IFA.LOCAL) local = formatRaw(body, start, end);
    else if (attribute === rt.IFA.ADDRESS) other = formatRaw(body, start, end);
    else if (attribute === rt.IFA.FLAGS) flags = u32(body, start);
  });
  local ??= other;
  if (local === undefined) return undefined;
  return {
    device: u32(body, 4),
    family: body[0] as number,
    local,
    length: body[1] as number,
    flags,
    scope: body[3] as number,
  };
}

function toRoute(body: Buffer): DumpedRoute | undefined {
  if (!isIp(body) || (u32(body, 8) & RTM_F_CLONED) !== 0) return undefined;
  let table = body[4] as number;
  let [destination, gateway, source]: (string | undefined)[] = [];
  let [device, metric]: (number | undefined)[] = [];
  scan(body, 12, body.length, (attribute, start, end) => {
    if (attribute === rt.RTA.TABLE) table = u32(body, start);
    else if (attribute === rt.RTA.DST) destination = formatRaw(body, start, end);
    else if (attribute === rt.RTA.GATEWAY) gateway = formatRaw(body, start, end);
    else if (attribute === rt.RTA.PREFSRC) source = formatRaw(body, start, end);
    else if (attribute === rt.RTA.OIF) device = u32(body, start);
    else if (attribute === rt.RTA.PRIORITY) metric = u32(body, start);
  });
  const [family, length, protocol, type] = [body[0] as number, body[1] as number, body[5] as number, body[7] as number];
  return { family, type, table, protocol, destination, length, gateway, source, device, metric };
}

function toNeighbour(body: Buffer, types: ReadonlyMap<number, number>): DumpedNeighbour | undefined {
  if (!isIp(body) || (u16(body, 8) & rt.NUD_PERMANENT) === 0) return undefined;
  const device = u32(body, 4);
  let [destination, address]: (string | undefined)[] = [];
  scan(body, 12, body.length, (attribute, start, end) => {
    if (attribute === rt.NDA.DST) destination = formatRaw(body, start, end);
    else if (attribute === rt.NDA.LLADDR) address = hardware(body, start, end, types.get(device));
  });
  if (destination === undefined || address === undefined) return undefined;
  return { device, family: body[0] as number, destination, address };
}

/** Other families have tables of their own here (MPLS, multicast forwarding). */
function isIp(body: Buffer): boolean {
  return body[0] === rt.AF.INET || body[0] === rt.AF.INET6;
}

// Settings -----------------------------------------------------------------------------------------------------------

/** What a device's message says of its sysctls: where each family's numbers are. */
export interface Settings {
  bytes: Buffer;
  ipv4: number;
  ipv4End: number;
  ipv6: number;
  ipv6End: number;
  mode: number | undefined;
}

const UNKNOWN: Readonly<Settings> = {
  bytes: Buffer.alloc(0),
  ipv4: 0,
  ipv4End: 0,
  ipv6: 0,
  ipv6End: 0,
  mode: undefined,
};

function readSettings(body: Buffer, start: number, end: number): Settings {
  // The message's own bytes are overwritten by the next.
  const bytes = Buffer.from(body.subarray(start, end));
  const settings = { ...UNKNOWN, bytes };
  scan(bytes, 0, bytes.length, (family, from, to) =>
    scan(bytes, from, to, (attribute, first, last) => {
      if (family === rt.AF.INET && attribute === rt.IFLA_INET.CONF) {
        settings.ipv4 = first;
        settings.ipv4End = last;
      }
      if (family !== rt.AF.INET6) return;
      if (attribute === rt.IFLA_INET6.CONF) {
        settings.ipv6 = first;
        settings.ipv6End = last;
      }
      if (attribute === rt.IFLA_INET6.ADDR_GEN_MODE) settings.mode = bytes[first];
    }),
  );
  return settings;
}

/** `net/FAMILY/conf/DEVICE/NAME` as the file has it; undefined where the message doesn't say. */
export function settingOf(settings: Settings, family: string, name: string): string | undefined {
  const { bytes, ipv4, ipv4End, ipv6, ipv6End, mode } = settings;
  if (family === "ipv6" && name === "addr_gen_mode") return mode === undefined ? undefined : String(mode);
  const [at, end, place] = family === "ipv4" ? [ipv4, ipv4End, rt.DEVCONF4[name]] : [ipv6, ipv6End, rt.DEVCONF6[name]];
  if (place === undefined || at + place * 4 + 4 > end) return undefined;
  return String(u32(bytes, at + place * 4) | 0);
}
