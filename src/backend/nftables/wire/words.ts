/** Numbers of nft's words for what a key can be (nft(8); linux/netfilter/nf_conntrack_common.h, linux/icmp.h). */
import type { Key } from "../ruleset.js";

/** Bits of ct state and ct status: tested by a mask. */
export const BITS: Readonly<Partial<Record<Key, Readonly<Record<string, number>>>>> = {
  "ct state": { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 },
  "ct status": { dnat: 0x20, snat: 0x10, confirmed: 0x08 },
};

/** Numbers of one byte. */
export const BYTES: Readonly<Partial<Record<Key, Readonly<Record<string, number>>>>> = {
  "ct direction": { original: 0, reply: 1 },
  "meta nfproto": { ipv4: 2, ipv6: 10 },
  "icmp type": { "echo-reply": 0, redirect: 5, "echo-request": 8 },
  "icmpv6 type": {
    "echo-request": 128,
    "echo-reply": 129,
    "nd-neighbor-solicit": 135,
    "nd-neighbor-advert": 136,
    "nd-redirect": 137,
  },
};

/** RTN_* (linux/rtnetlink.h), four bytes of the host's order. */
export const ROUTE_TYPES: Readonly<Record<string, number>> = { unicast: 1, local: 2, broadcast: 3 };

export const TCP_FLAGS: Readonly<Record<string, number>> = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 };

/** Seconds. */
export const UNITS: Readonly<Record<string, number>> = {
  second: 1,
  minute: 60,
  hour: 3600,
  day: 86400,
  week: 604800,
};
