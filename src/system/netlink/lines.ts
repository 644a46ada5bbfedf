/**
 * `ip` lines as rtnetlink messages: those kinds of lines that we have, encoded as iproute2 encodes them (ip/iplink.c,
 * ipaddress.c, iproute.c, ipneigh.c). A line of any other kind throws: nothing is half understood.
 */
import type { IpLine } from "../ip.js";
import { parseMac, parseRaw, type RawAddress } from "./address.js";
import { type Encoder, NLM_F } from "./encoder.js";
import * as rt from "./rtnetlink.js";

/** What a line's words stand for where it is sent. */
export interface Surroundings {
  /** Index of a device; throws when there is none. */
  index(device: string): number;
  /** A file that stays open until the message is answered; throws when it can't be opened. */
  file(path: string): number;
}

const CREATE = NLM_F.REQUEST | NLM_F.ACK | NLM_F.CREATE;
/** By verb, as iproute2 has them. */
const VERBS: Readonly<Record<string, number>> = {
  add: CREATE | NLM_F.EXCL,
  append: CREATE | NLM_F.APPEND,
  replace: CREATE | NLM_F.REPLACE,
  delete: NLM_F.REQUEST | NLM_F.ACK,
  set: NLM_F.REQUEST | NLM_F.ACK,
};

/** Appends one message that asks for an acknowledgement. */
export function encodeLine(encoder: Encoder, line: IpLine, around: Surroundings): void {
  const [object = "", verb = "", ...words] = line;
  const flags = VERBS[verb];
  if (flags === undefined) throw unknown(line);
  if (object === "link" && verb === "add") addLink(encoder, flags, words, around);
  else if (object === "link" && verb === "set") setLink(encoder, flags, words, around);
  else if (object === "link" && verb === "delete") deleteLink(encoder, flags, words, around);
  else if (object === "address" && (verb === "add" || verb === "delete")) address(encoder, verb, words, around);
  else if (object === "route" && verb !== "set") route(encoder, verb, words, around);
  else if (object === "neighbour" && verb !== "set" && verb !== "append") neighbour(encoder, verb, words, around);
  else throw unknown(line);
}

function unknown(words: readonly string[]): Error {
  return new Error(`no ip line that can be sent by netlink: ${words.join(" ")}`);
}

type Take = () => string;
type Known = Readonly<Record<string, (take: Take) => void>>;

/** Hands each word to what knows it, which may take the words behind it. */
function each(words: readonly string[], known: Known): void {
  let at = 0;
  const take = (): string => {
    const word = words[at++];
    if (word === undefined) throw unknown(words);
    return word;
  };
  while (at < words.length) {
    const word = take();
    if (!Object.hasOwn(known, word)) throw unknown(words);
    known[word]?.(take);
  }
}

function number(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 0xffffffff) throw new Error(`no number: ${text}`);
  return value;
}

function named(table: Readonly<Record<string, number>>, text: string): number {
  return Object.hasOwn(table, text) ? (table[text] as number) : number(text);
}

function mac(text: string): Buffer {
  const bytes = parseMac(text);
  if (bytes === undefined) throw new Error(`no hardware address: ${text}`);
  return bytes;
}

/** Without a length the whole address counts. */
function prefix(text: string): RawAddress & { readonly length: number } {
  const slash = text.indexOf("/");
  const parsed = parseRaw(slash === -1 ? text : text.slice(0, slash));
  if (parsed === undefined) throw new Error(`no address: ${text}`);
  return { ...parsed, length: slash === -1 ? parsed.bytes.length * 8 : number(text.slice(slash + 1)) };
}

// Devices ------------------------------------------------------------------------------------------------------------

interface Device {
  dev?: string;
  name?: string;
  address?: Buffer;
  mtu?: number;
  alias?: string;
  group?: number;
  /** Empty: none. */
  master?: string;
  netns?: string;
  up?: boolean;
}

function device(words: readonly string[]): Device {
  const found: Device = {};
  each(words, {
    dev: (take) => (found.dev = take()),
    name: (take) => (found.name = take()),
    address: (take) => (found.address = mac(take())),
    mtu: (take) => (found.mtu = number(take())),
    alias: (take) => (found.alias = take()),
    group: (take) => (found.group = number(take())),
    master: (take) => (found.master = take()),
    nomaster: () => (found.master = ""),
    netns: (take) => (found.netns = take()),
    up: () => (found.up = true),
    down: () => (found.up = false),
  });
  return found;
}

/** struct ifinfomsg: family, padding, type, index, flags and which of them are meant. */
function ifinfomsg(encoder: Encoder, index: number, up?: boolean): void {
  encoder.put(rt.AF.UNSPEC, 0, 0, 0, ...bytes4(index));
  encoder.put(...bytes4(up === true ? rt.IFF_UP : 0), ...bytes4(up === undefined ? 0 : rt.IFF_UP));
}

function bytes4(value: number): [number, number, number, number] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
}

function deviceAttributes(encoder: Encoder, found: Device, around: Surroundings): void {
  if (found.name !== undefined) encoder.string(rt.IFLA.IFNAME, found.name);
  if (found.address !== undefined) encoder.raw(rt.IFLA.ADDRESS, found.address);
  if (found.mtu !== undefined) encoder.u32(rt.IFLA.MTU, found.mtu);
  // Its length is the attribute's: a closing zero would be part of it.
  if (found.alias !== undefined) encoder.raw(rt.IFLA.IFALIAS, Buffer.from(found.alias));
  if (found.group !== undefined) encoder.u32(rt.IFLA.GROUP, found.group);
  if (found.master !== undefined) encoder.u32(rt.IFLA.MASTER, found.master === "" ? 0 : around.index(found.master));
  if (found.netns !== undefined) encoder.u32(rt.IFLA.NET_NS_FD, around.file(found.netns));
}

/** `… type KIND`, and for a veth `peer …`. */
function addLink(encoder: Encoder, flags: number, words: readonly string[], around: Surroundings): void {
  const type = words.lastIndexOf("type");
  const [kind, ...more] = type === -1 ? [] : words.slice(type + 1);
  const found = device(words.slice(0, Math.max(type, 0)));
  const peer = kind === "veth" && more[0] === "peer" ? device(more.slice(1)) : undefined;
  if (kind === undefined || found.name === undefined || found.dev !== undefined) throw unknown(words);
  if (peer === undefined && more.length > 0) throw unknown(words);
  const at = encoder.begin(rt.RTM.NEWLINK, flags);
  ifinfomsg(encoder, 0, found.up);
  deviceAttributes(encoder, found, around);
  const info = encoder.open(rt.IFLA.LINKINFO);
  encoder.string(rt.IFLA_INFO.KIND, kind);
  if (peer !== undefined) {
    const data = encoder.open(rt.IFLA_INFO.DATA);
    const other = encoder.open(rt.VETH_INFO_PEER);
    ifinfomsg(encoder, 0, peer.up);
    deviceAttributes(encoder, peer, around);
    encoder.close(other);
    encoder.close(data);
  }
  encoder.close(info);
  encoder.end(at);
}

function setLink(encoder: Encoder, flags: number, words: readonly string[], around: Surroundings): void {
  const found = device(words);
  if (found.dev === undefined) throw unknown(words);
  const index = around.index(found.dev);
  const at = encoder.begin(rt.RTM.NEWLINK, flags);
  ifinfomsg(encoder, index, found.up);
  deviceAttributes(encoder, found, around);
  encoder.end(at);
}

/** By name, or all of a group. */
function deleteLink(encoder: Encoder, flags: number, words: readonly string[], around: Surroundings): void {
  const { dev, group, ...others } = device(words);
  if (Object.keys(others).length > 0 || (dev === undefined) === (group === undefined)) throw unknown(words);
  const index = dev === undefined ? 0 : around.index(dev);
  const at = encoder.begin(rt.RTM.DELLINK, flags);
  ifinfomsg(encoder, index);
  if (group !== undefined) encoder.u32(rt.IFLA.GROUP, group);
  encoder.end(at);
}

// Addresses ----------------------------------------------------------------------------------------------------------

function address(encoder: Encoder, verb: "add" | "delete", words: readonly string[], around: Surroundings): void {
  const [text = "", ...more] = words;
  const local = prefix(text);
  let peer: ReturnType<typeof prefix> | undefined;
  let dev: string | undefined;
  let flags = 0;
  // 127.0.0.0/8 is the host's own.
  let scope = verb === "add" && local.family === rt.AF.INET && local.bytes[0] === 127 ? rt.SCOPES["host"] : 0;
  each(more, {
    dev: (take) => (dev = take()),
    peer: (take) => (peer = prefix(take())),
    scope: (take) => (scope = named(rt.SCOPES, take())),
    nodad: () => (flags |= rt.IFA_F.NODAD),
    noprefixroute: () => (flags |= rt.IFA_F.NOPREFIXROUTE),
  });
  if (dev === undefined) throw unknown(words);
  const index = around.index(dev);
  const add = verb === "add";
  const at = encoder.begin(add ? rt.RTM.NEWADDR : rt.RTM.DELADDR, VERBS[verb] as number);
  // struct ifaddrmsg: family, prefix length, flags, scope, index.
  const { length } = peer ?? local;
  encoder.put(local.family, length, flags & 255, scope ?? 0, ...bytes4(index));
  encoder.raw(rt.IFA.LOCAL, local.bytes);
  encoder.raw(rt.IFA.ADDRESS, (peer ?? local).bytes);
  if (flags > 255) encoder.u32(rt.IFA.FLAGS, flags);
  encoder.end(at);
}

// Routes -------------------------------------------------------------------------------------------------------------

function route(encoder: Encoder, verb: string, words: readonly string[], around: Surroundings): void {
  const removing = verb === "delete";
  const typed = rt.ROUTE_TYPES.indexOf(words[0] as (typeof rt.ROUTE_TYPES)[number]);
  const type = typed > 0 ? typed : removing ? 0 : UNICAST;
  const [to = "", ...more] = typed > 0 ? words.slice(1) : words;
  const target = prefix(to);
  let via: RawAddress | undefined;
  let source: RawAddress | undefined;
  let dev: string | undefined;
  let metric: number | undefined;
  let table = type === LOCAL || type === BROADCAST || type === ANYCAST ? rt.TABLES["local"] : rt.TABLES["main"];
  let protocol = removing ? 0 : rt.PROTOCOLS["boot"];
  let scope = type === UNICAST || type === 0 ? undefined : routeScope(target.family, type, removing, false);
  let flags = 0;
  each(more, {
    via: (take) => (via = prefix(take())),
    src: (take) => (source = prefix(take())),
    dev: (take) => (dev = take()),
    metric: (take) => (metric = number(take())),
    table: (take) => (table = named(rt.TABLES, take())),
    protocol: (take) => (protocol = named(rt.PROTOCOLS, take())),
    scope: (take) => (scope = named(rt.SCOPES, take())),
    onlink: () => (flags |= rt.RTNH_F_ONLINK),
  });
  scope ??= routeScope(target.family, type, removing, via !== undefined);
  const index = dev === undefined ? undefined : around.index(dev);
  const at = encoder.begin(removing ? rt.RTM.DELROUTE : rt.RTM.NEWROUTE, VERBS[verb] as number);
  // struct rtmsg: family, lengths of destination and source, TOS, table, protocol, scope, type, flags.
  const small = (table ?? 0) < 256 ? (table ?? 0) : 0;
  encoder.put(target.family, target.length, 0, 0, small, protocol ?? 0, scope, type, ...bytes4(flags));
  encoder.raw(rt.RTA.DST, target.bytes);
  if ((table ?? 0) >= 256) encoder.u32(rt.RTA.TABLE, table ?? 0);
  if (via !== undefined) encoder.raw(rt.RTA.GATEWAY, (via as RawAddress).bytes);
  if (source !== undefined) encoder.raw(rt.RTA.PREFSRC, (source as RawAddress).bytes);
  if (index !== undefined) encoder.u32(rt.RTA.OIF, index);
  if (metric !== undefined) encoder.u32(rt.RTA.PRIORITY, metric);
  encoder.end(at);
}

const [UNICAST, LOCAL, BROADCAST, ANYCAST, MULTICAST] = [1, 2, 3, 4, 5];

/** What iproute2 takes where a line names none. IPv6 has no scopes. */
function routeScope(family: number, type: number, removing: boolean, gateway: boolean): number {
  if (family === rt.AF.INET6) return rt.SCOPES["global"] as number;
  if (type === LOCAL) return rt.SCOPES["host"] as number;
  if (type === BROADCAST || type === ANYCAST || type === MULTICAST) return rt.SCOPES["link"] as number;
  if (type !== UNICAST && type !== 0) return rt.SCOPES[removing ? "nowhere" : "global"] as number;
  if (removing) return rt.SCOPES["nowhere"] as number;
  return rt.SCOPES[gateway ? "global" : "link"] as number;
}

// Neighbours ---------------------------------------------------------------------------------------------------------

function neighbour(encoder: Encoder, verb: string, words: readonly string[], around: Surroundings): void {
  let to: RawAddress | undefined;
  let lladdr: Buffer | undefined;
  let dev: string | undefined;
  let proxy = false;
  each(words, {
    to: (take) => (to = prefix(take())),
    proxy: (take) => ((to = prefix(take())), (proxy = true)),
    lladdr: (take) => (lladdr = mac(take())),
    dev: (take) => (dev = take()),
    nud: (take) => {
      if (take() !== "permanent") throw unknown(words);
    },
  });
  if (to === undefined || dev === undefined) throw unknown(words);
  const { family, bytes } = to as RawAddress;
  const index = around.index(dev);
  const at = encoder.begin(verb === "delete" ? rt.RTM.DELNEIGH : rt.RTM.NEWNEIGH, VERBS[verb] as number);
  // struct ndmsg: family, padding, index, state, flags, type. Without another state an entry is permanent.
  encoder.put(family, 0, 0, 0, ...bytes4(index), rt.NUD_PERMANENT, 0, proxy ? rt.NTF_PROXY : 0, 0);
  encoder.raw(rt.NDA.DST, bytes);
  if (lladdr !== undefined) encoder.raw(rt.NDA.LLADDR, lladdr);
  encoder.end(at);
}
