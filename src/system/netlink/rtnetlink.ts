/**
 * The numbers of rtnetlink that we use, by the kernel's names and with the header that has them. Attributes hold what
 * is said beside them; integers are the machine's order, addresses the network's.
 */

export const AF = { UNSPEC: 0, INET: 2, INET6: 10 } as const;

/** linux/rtnetlink.h: message types. */
export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
  NEWNEIGH: 28,
  DELNEIGH: 29,
  GETNEIGH: 30,
  GETRULE: 34,
  NEWNETCONF: 80,
  DELNSID: 89,
  GETNSID: 90,
} as const;

/** linux/if_link.h: attributes behind `struct ifinfomsg` (16 bytes, linux/rtnetlink.h). */
export const IFLA = {
  /** Bytes: the hardware address. */
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  /** u32: the index of the device below, or of a veth's other end. */
  LINK: 5,
  /** u32: the index of the bridge that it is a port of; 0 takes it out. */
  MASTER: 10,
  /** Nested IFLA_INFO. */
  LINKINFO: 18,
  /** Without a closing zero when it is set. */
  IFALIAS: 20,
  /** Nested: by AF, IFLA_INET or IFLA_INET6. */
  AF_SPEC: 26,
  GROUP: 27,
  /** u32: an open file of the namespace to be in. */
  NET_NS_FD: 28,
  EXT_MASK: 29,
  /** s32: there when IFLA_LINK is in another namespace. */
  LINK_NETNSID: 37,
} as const;
/**
 * linux/netconf.h: attributes behind `struct netconfmsg` (4 bytes with its padding: the family). IFINDEX is s32, negative for
 * `all` and `default`; the others are sysctls, s32, and only those are there that were asked for or have changed.
 */
export const NETCONFA = { IFINDEX: 1, FORWARDING: 2, FORCE_FORWARDING: 9 } as const;

/**
 * linux/net_namespace.h: attributes behind `struct rtgenmsg` (4 bytes with its padding). NSID is the number that a namespace
 * has in another, s32, -1 where it has none; FD an open file of it.
 */
export const NETNSA = { NSID: 1, FD: 3 } as const;
export const IFLA_INFO = { KIND: 1, DATA: 2 } as const;
/** linux/if_link.h: CONF is an array of 32-bit numbers, the device's sysctls; ADDR_GEN_MODE, one of them, is a u8. */
export const IFLA_INET = { CONF: 1 } as const;
export const IFLA_INET6 = { CONF: 2, ADDR_GEN_MODE: 8 } as const;
/** Places in IFLA_INET_CONF (linux/ip.h: IPV4_DEVCONF, which counts from 1) of the sysctls that we set. */
export const DEVCONF4: Readonly<Record<string, number>> = {
  forwarding: 0,
  accept_redirects: 3,
  send_redirects: 5,
  rp_filter: 7,
  route_localnet: 25,
};
/** Places in IFLA_INET6_CONF (linux/ipv6.h: DEVCONF). */
export const DEVCONF6: Readonly<Record<string, number>> = {
  accept_ra: 3,
  accept_redirects: 4,
  disable_ipv6: 26,
  force_forwarding: 59,
};
/** linux/rtnetlink.h: a link dump without counters, which is half of it. */
export const RTEXT_FILTER_SKIP_STATS = 8;
/** linux/veth.h: in IFLA_INFO_DATA; a `struct ifinfomsg` and IFLA attributes of the other end. */
export const VETH_INFO_PEER = 1;
/** linux/if.h */
export const IFF_UP = 1;

/** linux/if_arp.h: devices whose hardware address is an IP address. */
export const ARPHRD = { TUNNEL: 768, TUNNEL6: 769, SIT: 776, IPGRE: 778, IP6GRE: 823 } as const;

/** linux/if_addr.h: attributes behind `struct ifaddrmsg` (8 bytes). */
export const IFA = {
  /** The other end's address where there is one, else the same as LOCAL. */
  ADDRESS: 1,
  LOCAL: 2,
  /** u32: IFA_F, of which the header holds the low eight bits. */
  FLAGS: 8,
} as const;
export const IFA_F = { NODAD: 2, NOPREFIXROUTE: 0x200 } as const;

/** linux/rtnetlink.h: attributes behind `struct rtmsg` (12 bytes). */
export const RTA = { DST: 1, OIF: 4, GATEWAY: 5, PRIORITY: 6, PREFSRC: 7, TABLE: 15 } as const;
export const RTNH_F_ONLINK = 4;

/** linux/rtnetlink.h: names as iproute2 has them. */
export const SCOPES: Readonly<Record<string, number>> = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 };
export const TABLES: Readonly<Record<string, number>> = { unspec: 0, default: 253, main: 254, local: 255 };
/** By number (RTN_*). */
export const ROUTE_TYPES = [
  "none",
  "unicast",
  "local",
  "broadcast",
  "anycast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
  "throw",
  "nat",
] as const;
/** RTPROT_*, and what iproute2's rt_protos has besides. */
export const PROTOCOLS: Readonly<Record<string, number>> = {
  unspec: 0,
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  gated: 8,
  ra: 9,
  mrt: 10,
  zebra: 11,
  bird: 12,
  dnrouted: 13,
  xorp: 14,
  ntk: 15,
  dhcp: 16,
  keepalived: 18,
  babel: 42,
  openr: 99,
  bgp: 186,
  isis: 187,
  ospf: 188,
  rip: 189,
  eigrp: 192,
};

/** linux/neighbour.h: attributes behind `struct ndmsg` (12 bytes). */
export const NDA = { DST: 1, LLADDR: 2 } as const;
export const NUD_PERMANENT = 0x80;
export const NTF_PROXY = 8;

/** linux/sockios.h: index of a device by its name, in the namespace of the socket that is asked. */
export const SIOCGIFINDEX = 0x8933;

/** linux/fib_rules.h: attributes of a rule that chooses a routing table. */
export const FRA = {
  DST: 1,
  SRC: 2,
  IIFNAME: 3,
  GOTO: 4,
  PRIORITY: 6,
  FWMARK: 10,
  TUN_ID: 12,
  SUPPRESS_IFGROUP: 13,
  SUPPRESS_PREFIXLEN: 14,
  TABLE: 15,
  FWMASK: 16,
  OIFNAME: 17,
  L3MDEV: 19,
  UID_RANGE: 20,
  IP_PROTO: 22,
  SPORT_RANGE: 23,
  DPORT_RANGE: 24,
} as const;
/** Those that narrow nothing: the realm, padding, who made it. */
export const FRA_NEUTRAL: readonly number[] = [11, 18, 21];
export const FIB_RULE_INVERT = 2;
/** By number (FR_ACT_*); those beyond have the numbers of `ROUTE_TYPES`. */
export const RULE_ACTIONS = ["unspec", "lookup", "goto", "nop"] as const;
