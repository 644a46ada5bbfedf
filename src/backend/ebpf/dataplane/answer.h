/*
 * The answer to a rejected packet: a TCP reset or a port unreachable, made of the packet itself and sent back where it
 * came from. It meets the programs like any packet, and passes as what belongs to a refused connection.
 */
#pragma once
#include "track.h"

static __always_inline __u16 folded(__s64 sum) {
  __u64 value = sum & 0xffffffff;
  value = (value & 0xffff) + (value >> 16);
  value = (value & 0xffff) + (value >> 16);
  return ~value;
}

struct ether {
  __u8 destination[6], source[6];
  __be16 type;
};

struct pseudo6 {
  struct addr source, destination;
  __be32 length, next;
};

struct pseudo4 {
  __u32 source, destination;
  __u8 zero, protocol;
  __be16 length;
};

/* Sum of the pseudo header; `source` and `destination` are the answer's. */
static __always_inline __s64 pseudo(const struct packet *packet, __u8 protocol, __u16 length) {
  if (packet->v6) {
    struct pseudo6 header = {.source = packet->flow.destination,
                             .destination = packet->flow.source,
                             .length = bpf_htonl(length),
                             .next = bpf_htonl(protocol)};
    return bpf_csum_diff(0, 0, (void *)&header, sizeof(header), 0);
  }
  struct pseudo4 header = {.source = packet->flow.destination.word[3],
                           .destination = packet->flow.source.word[3],
                           .protocol = protocol,
                           .length = bpf_htons(length)};
  return bpf_csum_diff(0, 0, (void *)&header, sizeof(header), 0);
}

static __always_inline int headers(struct __sk_buff *skb, const struct packet *packet, __u8 protocol, __u16 length) {
  struct ether ether;
  if (bpf_skb_load_bytes(skb, 0, &ether, sizeof(ether)) < 0)
    return 0;
  __u8 mac[6];
  __builtin_memcpy(mac, ether.source, 6);
  __builtin_memcpy(ether.source, ether.destination, 6);
  __builtin_memcpy(ether.destination, mac, 6);
  if (bpf_skb_store_bytes(skb, 0, &ether, sizeof(ether), 0) < 0)
    return 0;
  if (packet->v6) {
    struct v6 header = {.version = bpf_htonl(0x60000000),
                        .length = bpf_htons(length),
                        .next = protocol,
                        .hops = 64,
                        .source = packet->flow.destination,
                        .destination = packet->flow.source};
    return bpf_skb_store_bytes(skb, ETHER, &header, sizeof(header), 0) == 0;
  }
  struct v4 header = {.version = 0x45,
                      .length = bpf_htons(20 + length),
                      .ttl = 64,
                      .protocol = protocol,
                      .source = packet->flow.destination.word[3],
                      .destination = packet->flow.source.word[3]};
  header.sum = folded(bpf_csum_diff(0, 0, (void *)&header, sizeof(header), 0));
  return bpf_skb_store_bytes(skb, ETHER, &header, sizeof(header), 0) == 0;
}

/* A checksum that the device was to fill in is the pseudo header's sum until then (CHECKSUM_PARTIAL). */
static __always_inline int reset(struct __sk_buff *skb, const struct packet *packet) {
  struct tcp tcp;
  if (bpf_skb_load_bytes(skb, packet->offset, &tcp, sizeof(tcp)) < 0 || tcp.flags & RST)
    return 0;
  __u16 network = packet->v6 ? 40 : 20;
  __u32 taken = skb->len - packet->offset - (tcp.offset >> 4) * 4 + !!(tcp.flags & SYN) + !!(tcp.flags & FIN);
  struct tcp answer = {.source = tcp.destination, .destination = tcp.source, .offset = 5 << 4};
  if (tcp.flags & ACK) {
    answer.sequence = tcp.acknowledged;
    answer.flags = RST;
  } else {
    answer.acknowledged = bpf_htonl(bpf_ntohl(tcp.sequence) + taken);
    answer.flags = RST | ACK;
  }
  answer.sum = folded(bpf_csum_diff(0, 0, (void *)&answer, sizeof(answer), pseudo(packet, TCP, sizeof(answer))));
  if (bpf_skb_change_tail(skb, ETHER + network + sizeof(answer), 0) < 0 || !headers(skb, packet, TCP, sizeof(answer)))
    return 0;
  return bpf_skb_store_bytes(skb, ETHER + network, &answer, sizeof(answer), 0) == 0;
}

#define QUOTED 8

static __always_inline int unreachable(struct __sk_buff *skb, const struct packet *packet) {
  /* ICMP header, then the network header without options, then eight bytes: enough to know the connection. */
  struct {
    __u8 type, code;
    __be16 sum;
    __u32 unused;
    __u8 quoted[40 + QUOTED];
  } answer = {};
  __u16 network = packet->v6 ? 40 : 20;
  __u16 size = 8 + network + QUOTED;
  __u8 protocol = packet->v6 ? ICMPV6 : ICMP;
  if (bpf_skb_load_bytes(skb, ETHER, answer.quoted, 20) < 0)
    return 0;
  if (packet->v6) {
    if (bpf_skb_load_bytes(skb, ETHER + 20, answer.quoted + 20, 20) < 0 ||
        bpf_skb_load_bytes(skb, packet->offset, answer.quoted + 40, QUOTED) < 0)
      return 0;
    answer.quoted[6] = packet->flow.protocol;
    answer.type = 1;
    answer.code = 4;
    answer.sum = folded(bpf_csum_diff(0, 0, (void *)&answer, 8 + 40 + QUOTED, pseudo(packet, ICMPV6, size)));
  } else {
    if (bpf_skb_load_bytes(skb, packet->offset, answer.quoted + 20, QUOTED) < 0)
      return 0;
    answer.quoted[0] = 0x45;
    answer.type = 3;
    answer.code = 3;
    answer.sum = folded(bpf_csum_diff(0, 0, (void *)&answer, 8 + 20 + QUOTED, 0));
  }
  if (bpf_skb_change_tail(skb, ETHER + network + size, 0) < 0 || !headers(skb, packet, protocol, size))
    return 0;
  return (packet->v6 ? bpf_skb_store_bytes(skb, ETHER + 40, &answer, 8 + 40 + QUOTED, 0)
                     : bpf_skb_store_bytes(skb, ETHER + 20, &answer, 8 + 20 + QUOTED, 0)) == 0;
}

/* `flags`: to which side of the device. A global function, for what it puts on the stack. */
__noinline int answer(struct __sk_buff *skb, const struct packet *packet, __u64 flags) {
  if (!packet)
    return 2;
  int made = packet->flow.protocol == TCP ? reset(skb, packet)
             : packet->error              ? 0
                                          : unreachable(skb, packet);
  return made ? bpf_redirect(skb->ifindex, flags) : 2;
}
