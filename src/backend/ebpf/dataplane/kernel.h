/* What the kernel alone knows of a packet: its connection's tuples, and whether an address is this host's. */
#pragma once
#include <bpf/bpf_core_read.h>
#include "packet.h"

#define RELOCATED __attribute__((preserve_access_index))

union nf_inet_addr {
  __u32 all[4];
} RELOCATED;
struct nf_conntrack_man {
  union nf_inet_addr u3;
  union {
    __be16 all;
  } u;
  __u16 l3num;
} RELOCATED;
struct nf_conntrack_tuple {
  struct nf_conntrack_man src;
  struct {
    union nf_inet_addr u3;
    union {
      __be16 all;
    } u;
    __u8 protonum;
    __u8 dir;
  } dst;
} RELOCATED;
struct nf_conntrack_tuple_hash {
  struct nf_conntrack_tuple tuple;
} RELOCATED;
struct nf_conn {
  struct nf_conntrack_tuple_hash tuplehash[2];
  unsigned long status;
} RELOCATED;

struct hlist_node {
  struct hlist_node *next;
} RELOCATED;
struct hlist_head {
  struct hlist_node *first;
} RELOCATED;
struct in6_addr_words {
  __u32 word[4];
};
struct inet6_ifaddr {
  struct in6_addr_words addr;
  struct hlist_node addr_lst;
} RELOCATED;
struct netns_ipv6 {
  struct hlist_head *inet6_addr_lst;
} RELOCATED;
struct net {
  struct netns_ipv6 ipv6;
  __u32 hash_mix;
} RELOCATED;
typedef struct {
  struct net *net;
} possible_net_t;
struct net_device {
  possible_net_t nd_net;
} RELOCATED;
struct sk_buff {
  struct net_device *dev;
  unsigned long _nfct;
} RELOCATED;

extern void *bpf_cast_to_kern_ctx(void *context) __ksym;

/* A connection's tuples as conntrack has them, where the packet has one that was translated. */
struct tracked {
  int reply, translated; /* translated: its destination */
  int moved;             /* its source or destination was translated: what follows is known */
  struct flow original;
  struct flow answer; /* of the reply direction; only where `translated` */
};

#define IPS_SRC_NAT (1UL << 4)
#define IPS_DST_NAT (1UL << 5)
/* Of an established one, and then of a related one; what isn't tracked has a higher number. */
#define IP_CT_IS_REPLY 3

static __always_inline void mapped(struct addr *to, const union nf_inet_addr *from, int v6) {
  if (v6) {
    __builtin_memcpy(to, from, sizeof(*to));
    return;
  }
  to->word[0] = to->word[1] = 0;
  to->word[2] = bpf_htonl(0xffff);
  to->word[3] = from->all[0];
}

/* A macro: relocation needs `direction` as a literal. */
#define TUPLE_OF(to, connection, direction, v6)                                                                        \
  do {                                                                                                                 \
    union nf_inet_addr address;                                                                                        \
    BPF_CORE_READ_INTO(&address, connection, tuplehash[direction].tuple.src.u3);                                       \
    mapped(&(to)->source, &address, v6);                                                                               \
    BPF_CORE_READ_INTO(&address, connection, tuplehash[direction].tuple.dst.u3);                                       \
    mapped(&(to)->destination, &address, v6);                                                                          \
    (to)->source_port = BPF_CORE_READ(connection, tuplehash[direction].tuple.src.u.all);                               \
    (to)->destination_port = BPF_CORE_READ(connection, tuplehash[direction].tuple.dst.u.all);                          \
  } while (0)

/* The packet's connection and which way it goes, where there is one; `status` hasn't been looked at. */
static __always_inline struct nf_conn *tracking(struct __sk_buff *skb, struct tracked *out) {
  struct sk_buff *inner = bpf_cast_to_kern_ctx(skb);
  unsigned long value = inner->_nfct;
  out->translated = out->moved = 0;
  out->reply = (value & 7) - IP_CT_IS_REPLY < 2;
  return (void *)(value & ~7UL);
}

static __always_inline void track(struct nf_conn *connection, struct tracked *out, int v6) {
  if (!connection)
    return;
  unsigned long status = BPF_CORE_READ(connection, status);
  /* Its tuples are the packet's own, and each read of them costs as much as a look-up. */
  if (!(status & (IPS_SRC_NAT | IPS_DST_NAT)))
    return;
  out->moved = 1;
  out->translated = (status & IPS_DST_NAT) != 0;
  TUPLE_OF(&out->original, connection, 0, v6);
  if (out->translated)
    TUPLE_OF(&out->answer, connection, 1, v6);
}

static __always_inline int held_in(struct hlist_head *head, const struct addr *address) {
  struct hlist_node *node = 0;
  bpf_probe_read_kernel(&node, sizeof(node), head);
  for (int i = 0; i < 64 && node; i++) {
    struct inet6_ifaddr *one =
        (void *)node - __builtin_preserve_field_info(((struct inet6_ifaddr *)0)->addr_lst, BPF_FIELD_BYTE_OFFSET);
    struct in6_addr_words held;
    BPF_CORE_READ_INTO(&held, one, addr);
    if (held.word[0] == address->word[0] && held.word[1] == address->word[1] && held.word[2] == address->word[2] &&
        held.word[3] == address->word[3])
      return 1;
    node = BPF_CORE_READ(node, next);
  }
  return 0;
}

static __always_inline __u32 turn(__u32 value, int by) { return value << by | value >> (32 - by); }

/* linux/jhash.h, jhash2 of four words */
static __always_inline __u32 jhash(const __u32 *word, __u32 start) {
  __u32 a, b, c;
  a = b = c = 0xdeadbeef + 16 + start;
  a += word[0], b += word[1], c += word[2];
  a -= c, a ^= turn(c, 4), c += b;
  b -= a, b ^= turn(a, 6), a += c;
  c -= b, c ^= turn(b, 8), b += a;
  a -= c, a ^= turn(c, 16), c += b;
  b -= a, b ^= turn(a, 19), a += c;
  c -= b, c ^= turn(b, 4), b += a;
  a += word[3];
  c ^= b, c -= turn(b, 14);
  a ^= c, a -= turn(c, 11);
  b ^= a, b -= turn(a, 25);
  c ^= b, c -= turn(b, 16);
  a ^= c, a -= turn(c, 4);
  b ^= a, b -= turn(a, 14);
  c ^= b, c -= turn(b, 24);
  return c;
}

/*
 * bpf_fib_lookup doesn't answer where `forwarding` is off, which it is on our devices (force_forwarding is on). So the
 * kernel's own hash of its addresses is looked into: net/ipv6/addrconf.c, inet6_addr_hash, which was another function
 * before Linux 6.14. An apply asks `is_known` about an address that it has given to the host, so a kernel that hashes
 * otherwise is refused and never misread.
 */
__noinline int is_local6(struct __sk_buff *skb, const struct addr *address) {
  if (!address)
    return 0;
  struct sk_buff *inner = bpf_cast_to_kern_ctx(skb);
  struct net *net = BPF_CORE_READ(inner, dev, nd_net.net);
  const __u32 *word = address->word;
  __u32 mix = BPF_CORE_READ(net, hash_mix);
  struct hlist_head *heads = BPF_CORE_READ(net, ipv6.inet6_addr_lst);
  __u32 now = jhash(word, mix) * 0x61C88647u >> 24;
  __u32 before = (word[0] ^ word[2] ^ word[1] ^ word[3] ^ mix) * 0x61C88647u >> 24;
  return held_in(&heads[now], address) || held_in(&heads[before], address);
}

static __always_inline int is_local4(struct __sk_buff *skb, const struct packet *packet) {
  struct bpf_fib_lookup asked = {};
  asked.family = 2;
  asked.l4_protocol = packet->flow.protocol;
  asked.tot_len = 0;
  asked.ifindex = skb->ifindex;
  asked.ipv4_src = packet->flow.source.word[3];
  asked.ipv4_dst = packet->flow.destination.word[3];
  long answer = bpf_fib_lookup(skb, &asked, sizeof(asked), 0);
  return answer == BPF_FIB_LKUP_RET_NOT_FWDED || answer == BPF_FIB_LKUP_RET_FWD_DISABLED;
}

/* Multicast, and the broadcast that is no subnet's. Which are the subnets' bpf_fib_lookup doesn't tell. */
static __always_inline int is_many(const struct packet *packet) {
  if (packet->v6)
    return (packet->flow.destination.word[0] & 0xff) == 0xff;
  return (packet->flow.destination.word[3] & 0xf0) == 0xe0 || packet->flow.destination.word[3] == 0xffffffff;
}

/* Multicast and broadcast aren't forwarded: who gets them is this host. */
static __always_inline int is_here(struct __sk_buff *skb, const struct packet *packet) {
  if (is_many(packet))
    return 1;
  return packet->v6 ? is_local6(skb, &packet->flow.destination) : is_local4(skb, packet);
}
