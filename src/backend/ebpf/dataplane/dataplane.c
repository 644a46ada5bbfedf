/*
 * The dataplane: two programs on the host end of each endpoint's veth pair. `from_container` sees what its container
 * sends, before anything else of the host does; `to_container` sees what reaches it, after routing and translation.
 */
#include "kernel.h"
#include "track.h"
#include "answer.h"

char _license[] SEC("license") = "GPL";

struct arp {
  __be16 hardware, protocol;
  __u8 hardware_size, protocol_size;
  __be16 operation;
  __u8 sender[6];
  __u8 sender_address[4];
} __attribute__((packed));

/* These compare without branches: the verifier would follow each. */
static __always_inline int same_mac(const __u8 *a, const __u8 *b) {
  return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]) | (a[5] ^ b[5]));
}

static __always_inline int same_address(const struct addr *a, const struct addr *b) {
  return !((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) |
           (a->word[3] ^ b->word[3]));
}

/* Address resolution must tell the truth about its sender; a probe's is 0.0.0.0 (RFC 5227). */
static __always_inline int honest(struct __sk_buff *skb, __u32 generation, const struct device *device) {
  struct arp arp;
  __u32 value;
  struct addr address;
  if (bpf_skb_load_bytes(skb, ETHER, &arp, sizeof(arp)) < 0 || arp.hardware != bpf_htons(1) ||
      arp.protocol != bpf_htons(0x0800) || arp.hardware_size != 6 || arp.protocol_size != 4 ||
      !same_mac(arp.sender, device->mac))
    return 0;
  __builtin_memcpy(&value, arp.sender_address, 4);
  if (value == 0)
    return 1;
  map4(&address, value);
  struct own *own = own_of(generation, &address);
  return own && own->container == device->container;
}

/* Fragments behind the first have no ports: they are what their first was. */
static __always_inline int recall(struct packet *packet, __u8 out, __u64 now) {
  struct fragment key = {.source = packet->flow.source,
                         .destination = packet->flow.destination,
                         .id = packet->fragment,
                         /* IPv6's later fragments name what the first began with. */
                         .protocol = packet->v6 ? 0 : packet->flow.protocol,
                         .out = out};
  struct fragment_ports *ports = bpf_map_lookup_elem(&fragments, &key);
  return ports && now < ports->until;
}

static __always_inline int remember(const struct packet *packet, __u8 out, __u64 now) {
  if (!packet->first)
    return PASS;
  struct fragment key = {.source = packet->flow.source,
                         .destination = packet->flow.destination,
                         .id = packet->fragment,
                         /* IPv6's later fragments name what the first began with. */
                         .protocol = packet->v6 ? 0 : packet->flow.protocol,
                         .out = out};
  struct fragment_ports ports = {.until = now + 30 * SECOND};
  bpf_map_update_elem(&fragments, &key, &ports, BPF_ANY);
  return PASS;
}

static __always_inline void answered(struct connection *entry) {
  /* As with `touch`. */
  if (!(entry->flags & ANSWERED))
    entry->flags |= ANSWERED;
}

/* What an entry says of a packet that isn't the connection's beginner's. */
static __always_inline int replying(struct __sk_buff *skb, __u32 generation, const struct packet *packet,
                                    const struct flow *key, struct connection *entry, __u8 out, __u64 now) {
  __u8 state = standing(generation, key, entry);
  if (state == CUT || (state == REFUSED && !(packet->flow.protocol == TCP && packet->flags & RST))) {
    touch(entry, now);
    return drop(skb, generation, packet, CONNECTION_CUT);
  }
  touch(entry, now);
  if (packet->flow.protocol == TCP && packet->flags & (FIN | RST))
    entry->flags |= CLOSING;
  answered(entry);
  return remember(packet, out, now);
}

/*
 * Whether an entry the other way round doesn't speak of this packet: a new TCP connection takes the place of what is
 * over, what was refused from the start has no replies but the refusal, and what has ended speaks while it is denied.
 * What is no answer is decided as what it is, beside the connection, which goes on.
 */
static __always_inline int over(__u32 generation, const struct packet *packet, const struct flow *key,
                                struct connection *entry) {
  if (entry->flags & UNBORN)
    return !(packet->flow.protocol == TCP && packet->flags & RST);
  if (entry->ended) {
    standing(generation, key, entry);
    if (entry->state == LIVE) {
      bpf_map_delete_elem(&connections, key);
      return 1;
    }
  }
  if (packet->flow.protocol != TCP || !begins(packet) || (entry->state == LIVE && !(entry->flags & CLOSING)))
    return entry->state == LIVE && !answers(packet, entry->flags & ANSWERED);
  bpf_map_delete_elem(&connections, key);
  return 1;
}

/* The entry that an ICMP error is about. */
static __always_inline struct connection *concerned(const struct packet *packet, struct flow *key, __u64 now) {
  *key = packet->inner;
  struct connection *entry = entry_of(key, now);
  if (entry)
    return entry;
  turned(key, &packet->inner);
  return entry_of(key, now);
}

/* Whether it was decided under this very policy, and nothing that a decision depends on is other than it was. */
static __always_inline int is_settled(const struct connection *entry, __u32 generation, __u32 lane,
                                      const struct tracked *tracked) {
  return entry->generation == generation && entry->state == LIVE && entry->lane == lane && !tracked->moved &&
         !entry->ended && !(entry->flags & (TRANSLATED | UNBORN));
}

/* One more packet of who began it. */
static __always_inline int going_on(struct connection *entry, const struct packet *packet, __u8 out, __u64 now) {
  if (packet->flow.protocol == TCP && packet->flags & (FIN | RST))
    entry->flags |= CLOSING;
  touch(entry, now);
  return remember(packet, out, now);
}

/* What doesn't fit on the stack. Programs of one processor don't interrupt each other here. */
struct scratch {
  struct packet packet;
  struct tracked tracked;
  struct flow key, flow;
  struct decision decision;
  struct connection entry;
};

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct scratch);
} scratches SEC(".maps");

/*
 * An original packet: decided, and its entry made or changed. `entry`: what there is under its flow. `from` and `to`: the
 * containers at its ends, as far as its lane has any.
 */
static __always_inline int originating(struct __sk_buff *skb, __u32 generation, __u32 lane, struct packet *packet,
                                       const struct flow *flow, const struct tracked *tracked,
                                       struct connection *entry, const struct own *from, const struct own *to,
                                       struct scratch *scratch, __u8 out, __u64 now) {
  struct decision *decision = &scratch->decision;
  __builtin_memset(decision, 0, sizeof(*decision));
  decision->translated = tracked->translated;
  decision->asked = tracked->original.destination_port;
  decision->known = 1;
  copy_own(&decision->from, from);
  copy_own(&decision->to, to);
  if (entry && entry->flags & UNBORN)
    entry = 0;
  /* Where its addresses are tied to the devices that it comes by and goes to. */
  __u32 sender = from && to && !tracked->moved ? skb->ingress_ifindex : 0;
  int settled = entry && is_settled(entry, generation, lane, tracked);
  decision->verb = settled ? ALLOW : decide(generation, lane, flow, &tracked->original.destination, decision);
  if (decision->verb == ALLOW) {
    if (entry && entry->ended && !begins(packet))
      return drop(skb, generation, packet, CONNECTION_CUT);
    if (entry && !entry->ended && !(begins(packet) && entry->flags & CLOSING)) {
      entry->generation = generation;
      entry->state = LIVE;
      entry->lane = lane;
      entry->sender = sender;
      entry->receiver = skb->ifindex;
      return going_on(entry, packet, out, now);
    }
    if (!begins(packet))
      return drop(skb, generation, packet, IN_THE_MIDDLE);
    note(&scratch->entry, generation, lane, LIVE, 0, &packet->flow, &flow->source, tracked, decision->published, sender,
         skb->ifindex, now);
    count(skb, generation, packet, decision, lane);
    return remember(packet, out, now);
  }
  count(skb, generation, packet, decision, lane);
  int verdict = denied();
  if (verdict == PASS)
    return verdict;
  if (decision->verb == REJECT) {
    if (entry && entry->ended) {
      entry->generation = generation;
      entry->state = REFUSED;
      touch(entry, now);
    } else {
      note(&scratch->entry, generation, lane, REFUSED, entry ? 0 : UNBORN, &packet->flow, &flow->source, tracked,
           decision->published, 0, 0, now);
    }
    return answer(skb, packet, out ? BPF_F_INGRESS : 0);
  }
  if (entry) {
    entry->state = CUT;
    entry->generation = generation;
  }
  return verdict;
}

/* Whether what is sent there is never forwarded: neighbour discovery is with the gateway alone. */
static __always_inline int stays(struct __sk_buff *skb, const struct packet *packet) {
  __u32 first = packet->flow.destination.word[0];
  return (first & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000) || is_here(skb, packet);
}

static __always_inline int family_of(struct __sk_buff *skb) {
  if (skb->vlan_present)
    return 0;
  return skb->protocol == bpf_htons(0x0800) ? 4 : skb->protocol == bpf_htons(0x86dd) ? 6 : 0;
}

/* Where a pair of these ends is remembered, whichever device they come by. */
static __always_inline struct pair *pair_of(const struct flow *flow) {
  __u32 place = mixed(&flow->source, &flow->destination) / (0x100000000ULL / PAIRS);
  return bpf_map_lookup_elem(&pairs, &place);
}

static __always_inline int is_pair(const struct pair *pair, __u32 generation, __u32 device, const struct flow *flow) {
  return pair && generation && pair->generation == generation && pair->device == device &&
         same_address(&pair->destination, &flow->destination) && same_address(&pair->source, &flow->source);
}

SEC("tc")
int from_container(struct __sk_buff *skb) {
  struct ether ether;
  __u32 zero = 0, *active_now = bpf_map_lookup_elem(&active, &zero);
  struct scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);
  if (!scratch)
    return 2;
  struct packet *packet = &scratch->packet;
  struct flow *key = &scratch->key;
  __u32 generation = active_now ? *active_now : 0;
  /* Read once: clang would keep its address otherwise, which the verifier refuses. */
  __u32 index = *(volatile __u32 *)&skb->ifindex;
  int family = LOAD(skb, 0, &ether) && ether.type == skb->protocol ? family_of(skb) : 0;
  struct pair *pair;
  if (family == 4 && is_usual(skb, packet)) {
    pair = pair_of(&packet->flow);
    if (is_pair(pair, generation, index, &packet->flow) && same_mac(pair->mac, ether.source))
      return PASS;
  }
  __builtin_memset(packet, 0, sizeof(*packet));
  int parsed = family ? parse(skb, family == 6, packet) : BAD;
  pair = pair_of(&packet->flow);
  if (parsed == GOOD && is_pair(pair, generation, index, &packet->flow) && same_mac(pair->mac, ether.source) &&
      !packet->error && packet->flow.protocol != ICMPV6 && !packet->first)
    return PASS;
  __u64 now = bpf_ktime_get_coarse_ns();
  struct device *device = generation ? device_of(generation, index) : 0;
  if (!device)
    return drop(skb, generation, packet, NO_POLICY);
  if (!same_mac(ether.source, device->mac))
    return drop(skb, generation, packet, SPOOFED);
  if (skb->protocol == bpf_htons(0x0806) && !skb->vlan_present)
    return honest(skb, generation, device) ? PASS : drop(skb, generation, packet, SPOOFED);
  if (!family)
    return drop(skb, generation, packet, NOT_IP);
  if (parsed == BAD)
    return drop(skb, generation, packet, MALFORMED);

  struct own *own = own_of(generation, &packet->flow.source);
  if (!own || own->container != device->container) {
    __u32 *source = packet->flow.source.word;
    int nobody = packet->v6 && (source[0] | source[1] | source[2] | source[3]) == 0;
    /* Duplicate address detection. */
    if (nobody && parsed == GOOD && packet->flow.protocol == ICMPV6 && packet->type == 135)
      return PASS;
    return drop(skb, generation, packet, SPOOFED);
  }
  if (!packet->v6 && (packet->flow.destination.word[3] & 0xff) == 127)
    return drop(skb, generation, packet, LOOPBACK);
  if (parsed == LATER_FRAGMENT)
    return recall(packet, 0, now) ? PASS : drop(skb, generation, packet, UNDECIDABLE_FRAGMENT);
  if (packet->flow.protocol == ICMPV6 && (packet->type == 135 || packet->type == 136) && stays(skb, packet))
    return PASS;

  if (packet->error) {
    struct own *about = own_of(generation, &packet->inner.destination);
    struct connection *entry = about && about->container == device->container ? concerned(packet, key, now) : 0;
    /* An error goes to who sent what it is about, and to nobody else. */
    if (!entry || !same_address(&packet->flow.destination, &packet->inner.source) ||
        standing(generation, key, entry) == CUT)
      return drop(skb, generation, packet, FOREIGN_ERROR);
    return PASS;
  }
  /* Between containers the receiver's device decides, after translation. */
  if (own_of(generation, &packet->flow.destination)) {
    if (pair) {
      pair->generation = generation;
      pair->device = index;
      __builtin_memcpy(pair->mac, device->mac, 6);
      pair->source = packet->flow.source;
      pair->destination = packet->flow.destination;
      pair->receiver = 0;
    }
    return remember(packet, 0, now);
  }
  __builtin_memset(&scratch->tracked, 0, sizeof(scratch->tracked));
  turned(key, &packet->flow);
  struct connection *entry = entry_of(key, now);
  if (entry && !over(generation, packet, key, entry))
    return replying(skb, generation, packet, key, entry, 0, now);
  __u32 lane = CW;
  if (is_here(skb, packet)) {
    /* Will be translated; what isn't after all, as a subnet's broadcast, ends at the table of translations. */
    if (packet->has_ports && !is_many(packet) &&
        published_at(generation, &packet->flow.destination, packet->flow.protocol, packet->flow.destination_port))
      return remember(packet, 0, now);
    lane = CH;
  }
  return originating(skb, generation, lane, packet, &packet->flow, &scratch->tracked, entry_of(&packet->flow, now), own, 0,
                     scratch, 0, now);
}

static __always_inline int is_redirect(const struct packet *packet) {
  return (packet->flow.protocol == ICMP && packet->type == 5) || (packet->flow.protocol == ICMPV6 && packet->type == 137);
}

/*
 * Whether it is of a connection between containers that was decided under this very policy, and whose packets have come
 * and gone by these very devices: most packets are of such a one. `entry`: what is found the way that connection tracking
 * says the packet goes; beside an entry of that way there is none of the other, but for a refusal.
 */
static __always_inline int goes_along(const struct connection *entry, __u32 generation, const struct packet *packet,
                                      const struct tracked *tracked, __u32 from, __u32 to) {
  if (!entry || !is_settled(entry, generation, CC, tracked) || (begins(packet) && entry->flags & CLOSING) ||
      (tracked->reply && !answers(packet, entry->flags & ANSWERED)))
    return 0;
  return entry->sender == (tracked->reply ? to : from) && entry->receiver == (tracked->reply ? from : to);
}

/* One more packet of a connection that it goes along, of either end. */
static __always_inline int goes_on(struct connection *entry, const struct packet *packet, const struct tracked *tracked,
                                   __u64 now) {
  if (tracked->reply)
    answered(entry);
  return going_on(entry, packet, 1, now);
}

/* What is found the way that connection tracking says it goes. */
static __always_inline struct connection *entry_along(const struct packet *packet, const struct tracked *tracked,
                                                      struct flow *key, __u64 now) {
  if (!tracked->reply)
    return entry_of(&packet->flow, now);
  turned(key, &packet->flow);
  return entry_of(key, now);
}

/* The ends of a packet that has come to a container's device, and the entry of a connection that it replies to. */
struct ends {
  __u32 lane;
  struct own *from, *to; /* from: where it is a container */
  struct connection *entry;
};

#define DECIDE (-2)

/* A verdict, or DECIDE and its ends. */
static __always_inline int look_up(struct __sk_buff *skb, __u32 generation, struct packet *packet, int family, int parsed,
                                   __u32 from, struct tracked *tracked, struct flow *key, struct flow *flow, __u64 now,
                                   struct ends *ends) {
  struct device *device = generation ? device_of(generation, skb->ifindex) : 0;
  if (!device)
    return drop(skb, generation, packet, NO_POLICY);
  if (skb->protocol == bpf_htons(0x0806) && from == 0)
    return PASS;
  if (!family)
    return drop(skb, generation, packet, NOT_IP);
  if (parsed == BAD)
    return drop(skb, generation, packet, MALFORMED);
  struct own *own = own_of(generation, &packet->flow.destination);
  if (!own || own->container != device->container) {
    __u32 first = packet->v6 ? packet->flow.destination.word[0] & 0xff : packet->flow.destination.word[3] & 0xff;
    int many = packet->v6 ? first == 0xff : first >= 0xe0;
    /* What the host itself says to all. */
    return many && from == 0 ? PASS : drop(skb, generation, packet, DETOUR);
  }
  if (parsed == LATER_FRAGMENT)
    return recall(packet, 1, now) ? PASS : drop(skb, generation, packet, UNDECIDABLE_FRAGMENT);
  if (packet->flow.protocol == ICMPV6 && (packet->type == 135 || packet->type == 136) && from == 0)
    return PASS;
  /* All ways lead through the gateway. */
  if (is_redirect(packet))
    return drop(skb, generation, packet, DETOUR);

  struct device *sender = from ? device_of(generation, from) : 0;
  /*
   * IPv6 that the kernel has put together and fragments anew may lose the device that it came by, and looks as if this
   * host sent it, but for the socket. The guard of the table of translations has seen to its source.
   */
  int anew = !from && packet->parted && !skb->sk;
  __u32 lane = anew ? WC : !from ? HC : sender ? CC : WC;
  struct connection *entry;
  if (packet->error) {
    entry = concerned(packet, key, now);
  } else {
    turned(key, &packet->flow);
    entry = entry_of(key, now);
  }
  if (!entry && tracked->translated && (packet->error || tracked->reply)) {
    /* As the published container sees it. */
    tracked->answer.protocol = packet->error ? packet->inner.protocol : packet->flow.protocol;
    turned(key, &tracked->answer);
    entry = entry_of(key, now);
  }

  *flow = packet->flow;
  if (tracked->moved && !tracked->reply && !packet->error)
    flow->source = tracked->original.source;
  struct own *source = own_of(generation, &flow->source);
  if (anew && source)
    lane = CC;
  int refused = entry && entry->state == REFUSED && (packet->error || packet->flags & RST);
  /* A container's address comes from its own devices only. */
  if (source && !anew && (!sender || sender->container != source->container))
    if (!refused)
      return drop(skb, generation, packet, SPOOFED);

  if (packet->error) {
    int senders = same_address(&packet->flow.destination, &packet->inner.source);
    /* This host couldn't forward it: no receiver's device has seen it, so there may be no entry. */
    if (lane == HC && senders)
      return PASS;
    if (!entry || !senders || standing(generation, key, entry) == CUT)
      return drop(skb, generation, packet, FOREIGN_ERROR);
    if (lane == WC && own_of(generation, &key->source) && own_of(generation, &key->destination))
      return drop(skb, generation, packet, FOREIGN_ERROR);
    return PASS;
  }
  ends->lane = lane;
  ends->from = source;
  ends->to = own;
  ends->entry = entry;
  return DECIDE;
}

SEC("tc")
int to_container(struct __sk_buff *skb) {
  __u32 zero = 0, *active_now = bpf_map_lookup_elem(&active, &zero);
  struct scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);
  if (!scratch)
    return 2;
  struct packet *packet = &scratch->packet;
  struct tracked *tracked = &scratch->tracked;
  struct flow *key = &scratch->key, *flow = &scratch->flow;
  __u32 generation = active_now ? *active_now : 0;
  __u64 now = bpf_ktime_get_coarse_ns();
  __u32 from = skb->ingress_ifindex;
  int family = family_of(skb);
  struct nf_conn *connection = tracking(skb, tracked);
  struct connection *found = 0;
  int usual = is_usual(skb, packet);
  if (usual) {
    found = entry_along(packet, tracked, key, now);
    /* Whether a connection is translated was seen to when it began, and datagrams may all begin one. */
    if (begins(packet))
      track(connection, tracked, 0);
    if (found && from && goes_along(found, generation, packet, tracked, from, skb->ifindex))
      return goes_on(found, packet, tracked, now);
  }
  __builtin_memset(packet, 0, sizeof(*packet));
  int parsed = family ? parse(skb, family == 6, packet) : BAD;
  track(connection, tracked, packet->v6);
  if (!usual && parsed == GOOD) {
    found = entry_along(packet, tracked, key, now);
    if (found && from && !packet->error && !is_redirect(packet) &&
        goes_along(found, generation, packet, tracked, from, skb->ifindex))
      return goes_on(found, packet, tracked, now);
  }
  struct ends ends;
  struct pair *pair = pair_of(&packet->flow);
  int direct = parsed == GOOD && from && !packet->error && !is_redirect(packet) && !tracked->moved &&
               is_pair(pair, generation, from, &packet->flow);
  if (direct && pair->receiver == skb->ifindex) {
    turned(key, &packet->flow);
    *flow = packet->flow;
    ends.lane = CC;
    ends.from = &pair->from;
    ends.to = &pair->to;
    ends.entry = entry_of(key, now);
  } else {
    int verdict = look_up(skb, generation, packet, family, parsed, from, tracked, key, flow, now, &ends);
    if (verdict != DECIDE)
      return verdict;
    if (direct && ends.lane == CC && ends.from) {
      pair->from = *ends.from;
      pair->to = *ends.to;
      pair->receiver = skb->ifindex;
    }
  }
  if (ends.entry && !over(generation, packet, key, ends.entry))
    return replying(skb, generation, packet, key, ends.entry, 1, now);
  /* What a container sends under an address that isn't its own is nobody's reply any more. */
  if (ends.lane == CC && !ends.from)
    return drop(skb, generation, packet, IN_THE_MIDDLE);
  if (ends.lane == WC && tracked->translated && packet->v6 && is_local6(skb, &flow->source))
    return drop(skb, generation, packet, SPOOFED);
  struct connection *entry = tracked->reply ? entry_of(&packet->flow, now) : found;
  return originating(skb, generation, ends.lane, packet, flow, tracked, entry, ends.lane == CC ? ends.from : 0, ends.to,
                     scratch, 1, now);
}

struct ending {
  __u32 generation, live;
  __u64 now;
};

static int forget(void *map, const __u32 *key, __u32 *any, void *nothing) {
  *(volatile __u32 *)any = 0;
  return 0;
}

static int end_one(void *map, const struct flow *key, struct connection *entry, struct ending *ending) {
  /* A function takes what it could write to, and a key isn't. */
  struct flow flow = *key;
  if (entry->flags & UNBORN || is_past(&flow, entry, ending->now))
    return 0;
  if (standing(ending->generation, &flow, entry) != LIVE) {
    entry->ended = 1;
    return 0;
  }
  may_be(&entry->source, &flow.destination);
  ending->live++;
  return 0;
}

/*
 * Never on a device: who has put a policy in force that can deny what the one before allowed runs it once it is there to
 * stay. How many connections are left.
 */
SEC("tc")
int end_denied(struct __sk_buff *skb) {
  __u32 zero = 0, *active_now = bpf_map_lookup_elem(&active, &zero);
  struct ending ending = {.generation = active_now ? *active_now : 0, .now = bpf_ktime_get_coarse_ns()};
  /* First: what begins during the walk says so again. */
  bpf_for_each_map_elem(&noted, forget, 0, 0);
  bpf_for_each_map_elem(&connections, end_one, &ending, 0);
  return ending.live;
}

/* Never on a device: an apply asks it whether the programs recognise this host's addresses. 1: they do. */
SEC("tc")
int is_known(struct __sk_buff *skb) {
  struct v6 header;
  if (bpf_skb_load_bytes(skb, ETHER, &header, sizeof(header)) < 0)
    return 0;
  return is_local6(skb, &header.destination);
}
