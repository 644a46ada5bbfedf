/** The kernel's connection table over ctnetlink (linux/netfilter/nfnetlink_conntrack.h). */
import { readFileSync } from "node:fs";
import type { Connection, Tuple } from "../conntrack.js";
import { formatRaw } from "./address.js";
import { scan } from "./decoder.js";
import { Encoder, NLM_F } from "./encoder.js";
import { NetlinkError } from "./errors.js";
import { AF } from "./rtnetlink.js";
import { NetlinkSocket, PROTOCOL } from "./socket.js";

/** linux/netfilter/nfnetlink.h: NFNL_SUBSYS_CTNETLINK in the high byte of a type, IPCTNL_MSG_CT in the low one. */
const CT = { NEW: 0x100, GET: 0x101, DELETE: 0x102 } as const;

/** linux/netfilter/nfnetlink_compat.h */
const NFNLGRP_CONNTRACK_NEW = 1;

/** Attributes behind `struct nfgenmsg` (4 bytes: family, version, resource in network order). */
const CTA = {
  TUPLE_ORIG: 1,
  TUPLE_REPLY: 2,
  STATUS: 3,
  PROTOINFO: 4,
  COUNTERS_ORIG: 9,
  COUNTERS_REPLY: 10,
  ZONE: 18,
} as const;
/** Of CTA_STATUS, 32 bits in network order (linux/netfilter/nf_conntrack_common.h). */
const IPS_SEEN_REPLY = 2;
const CTA_PROTOINFO_TCP = 1;
/** 8 bits; from TCP_CONNTRACK_FIN_WAIT on it is ending (nf_conntrack_tcp.h). */
const CTA_PROTOINFO_TCP_STATE = 1;
const TCP_CONNTRACK_FIN_WAIT = 4;
/** 64 bits in network order. */
const CTA_COUNTERS_BYTES = 2;
const CTA_TUPLE = { IP: 1, PROTO: 2 } as const;
const CTA_IP = { V4_SRC: 1, V4_DST: 2, V6_SRC: 3, V6_DST: 4 } as const;
/** Ports and identifiers are 16 bits in network order, the others 8. */
const CTA_PROTO = {
  NUM: 1,
  SRC_PORT: 2,
  DST_PORT: 3,
  ICMP_ID: 4,
  ICMP_TYPE: 5,
  ICMP_CODE: 6,
  ICMPV6_ID: 7,
  ICMPV6_TYPE: 8,
  ICMPV6_CODE: 9,
} as const;

/** Protocols whose numbers there are ports: others (GRE) have keys in their place. */
const WITH_PORTS = new Set([6, 17, 33, 132, 136]);

const ENOENT = 2;

/** What names a connection to the kernel. */
interface Name {
  readonly original: Buffer;
  readonly zone: Buffer | undefined;
}

/** Of the connections that were listed. */
const names = new WeakMap<Connection, Name>();

const encoder = new Encoder(1 << 8);

/** How many connections this network namespace knows, those that aren't in the table yet too. */
const COUNT = "/proc/sys/net/netfilter/nf_conntrack_count";

/** Every connection of these families that this network namespace knows. Throws `NetlinkError`. */
export function dumpConnections(families: readonly (4 | 6)[]): Connection[] {
  const found: Connection[] = [];
  const [family, other] = families;
  // A list means a walk through the table of all namespaces: 10 ms where it has 262,144 buckets.
  if (family === undefined || isEmpty()) return found;
  const socket = new NetlinkSocket(PROTOCOL.NETFILTER);
  try {
    encoder.reset();
    const at = encoder.begin(CT.GET, NLM_F.REQUEST | NLM_F.DUMP);
    encoder.put(other === undefined ? numberOf(family) : AF.UNSPEC, 0, 0, 0);
    encoder.end(at);
    socket.dump(encoder, (body, type) => {
      const connection = type === CT.NEW ? toConnection(body) : undefined;
      if (connection !== undefined) found.push(connection);
    });
  } finally {
    socket.close();
  }
  return found;
}

const numberOf = (family: 4 | 6): number => (family === 4 ? AF.INET : AF.INET6);

function isEmpty(): boolean {
  try {
    return readFileSync(COUNT, "latin1").trim() === "0";
  } catch {
    return false;
  }
}

/** Tells of connections from when it is made. The kernel notes none for it where `nf_conntrack_events` is 0. */
export class NewConnections {
  private readonly socket = new NetlinkSocket(PROTOCOL.NETFILTER);

  /** Throws `NetlinkError`. */
  constructor() {
    this.socket.join(NFNLGRP_CONNTRACK_NEW);
  }

  /** Hands every connection to `each` that began since it was asked last; false where some were missed. */
  take(each: (connection: Connection) => void): boolean {
    return this.socket.pending((body, type) => {
      const connection = type === CT.NEW ? toConnection(body) : undefined;
      if (connection !== undefined) each(connection);
    });
  }

  close(): void {
    this.socket.close();
  }
}

/**
 * Deletes connections that were listed by `dumpConnections`; one that has ended meanwhile is no error. Returns false,
 * and does nothing, where it wasn't. Throws `NetlinkError`.
 */
export function removeConnection(connection: Connection): boolean {
  const name = names.get(connection);
  if (name === undefined) return false;
  const socket = new NetlinkSocket(PROTOCOL.NETFILTER);
  try {
    encoder.reset();
    const at = encoder.begin(CT.DELETE, NLM_F.REQUEST | NLM_F.ACK);
    encoder.put(numberOf(connection.family), 0, 0, 0);
    encoder.raw(CTA.TUPLE_ORIG | NESTED, name.original);
    if (name.zone !== undefined) encoder.raw(CTA.ZONE, name.zone);
    encoder.end(at);
    socket.commit(encoder);
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === ENOENT)) throw error;
  } finally {
    socket.close();
  }
  return true;
}

/** linux/netlink.h: NLA_F_NESTED. */
const NESTED = 0x8000;

interface Half {
  source?: string;
  destination?: string;
  protocol?: number;
  sourcePort?: number;
  destinationPort?: number;
  icmp: { type?: number; code?: number; id?: number };
}

function toConnection(body: Buffer): Connection | undefined {
  const family = body[0] === AF.INET ? 4 : body[0] === AF.INET6 ? 6 : undefined;
  if (family === undefined) return undefined;
  let original: Half | undefined;
  let reply: Half | undefined;
  let raw: Buffer | undefined;
  let zone: Buffer | undefined;
  let bytes: bigint | undefined;
  let answered = false;
  let closing = false;
  scan(body, 4, body.length, (attribute, start, end) => {
    if (attribute === CTA.TUPLE_ORIG) {
      original = toHalf(body, start, end);
      raw = Buffer.from(body.subarray(start, end));
    } else if (attribute === CTA.TUPLE_REPLY) reply = toHalf(body, start, end);
    else if (attribute === CTA.STATUS) answered = ((body[start + 3] as number) & IPS_SEEN_REPLY) !== 0;
    else if (attribute === CTA.PROTOINFO)
      scan(body, start, end, (kind, first, last) => {
        if (kind === CTA_PROTOINFO_TCP)
          scan(body, first, last, (inner, at) => {
            if (inner === CTA_PROTOINFO_TCP_STATE) closing = (body[at] as number) >= TCP_CONNTRACK_FIN_WAIT;
          });
      });
    else if (attribute === CTA.COUNTERS_ORIG || attribute === CTA.COUNTERS_REPLY)
      scan(body, start, end, (counter, first) => {
        if (counter === CTA_COUNTERS_BYTES) bytes = (bytes ?? 0n) + body.readBigUInt64BE(first);
      });
    else if (attribute === CTA.ZONE) zone = Buffer.from(body.subarray(start, end));
  });
  const [one, other] = [toTuple(original), toTuple(reply)];
  const protocol = (original as Half | undefined)?.protocol;
  if (one === undefined || other === undefined || protocol === undefined || raw === undefined) return undefined;
  const { type, code, id } = (original as Half | undefined)?.icmp ?? {};
  const icmp =
    type === undefined || code === undefined || id === undefined
      ? undefined
      : { type: String(type), code: String(code), id: String(id) };
  const counted = bytes === undefined ? {} : { bytes: Number(bytes) };
  const state = { answered, closing };
  const connection: Connection = { family, protocol, original: one, reply: other, icmp, ...counted, ...state };
  names.set(connection, { original: raw, zone });
  return connection;
}

function toHalf(body: Buffer, from: number, to: number): Half {
  const half: Half = { icmp: {} };
  scan(body, from, to, (part, first, last) =>
    scan(body, first, last, (attribute, start, end) => {
      if (part === CTA_TUPLE.IP) {
        if (attribute === CTA_IP.V4_SRC || attribute === CTA_IP.V6_SRC) half.source = formatRaw(body, start, end);
        if (attribute === CTA_IP.V4_DST || attribute === CTA_IP.V6_DST) half.destination = formatRaw(body, start, end);
      } else if (part === CTA_TUPLE.PROTO) protocolPart(half, attribute, body, start);
    }),
  );
  return half;
}

function protocolPart(half: Half, attribute: number, body: Buffer, start: number): void {
  const { icmp } = half;
  if (attribute === CTA_PROTO.NUM) half.protocol = body[start] as number;
  else if (attribute === CTA_PROTO.SRC_PORT) half.sourcePort = body.readUInt16BE(start);
  else if (attribute === CTA_PROTO.DST_PORT) half.destinationPort = body.readUInt16BE(start);
  else if (attribute === CTA_PROTO.ICMP_ID || attribute === CTA_PROTO.ICMPV6_ID) icmp.id = body.readUInt16BE(start);
  else if (attribute === CTA_PROTO.ICMP_TYPE || attribute === CTA_PROTO.ICMPV6_TYPE) icmp.type = body[start] as number;
  else if (attribute === CTA_PROTO.ICMP_CODE || attribute === CTA_PROTO.ICMPV6_CODE) icmp.code = body[start] as number;
}

function toTuple(half: Half | undefined): Tuple | undefined {
  if (half?.source === undefined || half.destination === undefined) return undefined;
  const { source, destination } = half;
  const ports = WITH_PORTS.has(half.protocol ?? 0);
  return {
    source,
    destination,
    sourcePort: ports ? half.sourcePort : undefined,
    destinationPort: ports ? half.destinationPort : undefined,
  };
}
