/*
 * Connections, as the container at one end sees them. Packets pass by their entry while the policy that it was decided
 * under is in force; an entry of another is decided anew, for either direction, and what was cut stays as an entry, or
 * its other side could begin it again, reversed. Where translation comes in, original packets are decided each time.
 * Once a policy that denies some is there to stay, they are ended (`end_denied`): a later one may let them begin again,
 * and doesn't bring them back.
 */
#pragma once
#include "decide.h"

#define SECOND 1000000000ULL

/* Those of nf_conntrack's defaults (nf_conntrack-sysctl); what it keeps for less is forgotten by it alone. */
static __always_inline __u64 lifetime(const struct flow *flow, const struct connection *entry) {
  if (entry->state != LIVE)
    return 120 * SECOND;
  int answered = entry->flags & ANSWERED;
  if (flow->protocol == TCP)
    return answered && !(entry->flags & CLOSING) ? 432000 * SECOND : 120 * SECOND;
  if (flow->protocol == UDP)
    return answered ? 120 * SECOND : 30 * SECOND;
  return flow->protocol == ICMP || flow->protocol == ICMPV6 ? 30 * SECOND : 180 * SECOND;
}

static __always_inline int is_past(const struct flow *flow, const struct connection *entry, __u64 now) {
  return now - entry->last > lifetime(flow, entry) && now > entry->last;
}

static __always_inline struct connection *entry_of(const struct flow *flow, __u64 now) {
  struct connection *entry = bpf_map_lookup_elem(&connections, flow);
  return entry && is_past(flow, entry, now) ? 0 : entry;
}

static __always_inline void touch(struct connection *entry, __u64 now) {
  /* A write for each packet would take the line from every other processor. */
  if (now - entry->last > SECOND)
    entry->last = now;
}

/* Under the policy in force: decided anew where that is another than the entry's. What has ended stands at most refused. */
__noinline int standing(__u32 generation, const struct flow *flow, struct connection *entry) {
  if (!flow || !entry)
    return CUT;
  if (entry->generation == generation || entry->flags & UNBORN)
    return entry->ended && entry->state == LIVE ? CUT : entry->state;
  struct flow original = *flow;
  struct decision decision = {.translated = entry->flags & TRANSLATED, .asked = entry->host_port};
  original.source = entry->source;
  decision.verb = decide(generation, entry->lane, &original, &entry->host, &decision);
  /* What came by a publish that is gone has lost its way, whatever the direct one is. */
  if (decision.translated && !decision.published && decision.verb == ALLOW)
    decision.verb = DENY;
  entry->state = decision.verb == ALLOW ? LIVE : decision.verb == REJECT ? REFUSED : CUT;
  entry->generation = generation;
  /* Addresses may belong to other devices under this policy. */
  entry->sender = entry->receiver = 0;
  return entry->ended && entry->state == LIVE ? CUT : entry->state;
}

static __always_inline int begins(const struct packet *packet) {
  if (packet->flow.protocol == TCP)
    return (packet->flags & (FIN | SYN | RST | ACK)) == SYN;
  if (packet->flow.protocol == ICMP)
    return packet->type == 8 || packet->type == 13 || packet->type == 15 || packet->type == 17;
  if (packet->flow.protocol == ICMPV6)
    return packet->type != 129 && packet->type != 137 && packet->type != 134;
  /* An association may go on over a second pair of addresses, which a heartbeat tries first. */
  if (packet->flow.protocol == SCTP)
    return packet->type == INIT || packet->type == HEARTBEAT;
  return 1;
}

/*
 * Whether the other end's packet can be an answer at all: of ICMP only what answers a request is, not a request with the
 * same id. `answered`: whether there was one already; two ends may begin one TCP connection at once (RFC 9293, 3.5).
 */
static __always_inline int answers(const struct packet *packet, int answered) {
  if (packet->flow.protocol == TCP)
    return !answered || !begins(packet);
  if (packet->flow.protocol == ICMP)
    return packet->type == 0 || packet->type == 14 || packet->type == 16 || packet->type == 18;
  if (packet->flow.protocol == ICMPV6)
    return packet->type == 129 || packet->type == 140;
  return 1;
}

/* Of two addresses; edits.ts works it out alike. */
static __always_inline __u32 mixed(const struct addr *source, const struct addr *destination) {
  return (source->word[3] ^ turn(destination->word[3], 16)) * 0x61C88647u;
}

static __always_inline void may_be(const struct addr *source, const struct addr *destination) {
  __u32 place = mixed(source, destination) / (0x100000000ULL / NOTED);
  __u32 *any = bpf_map_lookup_elem(&noted, &place);
  /* As with `touch`. */
  if (any && !*any)
    *any = 1;
}

/* `entry`: a place for it, since the stack has none. */
static __always_inline void note(struct connection *entry, __u32 generation, __u32 lane, __u8 state, __u8 flags,
                                 const struct flow *key, const struct addr *source, const struct tracked *tracked,
                                 __u8 translated, __u32 sender, __u32 receiver, __u64 now) {
  *entry = (struct connection){.generation = generation,
                               .state = state,
                               .lane = lane,
                               .flags = flags,
                               .last = now,
                               .source = *source,
                               .sender = sender,
                               .receiver = receiver};
  if (translated) {
    entry->flags |= TRANSLATED;
    entry->host = tracked->original.destination;
    entry->host_port = tracked->original.destination_port;
  }
  bpf_map_update_elem(&connections, key, entry, BPF_ANY);
  may_be(source, &key->destination);
}

static __always_inline void report(struct __sk_buff *skb, void *events, __u32 ring, __u32 generation,
                                   const struct packet *packet, __u8 reason, __u32 statement, __u8 lane, __u8 verb) {
  __u64 *count = bpf_map_lookup_elem(&written, &ring);
  if (!count)
    return;
  __u32 place = __sync_fetch_and_add(count, 1) % EVENTS;
  struct event *event = bpf_map_lookup_elem(events, &place);
  if (!event)
    return;
  event->time = bpf_ktime_get_ns();
  event->generation = generation;
  event->statement = statement;
  event->device = skb->ifindex;
  event->reason = reason;
  event->lane = lane;
  event->verb = verb;
  event->protocol = packet->flow.protocol;
  event->source = packet->flow.source;
  event->destination = packet->flow.destination;
  event->source_port = packet->flow.source_port;
  event->destination_port = packet->flow.destination_port;
}

#define PASS (-1) /* TCX_NEXT: others' programs, and then the host, have their say */

/* What a packet that isn't let through comes to. */
static __always_inline int denied(void) {
  __u32 zero = 0, *only = bpf_map_lookup_elem(&watching, &zero);
  return only && *only ? PASS : 2; /* TC_ACT_SHOT */
}

static __always_inline int drop(struct __sk_buff *skb, __u32 generation, const struct packet *packet, __u32 reason) {
  __u64 *count = bpf_map_lookup_elem(&drops, &reason);
  if (count)
    (*count)++;
  report(skb, &dropped, DROPPED, generation, packet, reason, 0, 0, DENY);
  return denied();
}

/* Counts for the statement that decided; a log of an allow is of the first packet. */
static __always_inline void count(struct __sk_buff *skb, __u32 generation, const struct packet *packet,
                                  const struct decision *decision, __u8 lane) {
  __u32 reason = decision->statement ? BY_STATEMENT : BY_DEFAULT, number = decision->statement;
  if (decision->verb != ALLOW) {
    __u64 *sum = bpf_map_lookup_elem(&drops, &reason);
    if (sum)
      (*sum)++;
  }
  void *map = map_of(&statements, generation);
  struct statement *statement = map && number ? bpf_map_lookup_elem(map, &number) : 0;
  if (decision->verb != ALLOW)
    report(skb, &dropped, DROPPED, generation, packet, reason, number, lane, decision->verb);
  if (!statement)
    return;
  __sync_fetch_and_add(&statement->packets, 1);
  if (!statement->logs)
    return;
  __u64 now = bpf_ktime_get_ns();
  if (now < statement->next)
    return;
  statement->next = now + statement->interval;
  report(skb, &logged, LOGGED, generation, packet, reason, number, lane, decision->verb);
}
