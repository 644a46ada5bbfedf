/** Ethernet frames as hexadecimal text, for what no socket would send. */
import { parseAddress } from "../../src/net/address.js";

/** Any of IPv4 and IPv6; which, the addresses say. */
export interface Datagram {
  readonly to: string;
  readonly from: string;
  readonly source: string;
  readonly destination: string;
  readonly payload?: Buffer;
  /** Before the payload, in IPv4's header; a multiple of four bytes. */
  readonly options?: Buffer;
  readonly hops?: number;
}

export function bytesOf(address: string): Buffer {
  const parsed = parseAddress(address);
  if (parsed === undefined) throw new Error(`no address: ${address}`);
  return Buffer.from(parsed.value.toString(16).padStart(parsed.family === 4 ? 8 : 32, "0"), "hex");
}

const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(":", ""), "hex");
const short = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);

function checksum(data: Buffer): number {
  const even = data.length % 2 === 0 ? data : Buffer.concat([data, Buffer.from([0])]);
  let sum = 0;
  for (let i = 0; i < even.length; i += 2) sum += even.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** A frame of any protocol, with VLAN tags if given. */
export function ethernet(
  to: string,
  from: string,
  protocol: number,
  body: Buffer,
  vlans: readonly number[] = [],
): string {
  const tags = vlans.map((vlan) => Buffer.concat([short(0x8100), short(vlan)]));
  const frame = Buffer.concat([macBytes(to), macBytes(from), ...tags, short(protocol), body]);
  return Buffer.concat([frame, Buffer.alloc(Math.max(0, 60 - frame.length))]).toString("hex");
}

/** The IP packet alone, to be put inside something else. `layer` fills its checksum at `at`, over the pseudo header. */
export function packet(
  { source, destination, options, hops = 64 }: Omit<Datagram, "to" | "from">,
  protocol: number,
  layer: Buffer,
  at?: number,
): Buffer {
  const [a, b] = [bytesOf(source), bytesOf(destination)];
  const v6 = a.length === 16;
  if (at !== undefined) {
    const pseudo = v6
      ? Buffer.concat([a, b, short(0), short(layer.length), Buffer.from([0, 0, 0, protocol])])
      : Buffer.concat([a, b, Buffer.from([0, protocol]), short(layer.length)]);
    // ICMP for IPv4 has no pseudo header.
    const sum = checksum(protocol === 1 ? layer : Buffer.concat([pseudo, layer]));
    layer.writeUInt16BE(sum === 0 && protocol === 17 ? 0xffff : sum, at);
  }
  if (v6)
    return Buffer.concat([
      Buffer.from([0x60, 0, 0, 0]),
      short(layer.length),
      Buffer.from([protocol, hops]),
      a,
      b,
      layer,
    ]);
  const extra = options ?? Buffer.alloc(0);
  const length = 20 + extra.length;
  const header = Buffer.concat([
    Buffer.from([0x40 | (length / 4), 0]),
    short(length + layer.length),
    Buffer.from([0, 1, 0, 0, hops, protocol, 0, 0]),
    a,
    b,
    extra,
  ]);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, layer]);
}

export function ip(
  datagram: Datagram,
  protocol: number,
  layer: Buffer,
  at?: number,
  vlans: readonly number[] = [],
): string {
  const body = packet(datagram, protocol, layer, at);
  return ethernet(datagram.to, datagram.from, datagram.source.includes(":") ? 0x86dd : 0x0800, body, vlans);
}

export function udpBody(from: number, to: number, payload: Buffer = Buffer.from("tsnet")): Buffer {
  return Buffer.concat([short(from), short(to), short(8 + payload.length), short(0), payload]);
}

export function udp(datagram: Datagram, from: number, to: number, vlans: readonly number[] = []): string {
  return ip(datagram, 17, udpBody(from, to, datagram.payload), 6, vlans);
}

/** `flags`: FIN 1, SYN 2, RST 4, PSH 8, ACK 16. */
export function tcp(datagram: Datagram, from: number, to: number, flags: number): string {
  const header = Buffer.concat([
    short(from),
    short(to),
    Buffer.alloc(8),
    Buffer.from([0x50, flags]),
    short(1024),
    Buffer.alloc(4),
  ]);
  return ip(datagram, 6, Buffer.concat([header, datagram.payload ?? Buffer.alloc(0)]), 16);
}

/** ICMP or ICMPv6, whichever the addresses need; `rest` is what follows the checksum. */
export function icmp(datagram: Datagram, type: number, code: number, rest: Buffer): string {
  const v6 = datagram.source.includes(":");
  return ip(datagram, v6 ? 58 : 1, Buffer.concat([Buffer.from([type, code, 0, 0]), rest]), 2);
}

export interface ArpMessage {
  /** 1 asks, 2 answers. */
  readonly operation: 1 | 2;
  readonly senderMac: string;
  readonly sender: string;
  readonly targetMac?: string;
  readonly target: string;
}

export function arp(to: string, from: string, message: ArpMessage): string {
  const { operation, senderMac, sender, targetMac = "00:00:00:00:00:00", target } = message;
  const body = Buffer.concat([
    Buffer.from([0, 1, 8, 0, 6, 4, 0, operation]),
    macBytes(senderMac),
    bytesOf(sender),
    macBytes(targetMac),
    bytesOf(target),
  ]);
  return ethernet(to, from, 0x0806, body);
}

/** The target and link-layer option of a neighbour solicitation (1) or advertisement (2), after the checksum. */
export function neighbour(target: string, option: 1 | 2, mac: string, flags = 0): Buffer {
  return Buffer.concat([Buffer.from([flags, 0, 0, 0]), bytesOf(target), Buffer.from([option, 1]), macBytes(mac)]);
}

/** CRC-32C, bit by bit (RFC 9260, appendix A). */
function crc32c(data: Buffer): number {
  let sum = 0xffffffff;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f63b78 : 0);
  }
  return ~sum >>> 0;
}

/** Kinds of SCTP's chunks (RFC 9260, 3.2). */
export const CHUNK = { DATA: 0, INIT: 1, INIT_ACK: 2, COOKIE_ECHO: 10, COOKIE_ACK: 11 } as const;

/** One chunk of SCTP. `tag`: the receiver's, 0 for INIT; INIT and its answer name the sender's as 7. */
export function sctp(datagram: Datagram, from: number, to: number, tag: number, kind: number): string {
  const named = kind === CHUNK.INIT || kind === CHUNK.INIT_ACK;
  // The tag, the window, streams, the first number of DATA; DATA's numbers and four bytes.
  const words = named ? [7, 65536, (10 << 16) | 10, 1] : kind === CHUNK.DATA ? [1, 0, 0, 0x61626364] : [];
  const chunk = Buffer.alloc(4 + 4 * words.length);
  chunk[0] = kind;
  chunk[1] = kind === CHUNK.DATA ? 3 : 0;
  chunk.writeUInt16BE(chunk.length, 2);
  words.forEach((word, i) => chunk.writeUInt32BE(word, 4 + 4 * i));
  const head = Buffer.alloc(12);
  head.writeUInt16BE(from, 0);
  head.writeUInt16BE(to, 2);
  head.writeUInt32BE(tag, 4);
  head.writeUInt32LE(crc32c(Buffer.concat([head, chunk])), 8);
  return ip(datagram, 132, Buffer.concat([head, chunk]));
}
