/** What rtnetlink says of one namespace: its devices, addresses, routes and neighbours, in the kernel's terms. */
import { formatMac, formatRaw } from "./address.js";
import { scan, text } from "./decoder.js";
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
function dump<T>(socket: NetlinkSocket, type: number, size: number, read: (body: Buffer) => T | undefined): T[] {
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
  const [type, index, flags] = [body.readUInt16LE(2), body.readInt32LE(4), body.readUInt32LE(8)];
  types.set(index, type);
  let [name, mtu, group, elsewhere] = ["", 0, 0, false];
  let [address, alias, kind]: (string | undefined)[] = [];
  let [link, master]: (number | undefined)[] = [];
  const settings: Settings = { ipv4: undefined, ipv6: undefined, mode: undefined };
  scan(body, 16, body.length, (attribute, start, end) => {
    if (attribute === rt.IFLA.IFNAME) name = string(body, start, end);
    else if (attribute === rt.IFLA.MTU) mtu = body.readUInt32LE(start);
    else if (attribute === rt.IFLA.MASTER) master = body.readUInt32LE(start);
    else if (attribute === rt.IFLA.GROUP) group = body.readUInt32LE(start);
    else if (attribute === rt.IFLA.ADDRESS) address = hardware(body, start, end, type);
    else if (attribute === rt.IFLA.IFALIAS) alias = string(body, start, end);
    else if (attribute === rt.IFLA.LINK) link = body.readUInt32LE(start);
    else if (attribute === rt.IFLA.LINK_NETNSID) elsewhere = true;
    else if (attribute === rt.IFLA.AF_SPEC) readSettings(body, start, end, settings);
    else if (attribute === rt.IFLA.LINKINFO)
      scan(body, start, end, (inner, from, to) => {
        if (inner === rt.IFLA_INFO.KIND) kind = string(body, from, to);
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
  let flags = body.readUInt8(2);
  scan(body, 8, body.length, (attribute, start, end) => {
    if (attribute === rt.IFA.LOCAL) local = formatRaw(body, start, end);
    else if (attribute === rt.IFA.ADDRESS) other = formatRaw(body, start, end);
    else if (attribute === rt.IFA.FLAGS) flags = body.readUInt32LE(start);
  });
  local ??= other;
  if (local === undefined) return undefined;
  return {
    device: body.readUInt32LE(4),
    family: body.readUInt8(0),
    local,
    length: body.readUInt8(1),
    flags,
    scope: body.readUInt8(3),
  };
}

function toRoute(body: Buffer): DumpedRoute | undefined {
  if (!isIp(body) || (body.readUInt32LE(8) & RTM_F_CLONED) !== 0) return undefined;
  let table = body.readUInt8(4);
  let [destination, gateway, source]: (string | undefined)[] = [];
  let [device, metric]: (number | undefined)[] = [];
  scan(body, 12, body.length, (attribute, start, end) => {
    if (attribute === rt.RTA.TABLE) table = body.readUInt32LE(start);
    else if (attribute === rt.RTA.DST) destination = formatRaw(body, start, end);
    else if (attribute === rt.RTA.GATEWAY) gateway = formatRaw(body, start, end);
    else if (attribute === rt.RTA.PREFSRC) source = formatRaw(body, start, end);
    else if (attribute === rt.RTA.OIF) device = body.readUInt32LE(start);
    else if (attribute === rt.RTA.PRIORITY) metric = body.readUInt32LE(start);
  });
  const [family, length, protocol, type] = [body.readUInt8(0), body.readUInt8(1), body.readUInt8(5), body.readUInt8(7)];
  return { family, type, table, protocol, destination, length, gateway, source, device, metric };
}

function toNeighbour(body: Buffer, types: ReadonlyMap<number, number>): DumpedNeighbour | undefined {
  if (!isIp(body) || (body.readUInt16LE(8) & rt.NUD_PERMANENT) === 0) return undefined;
  const device = body.readInt32LE(4);
  let [destination, address]: (string | undefined)[] = [];
  scan(body, 12, body.length, (attribute, start, end) => {
    if (attribute === rt.NDA.DST) destination = formatRaw(body, start, end);
    else if (attribute === rt.NDA.LLADDR) address = hardware(body, start, end, types.get(device));
  });
  if (destination === undefined || address === undefined) return undefined;
  return { device, family: body.readUInt8(0), destination, address };
}

/** Other families have tables of their own here (MPLS, multicast forwarding). */
function isIp(body: Buffer): boolean {
  return body[0] === rt.AF.INET || body[0] === rt.AF.INET6;
}

function string(bytes: Buffer, start: number, end: number): string {
  return text(bytes.subarray(start, end));
}

// Settings -----------------------------------------------------------------------------------------------------------

/** What a device's message says of its sysctls. */
export interface Settings {
  ipv4: Buffer | undefined;
  ipv6: Buffer | undefined;
  mode: number | undefined;
}

function readSettings(body: Buffer, start: number, end: number, into: Settings): void {
  scan(body, start, end, (family, from, to) =>
    scan(body, from, to, (attribute, first, last) => {
      if (family === rt.AF.INET && attribute === rt.IFLA_INET.CONF) into.ipv4 = Buffer.from(body.subarray(first, last));
      if (family !== rt.AF.INET6) return;
      if (attribute === rt.IFLA_INET6.CONF) into.ipv6 = Buffer.from(body.subarray(first, last));
      if (attribute === rt.IFLA_INET6.ADDR_GEN_MODE) into.mode = body[first];
    }),
  );
}

/** `net/FAMILY/conf/DEVICE/NAME` as the file has it; undefined where the message doesn't say. */
export function settingOf({ ipv4, ipv6, mode }: Settings, family: string, name: string): string | undefined {
  if (family === "ipv6" && name === "addr_gen_mode") return mode === undefined ? undefined : String(mode);
  const [numbers, place] = family === "ipv4" ? [ipv4, rt.DEVCONF4[name]] : [ipv6, rt.DEVCONF6[name]];
  if (numbers === undefined || place === undefined || place * 4 + 4 > numbers.length) return undefined;
  return String(numbers.readInt32LE(place * 4));
}
