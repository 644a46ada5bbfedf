/**
 * A ruleset as a value: the part of nftables that tsnet uses, no more, so that printing, interpreting and reading back
 * can each be complete. Names of keys and statements are nft's own (nft(8)).
 */
import type { Origin } from "../../ir/policy.js";
import type { Tuples } from "../shape/tuples.js";

/** What an expression can load from a packet or its connection. */
export type Key =
  | "iifname"
  | "oifname"
  | "meta nfproto"
  | "meta l4proto"
  | "ether saddr"
  | "ip saddr"
  | "ip daddr"
  | "ip6 saddr"
  | "ip6 daddr"
  | "th sport"
  | "th dport"
  | "tcp flags"
  | "icmp type"
  | "icmpv6 type"
  | "arp saddr ether"
  | "arp saddr ip"
  | "ct state"
  | "ct direction"
  | "ct status"
  | "ct original proto-dst"
  | "ct original ip saddr"
  | "ct original ip daddr"
  | "ct original ip6 saddr"
  | "ct original ip6 daddr"
  | "ct reply ip saddr"
  | "ct reply ip6 saddr"
  | "fib daddr type"
  | "fib saddr type";

/** Types of set keys and map data. */
export type Type = "ifname" | "ether_addr" | "ipv4_addr" | "ipv6_addr" | "inet_proto" | "inet_service" | "mark";

/** Part of an element's key: an address as its integer, a port, a protocol number, or a name (device, MAC). */
export type Part = number | bigint | string | { readonly from: number | bigint; readonly to: number | bigint };

export type Target =
  { readonly verdict: "accept" | "drop" | "return" } | { readonly verdict: "jump" | "goto"; readonly chain: string };

export type Data = Target | number | bigint;

export interface Element {
  readonly key: readonly Part[];
  /** Of a map's element. */
  readonly data?: Data;
  /** Statements that it comes from; printed as a comment. */
  readonly from: readonly Origin[];
}

export interface Set {
  readonly name: string;
  readonly type: readonly Type[];
  /** Of a map: what its data is. Undefined: a plain set. */
  readonly data?: Type | "verdict";
  readonly interval: boolean;
  /** Elements are added and expire while the policy is live; the plan has none. */
  readonly timeout?: boolean;
  /** Rules add to it: each element counts packets. Such a set is `timeout` too, though its elements never expire. */
  readonly counts?: boolean;
  readonly elements: readonly Element[];
  /** The same as columns, of sets of single addresses and ports; `elements` is then made when somebody asks for it. */
  readonly tuples?: Tuples;
  readonly comment: string;
}

export type Expression =
  /** `key == value`, or `!=`; a CIDR as a range. Values of ct state and the like are nft's words. */
  | { readonly kind: "match"; readonly key: Key; readonly not?: boolean; readonly value: Part }
  /** The key is one of several values (an anonymous set). */
  | { readonly kind: "among"; readonly key: Key; readonly values: readonly Part[] }
  /** `tcp flags & mask != value`, flags as nft's words. */
  | {
      readonly kind: "flags";
      readonly mask: readonly string[];
      readonly not: boolean;
      readonly value: readonly string[];
    }
  | { readonly kind: "lookup"; readonly keys: readonly Key[]; readonly set: string; readonly not?: boolean }
  | { readonly kind: "vmap"; readonly keys: readonly Key[]; readonly map: string }
  /** Counts the packet in an element of a counting set, which is made for the first; `number` is the key's first part. */
  | { readonly kind: "count"; readonly number?: number; readonly keys: readonly Key[]; readonly set: string }
  | { readonly kind: "limit"; readonly count: number; readonly per: string }
  | { readonly kind: "log"; readonly prefix: string }
  | { readonly kind: "reject"; readonly with: "tcp reset" | "icmpx port-unreachable" }
  /** Translation to what maps give for the keys; `port` undefined keeps the packet's port. */
  | {
      readonly kind: "dnat";
      readonly family: 4 | 6;
      readonly keys: readonly Key[];
      readonly address: string;
      readonly port?: string;
    }
  /** Translation to one of several targets in turn. */
  | {
      readonly kind: "spread";
      readonly family: 4 | 6;
      readonly targets: readonly (number | bigint)[];
      readonly port?: number;
    }
  | { readonly kind: "snat"; readonly family: 4 | 6; readonly keys: readonly Key[]; readonly address: string }
  | { readonly kind: "masquerade" }
  | { readonly kind: "verdict"; readonly target: Target };

export interface Rule {
  readonly expressions: readonly Expression[];
  readonly comment?: string;
  readonly from: readonly Origin[];
}

export interface Hook {
  readonly type: "filter" | "nat";
  readonly hook: "prerouting" | "input" | "forward" | "output" | "postrouting";
  readonly priority: number;
}

export interface Chain {
  readonly name: string;
  readonly hook?: Hook;
  readonly rules: readonly Rule[];
}

export interface Table {
  readonly family: "inet" | "arp";
  readonly name: string;
  readonly sets: readonly Set[];
  readonly chains: readonly Chain[];
}

/** What one policy compiles to: its tables, each owned whole. */
export interface Ruleset {
  readonly policy: string;
  readonly tables: readonly Table[];
}

/** Whether a set's or map's keys are only single values, so that the kernel can hash them. */
export function isExact(elements: readonly Element[]): boolean {
  return elements.every((element) => element.key.every((part) => typeof part !== "object"));
}
