/** Values of keys and map data as bytes in the order that packets have them. */
import { aligned } from "../../../system/netlink/align.js";
import type { Part, Type } from "../ruleset.js";
import { ELEM } from "./constants.js";

/** Numbers that nft's user space gives the types, and their sizes in bytes (nftables: include/datatype.h). */
export const TYPES: Readonly<Record<Type, { readonly id: number; readonly size: number; readonly hostOrder?: true }>> =
  {
    ifname: { id: 41, size: 16, hostOrder: true },
    ether_addr: { id: 9, size: 6 },
    ipv4_addr: { id: 7, size: 4 },
    ipv6_addr: { id: 8, size: 16 },
    inet_proto: { id: 12, size: 1 },
    inet_service: { id: 13, size: 2 },
    mark: { id: 19, size: 4, hostOrder: true },
  };

type Scalar = Exclude<Part, object>;

/** Writes an IPv4 address; returns where what follows begins. By hand: Buffer's own functions check what is known here. */
export function put4(bytes: Buffer, at: number, address: number): number {
  bytes[at] = address >>> 24;
  bytes[at + 1] = address >>> 16;
  bytes[at + 2] = address >>> 8;
  bytes[at + 3] = address;
  return at + 4;
}

/** Writes a value at `at`; what is beyond it up to its padding must be zero already. */
export function writeValue(bytes: Buffer, at: number, type: Type, value: Scalar): void {
  switch (type) {
    case "ipv4_addr":
      put4(bytes, at, value as number);
      return;
    case "inet_service":
      bytes[at] = (value as number) >> 8;
      bytes[at + 1] = value as number;
      return;
    case "inet_proto":
      bytes[at] = value as number;
      return;
    case "ipv6_addr":
      bytes.writeBigUInt64BE((value as bigint) >> 64n, at);
      bytes.writeBigUInt64BE((value as bigint) & 0xffffffffffffffffn, at + 8);
      return;
    case "ether_addr":
      bytes.write((value as string).replaceAll(":", ""), at, "hex");
      return;
    case "mark":
      bytes.writeUInt32LE(value as number, at);
      return;
    case "ifname":
      bytes.write(value as string, at, 15, "utf8");
      return;
  }
}

/** The number at `at`, of types whose values are numbers. */
export function readValue(bytes: Buffer, at: number, type: Type): number | bigint {
  switch (type) {
    case "ipv4_addr":
      return bytes.readUInt32BE(at);
    case "inet_service":
      return bytes.readUInt16BE(at);
    case "inet_proto":
      return bytes[at] as number;
    case "mark":
      return bytes.readUInt32LE(at);
    case "ipv6_addr":
      return (bytes.readBigUInt64BE(at) << 64n) | bytes.readBigUInt64BE(at + 8);
    default:
      throw new Error(`values of ${type} are no numbers`);
  }
}

export function valueBytes(type: Type, value: Scalar): Buffer {
  const bytes = Buffer.alloc(TYPES[type].size);
  writeValue(bytes, 0, type, value);
  return bytes;
}

/** Where an element's comment stands in its attribute. */
export const COMMENT_HEAD = 6;

/**
 * Makes NFTA_SET_ELEM_USERDATA at `at` of the `size` bytes of comment that stand `COMMENT_HEAD` behind it, and the zeros
 * at its end; returns where the next attribute begins. See `commentBytes`. There must be room for eight bytes more.
 */
export function closeComment(bytes: Buffer, at: number, size: number): number {
  const end = at + COMMENT_HEAD + size;
  bytes[end] = bytes[end + 1] = bytes[end + 2] = bytes[end + 3] = 0;
  bytes[at] = size + 7;
  bytes[at + 1] = 0;
  bytes[at + 2] = ELEM.USERDATA;
  bytes[at + 3] = 0;
  bytes[at + 4] = 0;
  bytes[at + 5] = size + 1;
  return aligned(end + 1);
}
