/**
 * Encodes netlink messages into one growing buffer (linux/netlink.h: nlmsghdr, nlattr). Everything is aligned to four
 * bytes; lengths include their header and no padding. Numbers are the host's order unless said otherwise.
 */
import { aligned } from "./align.js";

/** linux/netlink.h */
export const NLM_F = {
  REQUEST: 1,
  ACK: 4,
  ROOT: 0x100,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
} as const;
const NESTED = 0x8000;

/** In bytes. Buffer's own pool gives away half of itself at most. */
const SMALL = 2048;
const SHORT = 192;

/**
 * Numbers are written a byte at a time: Buffer's own functions check what is known here, and a process that starts anew
 * each time runs most of this before V8 has compiled it.
 */
export class Encoder {
  bytes: Buffer;
  /** Bytes written. */
  length = 0;
  /** Messages begun. */
  messages = 0;

  constructor(size = 1 << 16) {
    // Small ones share memory: to make some of their own takes a microsecond.
    this.bytes = size > SMALL ? Buffer.allocUnsafeSlow(size) : Buffer.allocUnsafe(size);
  }

  reset(): void {
    this.length = 0;
    this.messages = 0;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + count));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  /** Begins a message whose number is its position; returns where it begins, for `end`. */
  begin(type: number, flags: number): number {
    this.reserve(64);
    const at = this.length;
    const { bytes } = this;
    put16(bytes, at + 4, type);
    put16(bytes, at + 6, flags);
    put32(bytes, at + 8, this.messages++);
    put32(bytes, at + 12, 0);
    this.length = at + 16;
    return at;
  }

  /** Gives the message that begins at `at` a flag more, below 256. */
  flag(at: number, flag: number): void {
    (this.bytes[at + 6] as number) |= flag;
  }

  end(at: number): void {
    put32(this.bytes, at, this.length - at);
  }

  /**
   * Begins an attribute that holds attributes; returns where it begins, for `close`. nf_tables' own answers don't set
   * the flag that says so, so what is to be compared with them is written with `flag` 0.
   */
  open(type: number, flag: number = NESTED): number {
    this.reserve(16);
    const at = this.length;
    put16(this.bytes, at + 2, type | flag);
    this.length = at + 4;
    return at;
  }

  close(at: number): void {
    put16(this.bytes, at, this.length - at);
  }

  private header(type: number, size: number): number {
    const whole = aligned(size + 4);
    this.reserve(whole);
    const at = this.length;
    const { bytes } = this;
    put16(bytes, at, size + 4);
    put16(bytes, at + 2, type);
    if ((size & 3) !== 0) put32(bytes, at + whole - 4, 0);
    this.length = at + whole;
    return at + 4;
  }

  u8(type: number, value: number): void {
    const at = this.header(type, 1);
    this.bytes[at] = value;
  }

  u16(type: number, value: number): void {
    // Before the buffer is looked at, which may be another by then.
    const at = this.header(type, 2);
    put16(this.bytes, at, value);
  }

  u32(type: number, value: number): void {
    const at = this.header(type, 4);
    put32(this.bytes, at, value);
  }

  /** Big-endian, as nf_tables has its numbers. */
  be32(type: number, value: number): void {
    const at = this.header(type, 4);
    const { bytes } = this;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  be64(type: number, value: bigint): void {
    const at = this.header(type, 8);
    const { bytes } = this;
    for (let i = 7, rest = value; i >= 0; i--, rest >>= 8n) bytes[at + i] = Number(rest & 255n);
  }

  raw(type: number, value: Uint8Array): void {
    const at = this.header(type, value.length);
    this.bytes.set(value, at);
  }

  /** Encoded attributes as they are. */
  append(bytes: Buffer, from: number, to: number): void {
    this.reserve(to - from);
    const { bytes: own, length } = this;
    // What is short is copied sooner than the engine is asked to.
    if (to - from > SHORT) bytes.copy(own, length, from, to);
    else for (let i = from; i < to; i++) own[length + i - from] = bytes[i] as number;
    this.length = length + to - from;
  }

  /** Encoded attributes as a string, a character a byte. */
  latin1(bytes: string): void {
    this.reserve(bytes.length);
    this.length += this.bytes.write(bytes, this.length, "latin1");
  }

  /** With its closing zero. UTF-8. */
  string(type: number, value: string): void {
    const size = value.length;
    const at = this.header(type, size + 1);
    const { bytes } = this;
    // Names mostly are short and ASCII.
    for (let i = 0; i < size; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return this.wide(type, value, at);
      bytes[at + i] = code;
    }
    bytes[at + size] = 0;
  }

  /** The same, of what isn't ASCII; `begun` is where its bytes would be if it were. */
  private wide(type: number, value: string, begun: number): void {
    this.length = begun - 4;
    const size = Buffer.byteLength(value);
    const at = this.header(type, size + 1);
    this.bytes.write(value, at, "utf8");
    this.bytes[at + size] = 0;
  }

  /** Bytes of a message's own header, before its attributes. */
  put(...values: number[]): void {
    this.reserve(values.length);
    for (const value of values) this.bytes[this.length++] = value;
  }
}

function put16(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

function put32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
