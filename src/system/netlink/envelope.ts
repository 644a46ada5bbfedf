/** A message with what the kernel notes beside it (recvmsg(2), cmsg(3)): of which network namespace it speaks. */
import type { SystemCalls } from "./ffi.js";

/** linux/netlink.h. The number of the option is that of what it has noted. */
export const SOL_NETLINK = 270;
export const NETLINK_LISTEN_ALL_NSID = 8;

/** `struct msghdr`, `struct iovec` and the notes, one behind the other in one buffer; as 64-bit Linux has them. */
const HEADER = 0;
const VECTOR = 64;
const NOTES = 128;
const SIZE = 256;
const AT = { vector: 16, vectors: 24, notes: 32, notesLength: 40 } as const;
/** `struct cmsghdr`: length, level, type, and then what is noted. */
const NOTE = { level: 8, type: 12, value: 16 } as const;

export class Envelope {
  private readonly calls: SystemCalls;
  // Of a size that V8 keeps outside of its heap, where nothing moves.
  private readonly bytes = Buffer.allocUnsafeSlow(SIZE).fill(0);

  /** What is received lies in `incoming`, which must be a buffer of its own. */
  constructor(calls: SystemCalls, incoming: Buffer) {
    this.calls = calls;
    const { bytes } = this;
    const own = calls.addressOf(bytes);
    bytes.writeBigUInt64LE(own + BigInt(VECTOR), HEADER + AT.vector);
    bytes.writeBigUInt64LE(1n, HEADER + AT.vectors);
    bytes.writeBigUInt64LE(own + BigInt(NOTES), HEADER + AT.notes);
    bytes.writeBigUInt64LE(calls.addressOf(incoming), VECTOR);
    bytes.writeBigUInt64LE(BigInt(incoming.length), VECTOR + 8);
  }

  /** As `recv` returns it. */
  receive(fd: number, flags: number): number {
    // The kernel writes there how much it has noted.
    this.bytes.writeBigUInt64LE(BigInt(SIZE - NOTES), HEADER + AT.notesLength);
    return this.calls.recvmsg(fd, this.bytes, flags);
  }

  /** The number of the namespace that what was received last is from; undefined: it is from the socket's own. */
  namespace(): number | undefined {
    const { bytes } = this;
    const end = NOTES + Number(bytes.readBigUInt64LE(HEADER + AT.notesLength));
    for (let at = NOTES; at + NOTE.value + 4 <= end;) {
      const length = Number(bytes.readBigUInt64LE(at));
      if (bytes.readInt32LE(at + NOTE.level) === SOL_NETLINK)
        if (bytes.readInt32LE(at + NOTE.type) === NETLINK_LISTEN_ALL_NSID) return bytes.readInt32LE(at + NOTE.value);
      if (length < NOTE.value) break;
      at += (length + 7) & ~7;
    }
    return undefined;
  }
}
