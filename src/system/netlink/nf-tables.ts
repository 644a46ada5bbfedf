/** Questions about the ruleset over nf_tables' netlink: what every reader of it has in common (linux/netfilter/nf_tables.h). */
import { be32, scan } from "./decoder.js";
import { Encoder, NLM_F } from "./encoder.js";
import type { NetlinkSocket } from "./socket.js";

/** linux/netfilter/nfnetlink.h */
export const NFNL_SUBSYS_NFTABLES = 10;
export const NFNLGRP_NFTABLES = 7;

/** nf_tables_msg_types */
export const MSG = {
  NEWTABLE: 0,
  GETTABLE: 1,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  DELCHAIN: 5,
  NEWRULE: 6,
  GETRULE: 7,
  DELRULE: 8,
  NEWSET: 9,
  GETSET: 10,
  DELSET: 11,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
  NEWGEN: 15,
  GETGEN: 16,
} as const;

/** nfgenmsg.nfgen_family (linux/netfilter.h); 0: of no family. */
export const NFPROTO = { none: 0, inet: 1, ip: 2, arp: 3, ip6: 10 } as const;

/** linux/netfilter/nf_tables.h: NFTA_GEN_ID, big-endian, of a message about the ruleset's generation. */
const GEN_ID = 1;

/** The generation in a message's body, behind its `struct nfgenmsg`; 0 where it says none. */
export function generationIn(body: Buffer): number {
  let generation = 0;
  scan(body, 4, body.length, (attribute, start) => {
    if (attribute === GEN_ID) generation = be32(body, start);
  });
  return generation;
}

/** One question; `write` adds attributes. */
export function question(type: number, family: number, flags = 0, write?: (encoder: Encoder) => void): Encoder {
  const encoder = new Encoder(1 << 8);
  const at = encoder.begin((NFNL_SUBSYS_NFTABLES << 8) | type, NLM_F.REQUEST | flags);
  encoder.put(family, 0, 0, 0);
  write?.(encoder);
  encoder.end(at);
  return encoder;
}

/** The ruleset's generation: moves with every change of anybody in this network namespace. Throws `NetlinkError`. */
export function readGeneration(socket: NetlinkSocket): number {
  const body = socket.get(question(MSG.GETGEN, NFPROTO.none));
  return body === undefined ? 0 : generationIn(body);
}
