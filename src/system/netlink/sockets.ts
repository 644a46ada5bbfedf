/** The sockets that wait for packets, over sock_diag (linux/sock_diag.h, linux/inet_diag.h). */
import type { BoundSocket } from "../listening.js";
import { formatRaw } from "./address.js";
import { scan } from "./decoder.js";
import { Encoder, NLM_F } from "./encoder.js";
import { AF } from "./rtnetlink.js";
import { NetlinkSocket, PROTOCOL } from "./socket.js";

const SOCK_DIAG_BY_FAMILY = 20;

/** One attribute behind `struct inet_diag_msg`, which has 72 bytes: whether an IPv6 socket leaves IPv4 alone. */
const MESSAGE_SIZE = 72;
const INET_DIAG_SKV6ONLY = 11;

/** net/tcp_states.h. A UDP socket that is bound and connected to nobody is "closed". */
const TCP_LISTEN = 10;
const TCP_CLOSE = 7;

const TCP = 6;
const UDP = 17;

/**
 * Listening TCP and bound, unconnected UDP sockets of this network namespace. Asked for by their state, which spares the
 * kernel the walk through the table of connections. Throws `NetlinkError`, also where the kernel can't tell.
 */
export function dumpListening(): BoundSocket[] {
  const found: BoundSocket[] = [];
  const encoder = new Encoder(1 << 7);
  const socket = new NetlinkSocket(PROTOCOL.SOCK_DIAG);
  try {
    for (const [protocol, state] of [
      [TCP, TCP_LISTEN],
      [UDP, TCP_CLOSE],
    ] as const)
      for (const family of [AF.INET, AF.INET6]) {
        encoder.reset();
        const at = encoder.begin(SOCK_DIAG_BY_FAMILY, NLM_F.REQUEST | NLM_F.DUMP);
        const states = 1 << state;
        // struct inet_diag_req_v2: family, protocol, what else to tell, padding, states, and an empty socket.
        encoder.put(family, protocol, 0, 0, states & 0xff, states >> 8, 0, 0);
        encoder.put(...new Array<number>(48).fill(0));
        encoder.end(at);
        socket.dump(encoder, (body, type) => {
          if (type === SOCK_DIAG_BY_FAMILY && body.length >= MESSAGE_SIZE) found.push(toSocket(body, protocol));
        });
      }
  } finally {
    socket.close();
  }
  return found;
}

function toSocket(body: Buffer, protocol: number): BoundSocket {
  let only: boolean | undefined;
  scan(body, MESSAGE_SIZE, body.length, (attribute, start) => {
    if (attribute === INET_DIAG_SKV6ONLY) only = body[start] !== 0;
  });
  const size = body[0] === AF.INET ? 4 : 16;
  return {
    protocol,
    address: formatRaw(body, 8, 8 + size),
    port: body.readUInt16BE(4),
    inode: String(body.readUInt32LE(68)),
    ...(only === undefined ? {} : { only }),
  };
}
