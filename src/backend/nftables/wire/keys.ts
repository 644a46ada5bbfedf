/** Where the kernel finds what a key loads: in the packet, beside it, or in its connection. */
import type { Key } from "../ruleset.js";
import * as nft from "./constants.js";

export interface Payload {
  readonly base: number;
  readonly offset: number;
  readonly size: number;
}

export const PAYLOADS: Readonly<Partial<Record<Key, Payload>>> = {
  "ether saddr": { base: nft.BASE.LINK, offset: 6, size: 6 },
  "ip saddr": { base: nft.BASE.NETWORK, offset: 12, size: 4 },
  "ip daddr": { base: nft.BASE.NETWORK, offset: 16, size: 4 },
  "ip6 saddr": { base: nft.BASE.NETWORK, offset: 8, size: 16 },
  "ip6 daddr": { base: nft.BASE.NETWORK, offset: 24, size: 16 },
  "arp saddr ether": { base: nft.BASE.NETWORK, offset: 8, size: 6 },
  "arp saddr ip": { base: nft.BASE.NETWORK, offset: 14, size: 4 },
  "th sport": { base: nft.BASE.TRANSPORT, offset: 0, size: 2 },
  "th dport": { base: nft.BASE.TRANSPORT, offset: 2, size: 2 },
  "tcp flags": { base: nft.BASE.TRANSPORT, offset: 13, size: 1 },
  "icmp type": { base: nft.BASE.TRANSPORT, offset: 0, size: 1 },
  "icmpv6 type": { base: nft.BASE.TRANSPORT, offset: 0, size: 1 },
};

export const METAS: Readonly<Partial<Record<Key, number>>> = {
  iifname: nft.META.IIFNAME,
  oifname: nft.META.OIFNAME,
  "meta nfproto": nft.META.NFPROTO,
  "meta l4proto": nft.META.L4PROTO,
};

export const CTS: Readonly<Partial<Record<Key, { readonly key: number; readonly direction?: 0 | 1 }>>> = {
  "ct state": { key: nft.CT.STATE },
  "ct direction": { key: nft.CT.DIRECTION },
  "ct status": { key: nft.CT.STATUS },
  "ct original proto-dst": { key: nft.CT.PROTO_DST, direction: 0 },
  "ct original ip saddr": { key: nft.CT.SRC_IP, direction: 0 },
  "ct original ip daddr": { key: nft.CT.DST_IP, direction: 0 },
  "ct original ip6 saddr": { key: nft.CT.SRC_IP6, direction: 0 },
  "ct original ip6 daddr": { key: nft.CT.DST_IP6, direction: 0 },
  "ct reply ip saddr": { key: nft.CT.SRC_IP, direction: 1 },
  "ct reply ip6 saddr": { key: nft.CT.SRC_IP6, direction: 1 },
};
