/** Numbers of the kernel's nf_tables interface: linux/netfilter/nf_tables.h and nfnetlink.h, by their names there. */
import { NFPROTO } from "../../../system/netlink/nf-tables.js";

export { MSG, NFNL_SUBSYS_NFTABLES, NFNLGRP_NFTABLES, NFPROTO } from "../../../system/netlink/nf-tables.js";

export const NFNL_MSG_BATCH_BEGIN = 0x10;
export const NFNL_MSG_BATCH_END = 0x11;
export const NFNL_BATCH_GENID = 1;

/** Families of our tables. */
export const FAMILY = { inet: NFPROTO.inet, arp: NFPROTO.arp } as const;

/** FLAGS: NFT_TABLE_F_DORMANT takes the table's chains off their hooks. */
export const TABLE = { NAME: 1, FLAGS: 2 } as const;
export const CHAIN = { TABLE: 1, HANDLE: 2, NAME: 3, HOOK: 4, POLICY: 5, TYPE: 7 } as const;
export const HOOK = { NUM: 1, PRIORITY: 2 } as const;
export const RULE = { TABLE: 1, CHAIN: 2, HANDLE: 3, EXPRESSIONS: 4, POSITION: 6, USERDATA: 7 } as const;
export const LIST_ELEM = 1;
export const EXPR = { NAME: 1, DATA: 2 } as const;
export const SET = {
  TABLE: 1,
  NAME: 2,
  FLAGS: 3,
  KEY_TYPE: 4,
  KEY_LEN: 5,
  DATA_TYPE: 6,
  DATA_LEN: 7,
  DESC: 9,
  ID: 10,
  USERDATA: 13,
  /** Elements, since Linux 6.14 or so; of a tree the intervals. */
  COUNT: 20,
} as const;
export const SET_FLAG = {
  ANONYMOUS: 1,
  CONSTANT: 2,
  INTERVAL: 4,
  MAP: 8,
  TIMEOUT: 0x10,
  EVAL: 0x20,
  CONCAT: 0x80,
} as const;
export const SET_DESC = { SIZE: 1, CONCAT: 2 } as const;
export const FIELD_LEN = 1;
export const ELEM_LIST = { TABLE: 1, SET: 2, ELEMENTS: 3, SET_ID: 4 } as const;
export const ELEM = { KEY: 1, DATA: 2, FLAGS: 3, USERDATA: 6, EXPR: 7, KEY_END: 10, EXPRESSIONS: 11 } as const;
export const ELEM_INTERVAL_END = 1;
export const DATA = { VALUE: 1, VERDICT: 2 } as const;
export const VERDICT = { CODE: 1, CHAIN: 2 } as const;
/** NF_DROP, NF_ACCEPT (linux/netfilter.h), NFT_JUMP, NFT_GOTO, NFT_RETURN */
export const CODE = { drop: 0, accept: 1, jump: -3, goto: -4, return: -5 } as const;
/** nf_inet_hooks; the arp family's input hook is 0 (linux/netfilter_arp.h). */
export const HOOKS = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;

/** nft_registers: the verdict, and the first of four of 16 bytes; those of 4 bytes begin at 8. */
export const REG = { VERDICT: 0, FIRST: 1, WORDS: 8 } as const;
/** nft_meta_keys */
export const META = { IIFNAME: 6, OIFNAME: 7, IIFTYPE: 8, NFPROTO: 15, L4PROTO: 16 } as const;
/** nft_payload_bases */
export const BASE = { LINK: 0, NETWORK: 1, TRANSPORT: 2 } as const;
/** nft_ct_keys */
export const CT = {
  STATE: 0,
  DIRECTION: 1,
  STATUS: 2,
  PROTO_DST: 12,
  SRC_IP: 19,
  DST_IP: 20,
  SRC_IP6: 21,
  DST_IP6: 22,
} as const;
/** nft_cmp_ops */
export const CMP = { EQ: 0, NEQ: 1, LTE: 3, GTE: 5 } as const;
/** nft_dynset_ops */
export const DYNSET_UPDATE = 1;
/** nft_fib_result, nft_fib_flags */
export const FIB = { ADDRTYPE: 3, SADDR: 1, DADDR: 2 } as const;
export const LOOKUP_INV = 1;
/** nft_nat_types; nf_nat_range flags (linux/netfilter/nf_nat.h) */
export const NAT = { SNAT: 0, DNAT: 1, MAP_IPS: 1, PROTO_SPECIFIED: 2 } as const;
/** nft_reject_types, nft_reject_inet_code */
export const REJECT = { TCP_RST: 1, ICMPX: 2, PORT_UNREACH: 1 } as const;
/** LOG_WARNING of syslog(3), nft's default. */
export const LOG_LEVEL = 4;
/** nft's default (nft(8), LIMIT STATEMENT). */
export const LIMIT_BURST = 5;
/** linux/if_arp.h */
export const ARPHRD_ETHER = 1;
