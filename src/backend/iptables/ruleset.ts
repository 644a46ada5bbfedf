/**
 * Rules of iptables as values: the part of it that tsnet uses, no more, so that printing, interpreting and reading back
 * can each be complete. Words are those of iptables-extensions(8).
 */
import type { Origin } from "../../ir/policy.js";
import type { Family } from "../../net/address.js";
import type { Prefix } from "../../net/prefix.js";

/** Ports from the first to the last. */
export type Run = readonly [number, number];

export type Match =
  | { readonly kind: "source" | "destination"; readonly prefix: Prefix; readonly not?: boolean }
  /** A name that ends in `+` stands for all that begin so. */
  | { readonly kind: "in" | "out"; readonly device: string }
  | { readonly kind: "protocol"; readonly protocol: number; readonly not?: boolean }
  /** Destination ports, behind the protocol that has them. */
  | { readonly kind: "port"; readonly protocol: number; readonly run: Run }
  | { readonly kind: "ports"; readonly protocol: number; readonly runs: readonly Run[] }
  /** Of the packet's connection; every part that is there holds. */
  | {
      readonly kind: "connection";
      readonly state?: "NEW" | "ESTABLISHED" | "RELATED" | "INVALID" | "DNAT";
      readonly direction?: "REPLY";
      readonly originalSource?: Prefix;
      readonly originalDestination?: Prefix;
      readonly replySource?: Prefix;
      readonly originalPort?: Run;
    }
  | { readonly kind: "mac"; readonly address: string }
  /** The address is one of this host's. */
  | { readonly kind: "local"; readonly side: "source" | "destination" }
  /** By its number, behind the family's ICMP. */
  | { readonly kind: "icmp type"; readonly type: number }
  /** A TCP packet that doesn't begin a connection. */
  | { readonly kind: "not beginning" }
  /** One packet of so many, in turn. */
  | { readonly kind: "nth"; readonly every: number }
  | { readonly kind: "limit"; readonly count: number; readonly per: "second" | "minute" | "hour" | "day" };

export type Target =
  | { readonly kind: "accept" | "drop" | "return" | "masquerade" }
  | { readonly kind: "jump" | "goto"; readonly chain: string }
  | { readonly kind: "reject"; readonly with: "tcp-reset" | "port-unreachable" }
  | { readonly kind: "log"; readonly prefix: string }
  /** `ports` undefined: as it was. `base`: the packet's port for which the first of them stands. */
  | { readonly kind: "dnat"; readonly address: number | bigint; readonly ports?: Run; readonly base?: number }
  | { readonly kind: "snat"; readonly address: number | bigint };

export interface Rule {
  readonly matches: readonly Match[];
  readonly target: Target;
  /** Statements that it comes from; printed as a comment. */
  readonly from: readonly Origin[];
  /** What it is for, where that is no statement's text. */
  readonly note?: string;
  /** It says itself what its statement says, and has no comment. */
  readonly plain?: boolean;
}

/** Rules as they are printed. */
export interface Printed {
  /** Without their chain's name, a line each; the last one's isn't ended. */
  readonly text: string;
  readonly count: number;
  /** The chains that they lead to, each with the number of rules that do. */
  readonly leads: ReadonlyMap<string, number>;
}

export interface Chain {
  readonly name: string;
  readonly rules: readonly Rule[];
  /** The rules as text.ts prints them, where they were printed already. */
  readonly printed?: Printed;
  /** The built-in chain whose first rule leads here. */
  readonly hook?: "PREROUTING" | "INPUT" | "FORWARD" | "OUTPUT" | "POSTROUTING";
  /** Its rules come and go while the policy is live; the plan has none. */
  readonly timed?: boolean;
}

export const TABLES = ["raw", "nat", "filter"] as const;
export type TableName = (typeof TABLES)[number];

export interface Table {
  readonly name: TableName;
  readonly chains: readonly Chain[];
}

/** What one policy compiles to in one family; no tables where it has no address of the family. */
export interface Rules {
  readonly family: Family;
  readonly tables: readonly Table[];
}

export interface Ruleset {
  readonly policy: string;
  /** IPv4, then IPv6. */
  readonly families: readonly [Rules, Rules];
}
