/** Netlink sockets (netlink(7)): a request and its answers, a batch and its acknowledgement, a dump. */
import { aligned } from "./align.js";
import { attempt } from "../attempt.js";
import { within } from "../within.js";
import { attributes, type Message, messages, s32, text, u16, u32 } from "./decoder.js";
import type { Encoder } from "./encoder.js";
import { Envelope, NETLINK_LISTEN_ALL_NSID, SOL_NETLINK } from "./envelope.js";
import { NetlinkError } from "./errors.js";
import { SIOCGIFINDEX } from "./rtnetlink.js";
import { type SystemCalls, systemCalls, unavailable } from "./ffi.js";

/** linux/netlink.h */
export const PROTOCOL = { ROUTE: 0, SOCK_DIAG: 4, NETFILTER: 12 } as const;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_SNDBUF = 7;
const SO_RCVTIMEO = 20;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_ADD_MEMBERSHIP = 1;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;

const ERROR = 2;
const DONE = 3;
/** A message of the ruleset changed while it was dumped: the dump is no one state. */
const F_DUMP_INTR = 0x10;
/** The acknowledgement says more: attributes behind the refused message. */
const F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;
const HEADER_SIZE = 16;

const EINTR = 4;
const EAGAIN = 11;
const ENOBUFS = 105;
const EOPNOTSUPP = 95;

/** Seconds to wait for the kernel, below 256; a batch of a million elements takes one. */
const PATIENCE = 120;

/** Buffers of closed sockets: a thousand sandboxes have a thousand sockets, one after the other. */
const SPARE: Buffer[] = [];

export class NetlinkSocket {
  private readonly calls: SystemCalls;
  private readonly fd: number;
  private readonly incoming = SPARE.pop() ?? Buffer.allocUnsafeSlow(1 << 18);
  /** Bytes that may be sent at once; no socket has room for less (net/sock.h: SOCK_MIN_SNDBUF). */
  private room = 1 << 12;
  private open = true;
  private envelope: Envelope | undefined;

  /**
   * A socket of the current network namespace, or of the one bound at `netns`. Throws `NetlinkError`, and a plain Error
   * where system calls can't be made (see `systemCalls`).
   */
  constructor(protocol: number, netns?: string) {
    const calls = systemCalls();
    if (calls === undefined) throw new Error(unavailable());
    this.calls = calls;
    // A socket keeps the namespace that its thread was in when it was made.
    this.fd = netns === undefined ? this.make(protocol) : within(netns, () => this.make(protocol));
  }

  private make(protocol: number): number {
    const { calls } = this;
    const fd = calls.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (fd < 0) throw new NetlinkError(calls.errno());
    const address = Buffer.alloc(12);
    address[0] = AF_NETLINK;
    if (calls.bind(fd, address, 12) < 0) throw new NetlinkError(calls.errno());
    const one = number(1);
    // Old kernels don't know these: errors then come without the kernel's sentence.
    calls.setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, one, 4);
    calls.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, one, 4);
    calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, number(1 << 22), 4);
    const patience = Buffer.alloc(16);
    patience[0] = PATIENCE;
    calls.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, patience, 16);
    return fd;
  }

  /** Of a device by its name, in the socket's namespace; undefined when there is none. */
  deviceIndex(name: string): number | undefined {
    // struct ifreq: 16 bytes of name with its closing zero, then what is asked.
    const request = Buffer.alloc(40);
    if (Buffer.byteLength(name) > 15) return undefined;
    request.write(name, "utf8");
    return this.calls.ioctl(this.fd, SIOCGIFINDEX, request) < 0 ? undefined : s32(request, 16);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.calls.close(this.fd);
    SPARE.push(this.incoming);
  }

  private send(encoder: Encoder): void {
    attempt(`netlink message of ${encoder.length} bytes`);
    const { calls } = this;
    const size = encoder.length + 1024;
    if (size > this.room) {
      this.room = Math.max(size, 1 << 18);
      const room = number(this.room);
      if (calls.setsockopt(this.fd, SOL_SOCKET, SO_SNDBUFFORCE, room, 4) < 0)
        calls.setsockopt(this.fd, SOL_SOCKET, SO_SNDBUF, room, 4);
    }
    for (;;) {
      const sent = calls.send(this.fd, encoder.bytes, encoder.length, 0);
      if (sent === encoder.length) return;
      const errno = calls.errno();
      if (sent < 0 && errno === EINTR) continue;
      throw new NetlinkError(sent < 0 ? errno : ENOBUFS);
    }
  }

  /** Has the kernel send what it tells a multicast group (netlink(7)) from now on. Throws `NetlinkError`. */
  join(group: number): void {
    if (this.calls.setsockopt(this.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, number(group), 4) < 0)
      throw new NetlinkError(this.calls.errno());
  }

  /** The same of what it tells in other namespaces, of those that have a number in this one. Throws `NetlinkError`. */
  hearOthers(): void {
    // As envelope.ts has its structures.
    if (!process.arch.includes("64")) throw new NetlinkError(EOPNOTSUPP);
    if (this.calls.setsockopt(this.fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, number(1), 4) < 0)
      throw new NetlinkError(this.calls.errno());
    this.envelope = new Envelope(this.calls, this.incoming);
  }

  /**
   * Hands the body of each message that has come to `each`, which must not keep it, with the number of the other namespace
   * that it is from, and waits for none. Returns false where the kernel had more to tell than there was room for.
   */
  pending(each: (body: Buffer, type: number, from: number | undefined) => void): boolean {
    for (;;) {
      const received = this.receiveOr(MSG_DONTWAIT);
      // Mostly there is nothing: an error takes longer to make than the question.
      if (received === -EAGAIN) return true;
      if (received === -ENOBUFS) return false;
      if (received < 0) throw new NetlinkError(-received);
      const from = this.envelope?.namespace();
      for (const { type, body } of messages(this.incoming, received)) each(body, type, from);
    }
  }

  /** Waits for messages, which lie in `incoming` until the next are received. */
  private receive(): Message[] {
    const received = this.receiveOr(0);
    if (received < 0) throw new NetlinkError(-received);
    return messages(this.incoming, received);
  }

  /** How many bytes lie in `incoming`; an error's number, negated, where nothing is received. */
  private receiveOr(flags: number): number {
    for (;;) {
      const length =
        this.envelope === undefined
          ? this.calls.recv(this.fd, this.incoming, this.incoming.length, MSG_TRUNC | flags)
          : this.envelope.receive(this.fd, MSG_TRUNC | flags);
      if (length > this.incoming.length) return -ENOBUFS;
      if (length >= 0) return length;
      const errno = this.calls.errno();
      if (errno !== EINTR) return -errno;
    }
  }

  /**
   * Sends messages whose last one asks for an acknowledgement and waits for it. Throws the first refusal; what was
   * refused is its `index`. Of a batch nothing is in force then.
   */
  commit(encoder: Encoder): void {
    this.send(encoder);
    const last = encoder.messages - 1;
    const { incoming } = this;
    let failure: NetlinkError | undefined;
    for (;;) {
      const received = this.receiveOr(0);
      if (received < 0) throw new NetlinkError(-received);
      // Read where they lie: mostly it is one, and it says nothing but that all is well.
      for (let at = 0; at + HEADER_SIZE <= received; at += aligned(u32(incoming, at))) {
        const size = u32(incoming, at);
        if (size < HEADER_SIZE || at + size > received) break;
        if (u16(incoming, at + 4) !== ERROR) continue;
        const [sequence, errno] = [u32(incoming, at + 8), -s32(incoming, at + HEADER_SIZE)];
        if (errno !== 0) {
          // Capped acknowledgements hold the refused message's header only (NETLINK_CAP_ACK).
          const said =
            (u16(incoming, at + 6) & F_ACK_TLVS) !== 0 ? incoming.subarray(at + HEADER_SIZE, at + size) : undefined;
          const words = said === undefined ? "" : text(attributes(said, 20).get(NLMSGERR_ATTR_MSG));
          failure ??= new NetlinkError(errno, words === "" ? undefined : words, sequence);
        }
        // A batch that is refused as a whole is answered at its first message.
        if (sequence === last || (errno !== 0 && sequence === 0)) {
          if (failure !== undefined) throw failure;
          return;
        }
      }
    }
  }

  /**
   * Sends one dump request and hands each message's body to `each`, which must not keep it. Returns false when the
   * kernel's state changed meanwhile, so that the answers are of no one moment.
   */
  dump(encoder: Encoder, each: (body: Buffer, type: number) => void): boolean {
    this.send(encoder);
    let whole = true;
    for (;;) {
      for (const { type, flags, body } of this.receive()) {
        if ((flags & F_DUMP_INTR) !== 0) whole = false;
        if (type === DONE) {
          const errno = body.length >= 4 ? -s32(body, 0) : 0;
          if (errno > 0) throw new NetlinkError(errno);
          return whole;
        }
        if (type === ERROR) {
          const errno = -s32(body, 0);
          if (errno !== 0) throw new NetlinkError(errno);
          continue;
        }
        each(body, type);
      }
    }
  }

  /** Sends one request that has one answer; undefined where the kernel has no such object. */
  get(encoder: Encoder): Buffer | undefined {
    this.send(encoder);
    for (;;) {
      for (const { type, body } of this.receive()) {
        if (type !== ERROR) return Buffer.from(body);
        const errno = -s32(body, 0);
        if (errno === 2 || errno === 19) return undefined;
        if (errno !== 0) throw new NetlinkError(errno);
      }
    }
  }
}

function number(value: number): Buffer {
  return Buffer.from([value, value >> 8, value >> 16, value >> 24]);
}
