/*
 * What the policy says of a packet: the order of deny and what a publish leaves out, reject, internal networks, publishes,
 * allow and the defaults.
 */
#pragma once
#include "packet.h"

enum verb { ALLOW, DENY, REJECT };

struct decision {
  __u32 statement; /* 0: a default */
  __u8 verb, translated; /* whether the packet was translated, by whomever */
  __u8 published;        /* by one of ours, which the policy still has */
  __u8 known;            /* whether the ends have been looked up: */
  __be16 asked;          /* the port, before it was translated */
  struct own from, to;   /* nobody's for what isn't a container */
};

static __always_inline void copy_own(struct own *to, const struct own *found) {
  if (!found)
    return;
  *to = *found;
  to->there = 1;
}

static __always_inline void *map_of(void *slots, __u32 generation) {
  __u32 slot = generation & 1;
  return bpf_map_lookup_elem(slots, &slot);
}

static __always_inline struct own *own_of(__u32 generation, const struct addr *address) {
  void *map = map_of(&owns, generation);
  return map ? bpf_map_lookup_elem(map, address) : 0;
}

static __always_inline struct device *device_of(__u32 generation, __u32 index) {
  void *map = map_of(&devices, generation);
  return map ? bpf_map_lookup_elem(map, &index) : 0;
}

static __always_inline struct published *published_at(__u32 generation, const struct addr *host, __u8 protocol,
                                                      __be16 port) {
  void *map = map_of(&ways, generation);
  struct way way = {.host = *host, .port = port, .protocol = protocol};
  if (!map)
    return 0;
  struct published *found = bpf_map_lookup_elem(map, &way);
  if (found)
    return found;
  /* ::ffff:0.0.0.0 or ::, which nobody can ask for. */
  int v4 = host->word[0] == 0 && host->word[1] == 0 && host->word[2] == bpf_htonl(0xffff);
  __builtin_memset(&way.host, 0, sizeof(way.host));
  if (v4)
    way.host.word[2] = bpf_htonl(0xffff);
  return bpf_map_lookup_elem(map, &way);
}

static __always_inline void merge(struct verdict *into, const struct verdict *found) {
  if (!found)
    return;
  if (!into->deny)
    into->deny = found->deny;
  if (!into->reject)
    into->reject = found->reject;
  if (!into->allow)
    into->allow = found->allow;
}

static __always_inline int in_class(__u32 generation, __u32 class, const struct addr *address, __u32 *profile) {
  void *map = map_of(&fars, generation);
  struct far key = {.length = 160, .class = class, .address = *address};
  __u32 *found = map ? bpf_map_lookup_elem(map, &key) : 0;
  if (!found)
    return 0;
  *profile = *found;
  return 1;
}

static __always_inline void speaking(__u32 generation, __u32 lane, const struct flow *flow, struct verdict *out) {
  void *map = map_of(&exacts, generation);
  __u32 slot = generation & 1, *bits = bpf_map_lookup_elem(&kinds, &slot), has = bits ? *bits : ~0U;
  if (map) {
    struct exact key = {.source = flow->source, .destination = flow->destination};
    if (has & 1 << EVERYTHING)
      merge(out, bpf_map_lookup_elem(map, &key));
    key.protocol = flow->protocol;
    key.exactness = PROTOCOL;
    if (has & 1 << PROTOCOL)
      merge(out, bpf_map_lookup_elem(map, &key));
    if (has & 1 << PORT && is_ported(flow->protocol)) {
      key.exactness = PORT;
      key.port = flow->destination_port;
      merge(out, bpf_map_lookup_elem(map, &key));
    }
  }
  if (!(has & 1 << NEARS << (lane & 7)))
    return;
  map = map_of(&nears, generation);
  int from_near = lane == CC || lane == CW || lane == CH;
  struct near near = {.address = from_near ? flow->source : flow->destination, .lane = lane};
  __u32 *class = map ? bpf_map_lookup_elem(map, &near) : 0;
  __u32 profile = 0;
  if (!class || !in_class(generation, *class, from_near ? &flow->destination : &flow->source, &profile))
    return;
  struct ports ports = {.length = is_ported(flow->protocol) ? 56 : 40, .profile = profile, .protocol = flow->protocol};
  if (is_ported(flow->protocol))
    __builtin_memcpy(ports.port, &flow->destination_port, 2);
  map = map_of(&profiles, generation);
  if (map)
    merge(out, bpf_map_lookup_elem(map, &ports));
}

/*
 * A global function: the verifier looks at it once, and not on every way that leads to it.
 * `flow`: from the sender's own address to the receiver's; `host`: what was asked where it was translated.
 */
__noinline int decide(__u32 generation, __u32 lane, const struct flow *flow, const struct addr *host,
                      struct decision *out) {
  struct verdict verdict = {};
  if (!flow || !host || !out)
    return DENY;
  speaking(generation, lane, flow, &verdict);
  out->statement = verdict.deny;
  if (verdict.deny)
    return DENY;
  if (!out->known) {
    copy_own(&out->from, lane == WC || lane == HC ? 0 : own_of(generation, &flow->source));
    copy_own(&out->to, lane == CW || lane == CH ? 0 : own_of(generation, &flow->destination));
  }
  const struct own *from = &out->from, *to = &out->to;
  struct published *via = 0;
  if (out->translated && to->there) {
    via = published_at(generation, host, flow->protocol, out->asked);
    if (via && via->to != flow->destination_port)
      via = 0;
    if (via) {
      void *map = map_of(&goals, generation);
      struct goal goal = {.goal = via->goal, .address = flow->destination};
      if (!map || !bpf_map_lookup_elem(map, &goal))
        via = 0;
    }
  }
  if (via) {
    __u32 class = via->sources[lane == CC ? 0 : lane == HC ? 1 : 2], profile;
    if (class && !in_class(generation, class, &flow->source, &profile)) {
      out->statement = via->statement;
      out->published = 1;
      return DENY;
    }
  }
  out->statement = verdict.reject;
  if (verdict.reject)
    return REJECT;
  if (from->confined && (!to->there || via))
    return DENY;
  if (lane == WC && (!to->there || to->inside))
    return DENY;
  if (via) {
    out->statement = via->statement;
    out->published = 1;
    return ALLOW;
  }
  out->statement = verdict.allow;
  if (verdict.allow)
    return ALLOW;
  if (lane != CC)
    return lane == WC ? DENY : ALLOW;
  if (!from->there || !to->there || !to->icc)
    return DENY;
  void *map = map_of(&members, generation);
  struct member member = {.container = from->container, .network = to->network};
  return map && bpf_map_lookup_elem(map, &member) ? ALLOW : DENY;
}
