/** Reads netlink messages and their attributes (linux/netlink.h). */

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** What follows the netlink header. */
  readonly body: Buffer;
}

/** The messages of what one receive gave. */
export function* messages(bytes: Buffer): Generator<Message> {
  let at = 0;
  while (at + 16 <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    if (length < 16 || at + length > bytes.length) return;
    yield {
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      body: bytes.subarray(at + 16, at + length),
    };
    at += (length + 3) & ~3;
  }
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
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) break;
    out.push([bytes.readUInt16LE(at + 2) & 0x3fff, bytes.subarray(at + 4, at + length)]);
    at += (length + 3) & ~3;
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
    const length = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    if (length < 4 || at + length > to) return;
    each(((bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8)) & 0x3fff, at + 4, at + length);
    at += (length + 3) & ~3;
  }
}

/** A string without its closing zero. */
export function text(value: Buffer | undefined): string {
  if (value === undefined) return "";
  const end = value.indexOf(0);
  return value.toString("utf8", 0, end === -1 ? value.length : end);
}
