/* Takes a frame apart, as far as it can be decided by. */
#pragma once
#include <bpf/bpf_endian.h>
#include "maps.h"

#define ETHER 14
enum { ICMP = 1, TCP = 6, UDP = 17, FRAGMENT = 44, AUTHENTICATION = 51, ICMPV6 = 58, SCTP = 132 };
enum { HOP_OPTIONS = 0, ROUTING = 43, DESTINATION_OPTIONS = 60 };
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };
enum { SCTP_HEADER = 12, INIT = 1, HEARTBEAT = 4 }; /* chunks: RFC 9260, 3.2 */

struct packet {
  struct flow flow;
  struct flow inner; /* of an ICMP error: the packet that it is about */
  __u32 fragment;    /* its id */
  __u16 offset;      /* where the transport header is */
  __u8 v6, has_ports, error, later, first;
  __u8 parted; /* has IPv6's header of fragments, be it the only one */
  __u8 flags; /* TCP's */
  __u8 type;  /* ICMP's, or that of the first chunk of SCTP's */
};

enum parsed { GOOD, BAD, LATER_FRAGMENT };

/* So many bytes of a frame as a type has. */
#define COLLECT(skb, at, to) (bpf_skb_load_bytes(skb, at, to, sizeof(*(to))) == 0)

/*
 * The same without a call where they lie in the frame's linear part, as headers do as a rule. For places that are constant:
 * of others the verifier would look at both ways behind each.
 */
#define LOAD(skb, at, to)                                                                                              \
  ({                                                                                                                   \
    void *here = (void *)(long)(skb)->data + (at);                                                                     \
    int loaded = 1;                                                                                                    \
    if (here + sizeof(*(to)) <= (void *)(long)(skb)->data_end)                                                         \
      *(to) = *(typeof(to))here;                                                                                       \
    else                                                                                                               \
      loaded = COLLECT(skb, at, to);                                                                                   \
    loaded;                                                                                                            \
  })

static __always_inline int is_ported(__u8 protocol) { return protocol == TCP || protocol == UDP || protocol == SCTP; }

static __always_inline void map4(struct addr *to, __u32 value) {
  to->word[0] = to->word[1] = 0;
  to->word[2] = bpf_htonl(0xffff);
  to->word[3] = value;
}

struct v4 {
  __u8 version, tos;
  __be16 length, id, fragment;
  __u8 ttl, protocol;
  __be16 sum;
  __u32 source, destination;
};

struct tcp {
  __be16 source, destination;
  __be32 sequence, acknowledged;
  __u8 offset, flags;
  __be16 window, sum, urgent;
};

struct v6 {
  __u32 version;
  __be16 length;
  __u8 next, hops;
  struct addr source, destination;
};

/* No IPv6 packet bears such an address, and in our maps it would be IPv4's. */
static __always_inline int is_mapped(const struct addr *address) {
  return address->word[0] == 0 && address->word[1] == 0 && address->word[2] == bpf_htonl(0xffff);
}

/* The network header at `offset`; leaves `at` behind it. */
static __always_inline int network(struct __sk_buff *skb, __u32 offset, int v6, struct packet *packet,
                                   struct flow *flow, __u16 *at) {
  int outer = __builtin_constant_p(offset);
  if (!v6) {
    struct v4 header;
    if (!(outer ? LOAD(skb, offset, &header) : COLLECT(skb, offset, &header)) || header.version >> 4 != 4)
      return BAD;
    __u16 size = (header.version & 15) * 4;
    if (size < 20 || bpf_ntohs(header.length) < size || offset + size > skb->len)
      return BAD;
    map4(&flow->source, header.source);
    map4(&flow->destination, header.destination);
    flow->protocol = header.protocol;
    *at = offset + size;
    __u16 fragment = bpf_ntohs(header.fragment);
    packet->first = (fragment & 0x3fff) == 0x2000;
    packet->later = (fragment & 0x1fff) != 0;
    packet->fragment = header.id;
    return GOOD;
  }
  struct v6 header;
  if (!(outer ? LOAD(skb, offset, &header) : COLLECT(skb, offset, &header)) || (header.version & 0xf0) != 0x60 ||
      is_mapped(&header.source) || is_mapped(&header.destination))
    return BAD;
  flow->source = header.source;
  flow->destination = header.destination;
  __u8 next = header.next;
  __u16 here = offset + sizeof(header);
  for (int i = 0; i < 8; i++) {
    __u8 part[8];
    if (next != HOP_OPTIONS && next != ROUTING && next != DESTINATION_OPTIONS && next != FRAGMENT &&
        next != AUTHENTICATION) {
      flow->protocol = next;
      *at = here;
      return GOOD;
    }
    if (packet->later) {
      flow->protocol = next;
      *at = here;
      return GOOD;
    }
    if (bpf_skb_load_bytes(skb, here, part, sizeof(part)) < 0)
      return BAD;
    if (next == FRAGMENT) {
      __u16 fragment = part[2] << 8 | part[3];
      packet->parted = 1;
      packet->later = (fragment & 0xfff8) != 0;
      packet->first = fragment == 1;
      __builtin_memcpy(&packet->fragment, part + 4, 4);
      here += 8;
    } else if (next == AUTHENTICATION)
      here += (part[1] + 2) * 4;
    else {
      /* A source route: the address is that of the next stop only. */
      if (next == ROUTING && part[3] != 0)
        return BAD;
      here += (part[1] + 1) * 8;
    }
    next = part[0];
  }
  return BAD;
}

static __always_inline int is_error(int v6, __u8 type) {
  if (v6)
    return type >= 1 && type < 128;
  return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* Ports, or what stands for them: the id of an ICMP request and its reply. */
static __always_inline int transport(struct __sk_buff *skb, __u16 at, struct flow *flow, __u8 *type) {
  if (is_ported(flow->protocol)) {
    struct { __be16 source, destination; } header;
    if (!COLLECT(skb, at, &header))
      return BAD;
    flow->source_port = header.source;
    flow->destination_port = header.destination;
  } else if (flow->protocol == ICMP || flow->protocol == ICMPV6) {
    __u8 header[8];
    if (bpf_skb_load_bytes(skb, at, header, 8) < 0)
      return BAD;
    *type = header[0];
    __be16 id = *(__be16 *)(header + 4);
    int v6 = flow->protocol == ICMPV6;
    if (v6 ? header[0] == 128 || header[0] == 129 : header[0] == 8 || header[0] == 0 || (header[0] >= 13 && header[0] <= 18))
      flow->source_port = flow->destination_port = id;
  }
  return GOOD;
}

__noinline int parse(struct __sk_buff *skb, int v6, struct packet *packet) {
  if (!packet)
    return BAD;
  __u16 at = 0;
  if (network(skb, ETHER, v6, packet, &packet->flow, &at) != GOOD)
    return BAD;
  packet->v6 = v6;
  packet->offset = at;
  /* ICMP of the other family is nobody's. */
  if (packet->flow.protocol == (v6 ? ICMP : ICMPV6))
    return BAD;
  packet->has_ports = is_ported(packet->flow.protocol);
  if (packet->later)
    return LATER_FRAGMENT;
  if (packet->flow.protocol == TCP) {
    struct tcp header;
    int usual = at == ETHER + sizeof(struct v4);
    if (!(usual ? LOAD(skb, ETHER + sizeof(struct v4), &header) : COLLECT(skb, at, &header)))
      return BAD;
    __u8 size = header.offset >> 4;
    if (size < 5 || at + size * 4 > skb->len)
      return BAD;
    packet->flow.source_port = header.source;
    packet->flow.destination_port = header.destination;
    packet->flags = header.flags;
  } else if (transport(skb, at, &packet->flow, &packet->type) != GOOD)
    return BAD;
  if (packet->flow.protocol == SCTP && !COLLECT(skb, at + SCTP_HEADER, &packet->type))
    return BAD;
  if ((packet->flow.protocol == ICMP || packet->flow.protocol == ICMPV6) && is_error(v6, packet->type)) {
    struct packet about = {};
    __u8 type = 0;
    __u16 inner = 0;
    packet->error = 1;
    if (network(skb, at + 8, v6, &about, &packet->inner, &inner) != GOOD || about.later ||
        transport(skb, inner, &packet->inner, &type) != GOOD)
      return BAD;
  }
  return GOOD;
}

/*
 * Whether it is as most packets are: IPv4 without options and not in parts, with TCP or UDP. Then `flow`, `flags` and `first`
 * are what `parse` finds, and nothing else of `packet` is set.
 */
static __always_inline int is_usual(struct __sk_buff *skb, struct packet *packet) {
  void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  struct v4 *header = data + ETHER;
  struct tcp *tcp = data + ETHER + sizeof(*header);
  if (skb->protocol != bpf_htons(0x0800) || skb->vlan_present || (void *)tcp + 8 > end)
    return 0;
  if (header->version != 0x45 || header->fragment & bpf_htons(0x3fff) || bpf_ntohs(header->length) < sizeof(*header))
    return 0;
  packet->flags = 0;
  if (header->protocol == TCP) {
    if ((void *)(tcp + 1) > end)
      return 0;
    __u32 size = tcp->offset >> 4;
    if (size < 5 || ETHER + sizeof(*header) + size * 4 > skb->len)
      return 0;
    packet->flags = tcp->flags;
  } else if (header->protocol != UDP)
    return 0;
  packet->first = 0;
  map4(&packet->flow.source, header->source);
  map4(&packet->flow.destination, header->destination);
  packet->flow.source_port = tcp->source;
  packet->flow.destination_port = tcp->destination;
  packet->flow.protocol = header->protocol;
  packet->flow.pad[0] = packet->flow.pad[1] = packet->flow.pad[2] = 0;
  return 1;
}

static __always_inline void turned(struct flow *to, const struct flow *from) {
  to->source = from->destination;
  to->destination = from->source;
  to->source_port = from->destination_port;
  to->destination_port = from->source_port;
  to->protocol = from->protocol;
  to->pad[0] = to->pad[1] = to->pad[2] = 0;
}
