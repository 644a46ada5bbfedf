/* What the programs look up. A policy's maps exist twice, in slots: one is in force, the other is being filled. */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "keys and values of the maps are written for little-endian machines"
#endif

/* An address; IPv4 as ::ffff:a.b.c.d, so that one hash serves both families. Network order. */
struct addr {
  __u32 word[4];
};

enum lane { CC, CW, CH, WC, HC };

/* Numbers of the statements that speak; 0: none. */
struct verdict {
  __u32 deny, reject, allow;
};

struct device {
  __u32 container;
  __u8 mac[6];
  __u16 pad;
};

struct own {
  __u32 container, network;
  __u8 icc, confined, inside;
  __u8 there; /* in a copy: whether there was one */
};

struct member {
  __u32 container, network;
};

enum exactness { EVERYTHING, PROTOCOL, PORT };

struct exact {
  struct addr source, destination;
  __u8 protocol, exactness;
  __be16 port;
};

struct near {
  struct addr address;
  __u32 lane;
};

struct far {
  __u32 length;
  __u32 class;
  struct addr address;
};

struct ports {
  __u32 length;
  __u32 profile;
  __u8 protocol, port[2], pad;
};

struct way {
  struct addr host; /* without its family's bits: any */
  __be16 port;
  __u8 protocol, pad;
};

struct goal {
  __u32 goal;
  struct addr address;
};

struct published {
  __u32 statement, goal;
  __u32 sources[3]; /* container, host, world */
  __be16 to;
  __u16 pad;
};

struct statement {
  __u64 packets;
  __u64 next;     /* when the log may speak again, ns */
  __u64 interval; /* between two log entries; 0: as many as there are */
  __u64 logs;
};

#define SLOTS(name, map_type, flags, key_type, value_type)                                                             \
  struct name##_map {                                                                                                  \
    __uint(type, map_type);                                                                                            \
    __uint(map_flags, flags);                                                                                          \
    __uint(max_entries, 1);                                                                                            \
    __uint(key_size, sizeof(key_type));                                                                                \
    __uint(value_size, sizeof(value_type));                                                                            \
  };                                                                                                                   \
  struct {                                                                                                             \
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                                                                          \
    __uint(max_entries, 2);                                                                                            \
    __type(key, __u32);                                                                                                \
    __array(values, struct name##_map);                                                                                \
  } name##s SEC(".maps")

SLOTS(device, BPF_MAP_TYPE_HASH, 0, __u32, struct device);
SLOTS(own, BPF_MAP_TYPE_HASH, 0, struct addr, struct own);
SLOTS(member, BPF_MAP_TYPE_HASH, 0, struct member, __u32);
SLOTS(exact, BPF_MAP_TYPE_HASH, 0, struct exact, struct verdict);
SLOTS(near, BPF_MAP_TYPE_HASH, 0, struct near, __u32);
SLOTS(far, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, struct far, __u32);
SLOTS(profile, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, struct ports, struct verdict);
SLOTS(way, BPF_MAP_TYPE_HASH, 0, struct way, struct published);
SLOTS(goal, BPF_MAP_TYPE_HASH, 0, struct goal, __u32);
SLOTS(statement, BPF_MAP_TYPE_ARRAY, BPF_F_INNER_MAP, __u32, struct statement);

/* The policy in force, by number; the slot is its last bit. 0: none yet, and nothing passes. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} active SEC(".maps");

/*
 * 1 while another backend carries the policy, too: everything is decided and noted as ever, and passes. So a connection is
 * known whichever of its two devices had its program first, or has it last.
 */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} watching SEC(".maps");

/*
 * Of each slot: which kinds of `exact` its policy has, a bit each, and from NEARS on the lanes that `near` has. A look-up
 * of what it hasn't finds nothing.
 */
#define NEARS 3
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, __u32);
} kinds SEC(".maps");

/* Of each slot: the number of the policy by whose plan its statements are numbered. Single edits move on from it. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, __u32);
} numbered SEC(".maps");

/* Connections, as the container at one end sees them: from who began it, to whom. */
struct flow {
  struct addr source, destination;
  __be16 source_port, destination_port;
  __u8 protocol, pad[3];
};

enum state { LIVE = 1, CUT, REFUSED };
enum {
  CLOSING = 1,
  TRANSLATED = 2,
  UNBORN = 4, /* refused from the start: no connection, only a way for the answer */
  ANSWERED = 8,
};

struct connection {
  __u32 generation;
  __u8 state, lane, flags;
  __u8 ended; /* denied by a policy that came into force: no later one brings it back */
  __u64 last; /* ns */
  struct addr source;    /* before the source was translated */
  struct addr host;      /* what a published port was asked at */
  __be16 host_port, pad2;
  /* Between containers: the devices that its packets come by and go to, where all that ties addresses to them held. */
  __u32 sender, receiver, pad3;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 65536);
  __type(key, struct flow);
  __type(value, struct connection);
} connections SEC(".maps");

/* Whether there may be a connection between two addresses, by a hash of them: 0 spares who denies these the walk. */
#define NOTED 4096
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, NOTED);
  __type(key, __u32);
  __type(value, __u32);
} noted SEC(".maps");

/* First fragments that passed: later ones have no ports. */
struct fragment {
  struct addr source, destination;
  __u32 id;
  __u8 protocol, out, pad[2];
};

struct fragment_ports {
  __u64 until;
  __be16 source_port, destination_port;
  __u32 pad;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct fragment);
  __type(value, struct fragment_ports);
} fragments SEC(".maps");

/*
 * Ends of packets between containers that were looked up last, of each processor: what a device may send as its own, and to
 * a container. They hold while the policy does.
 */
#define PAIRS 256
struct pair {
  __u32 generation, device;
  __u8 mac[6];
  __u16 pad;
  struct addr source, destination;
  __u32 receiver; /* the other container's device, once such a packet has come there; 0: none has */
  struct own from, to; /* from then on */
};

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, PAIRS);
  __type(key, __u32);
  __type(value, struct pair);
} pairs SEC(".maps");

enum reason {
  BY_STATEMENT,
  BY_DEFAULT,
  NO_POLICY,
  NOT_IP,
  MALFORMED,
  UNDECIDABLE_FRAGMENT,
  SPOOFED,
  LOOPBACK,
  IN_THE_MIDDLE,
  CONNECTION_CUT,
  FOREIGN_ERROR,
  DETOUR,
  REASONS
};

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, REASONS);
  __type(key, __u32);
  __type(value, __u64);
} drops SEC(".maps");

/* The last that was dropped, and the last that was logged. Rings that nobody need read: a BPF_MAP_TYPE_RINGBUF would
 * keep the oldest. */
#define EVENTS 1024
struct event {
  __u64 time;
  __u32 generation, statement, device;
  __u8 reason, lane, verb, protocol;
  struct addr source, destination;
  __be16 source_port, destination_port;
  __u32 pad;
};

#define RING(name)                                                                                                     \
  struct {                                                                                                             \
    __uint(type, BPF_MAP_TYPE_ARRAY);                                                                                  \
    __uint(max_entries, EVENTS);                                                                                       \
    __type(key, __u32);                                                                                                \
    __type(value, struct event);                                                                                       \
  } name SEC(".maps")

RING(dropped);
RING(logged);

/* How many events were ever written to each. */
enum ring { DROPPED, LOGGED, RINGS };
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, RINGS);
  __type(key, __u32);
  __type(value, __u64);
} written SEC(".maps");
