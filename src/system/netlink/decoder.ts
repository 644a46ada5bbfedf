/** Reads netlink messages and their attributes (linux/netlink.h). */
import { aligned } from "./align.js";

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** What follows the netlink header. */
  readonly body: Buffer;
}

/** The messages of what one receive gave, `length` bytes of a buffer. */
export function messages(bytes: Buffer, length = bytes.length): Message[] {
  const out: Message[] = [];
  let at = 0;
  while (at + 16 <= length) {
    const size = u32(bytes, at);
    if (size < 16 || at + size > length) break;
    const [type, flags, sequence] = [u16(bytes, at + 4), u16(bytes, at + 6), u32(bytes, at + 8)];
    out.push({ type, flags, sequence, body: bytes.subarray(at + 16, at + size) });
    at += aligned(size);
  }
  return out;
}

/** A number of two bytes in the host's order, which is little-endian (see `systemCalls`). Buffer's own functions check. */
export function u16(bytes: Buffer, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

/** A number of four bytes in the host's order, without a sign. */
export function u32(bytes: Buffer, at: number): number {
  return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;
}

/** A number of four bytes in the host's order, with a sign. */
export function s32(bytes: Buffer, at: number): number {
  return u16(bytes, at) | (u16(bytes, at + 2) << 16);
}

/** A number of four bytes in the network's order, without a sign. */
export function be32(bytes: Buffer, at: number): number {
  const [a, b, c, d] = [bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number, bytes[at + 3] as number];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** Attributes by type, without their flag bits; of several of one type the last. */
export function attributes(bytes: Buffer, from = 0): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (const [type, value] of list(bytes, from)) found.set(type, value);
  return found;
}

/** Attributes in their order. */
export function list(bytes: Buffer, from = 0): [number, Buffer][] {
  const out: [number, Buffer][] = [];
  let at = from;
  while (at + 4 <= bytes.length) {
    const length = u16(bytes, at);
    if (length < 4 || at + length > bytes.length) break;
    out.push([u16(bytes, at + 2) & 0x3fff, bytes.subarray(at + 4, at + length)]);
    at += aligned(length);
  }
  return out;
}

/** Tells each attribute's type, without its flag bits, and where its value begins and ends; copies nothing. */
export function scan(
  bytes: Buffer,
  from: number,
  to: number,
  each: (type: number, start: number, end: number) => void,
): void {
  let at = from;
  while (at + 4 <= to) {
    const length = u16(bytes, at);
    if (length < 4 || at + length > to) return;
    each(u16(bytes, at + 2) & 0x3fff, at + 4, at + length);
    at += aligned(length);
  }
}

/** A string without its closing zero. */
export function text(value: Buffer | undefined): string {
  return value === undefined ? "" : textAt(value, 0, value.length);
}

/** The same of bytes in a message. */
export function textAt(bytes: Buffer, start: number, end: number): string {
  let stop = start;
  while (stop < end && bytes[stop] !== 0) stop++;
  return bytes.toString("utf8", start, stop);
}
