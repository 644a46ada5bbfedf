/** The packets that boxes.ts runs: all from one zone, of one family and protocol. And what a key loads of them. */
import { type Family } from "../../net/address.js";
import { indexSet, type IndexSet } from "../../net/index-set.js";
import { PORTED } from "../../net/ports.js";
import type { Zone } from "../../ir/policy.js";
import type { Key } from "./ruleset.js";

export type Value = number | bigint;

export interface SourceEnd {
  readonly value: Value;
  /** Where its packets enter; undefined for this host's own. */
  readonly device: string | undefined;
  readonly mac: string;
}

export interface DestinationEnd {
  readonly value: Value;
  readonly zone: Zone;
  /** Where its packets leave, where that is known; the policies' own rules never ask. */
  readonly device?: string;
}

/** What a key is, seen from a box: of the source, of the destination, the port before translation, or one value. */
export type Role =
  | { readonly kind: "source" | "destination"; readonly values: readonly (Value | string)[] }
  | { readonly kind: "port" }
  /** `value` undefined: packets like these don't have it. */
  | { readonly kind: "constant"; readonly value: Value | string | undefined };

export class Universe {
  static readonly EMPTY = new Universe(4, 6, "container", [], []);
  readonly family: Family;
  readonly protocol: number;
  readonly entry: Zone;
  readonly sources: readonly SourceEnd[];
  readonly destinations: readonly DestinationEnd[];
  readonly ported: boolean;
  /** Destinations on this host. */
  readonly local: IndexSet;
  readonly roles = new Map<string, Role>();
  /** Addresses of this host among the destinations. */
  readonly hosts: ReadonlySet<Value>;
  /** By the address of a destination. */
  readonly deviceOf: ReadonlyMap<Value, string | undefined>;

  constructor(
    family: Family,
    protocol: number,
    entry: Zone,
    sources: readonly SourceEnd[],
    destinations: readonly DestinationEnd[],
  ) {
    this.family = family;
    this.protocol = protocol;
    this.entry = entry;
    this.sources = sources;
    this.destinations = destinations;
    this.ported = PORTED.includes(protocol);
    const here = destinations.flatMap(({ zone }, i) => (zone === "host" ? [i] : []));
    this.local = indexSet(here);
    this.hosts = new Set(here.map((i) => destinations[i]?.value as Value));
    this.deviceOf = new Map(destinations.map(({ value, device }) => [value, device]));
  }
}

/** Of every frame that has ports: no rule of a policy speaks of source ports. */
const SOURCE_PORT = 40000;

const constant = (value: Value | string | undefined): Role => ({ kind: "constant", value });

/** As `loadOne` of interpret.ts. `target`: where the packets were translated to. */
export function keyRoles(
  universe: Universe,
  key: Key,
  target: { readonly address: Value; readonly port: number | undefined } | undefined,
): Role {
  if (target !== undefined) {
    if (key === "ip daddr" || key === "ip6 daddr")
      return constant((key === "ip daddr") === (universe.family === 4) ? target.address : undefined);
    if (key === "th dport" && target.port !== undefined) return constant(target.port);
    if (key === "ct status") return constant("dnat");
    if (key === "fib daddr type") return constant(universe.hosts.has(target.address) ? "local" : "unicast");
    if (key === "oifname") return constant(universe.deviceOf.get(target.address) ?? "");
  }
  let role = universe.roles.get(key);
  if (role === undefined) universe.roles.set(key, (role = roleOf(universe, key)));
  return role;
}

function roleOf(universe: Universe, key: Key): Role {
  const { family, protocol, ported, sources, destinations, entry } = universe;
  const wanted =
    key.includes("ip6 ") || key.startsWith("icmpv6") ? 6 : key.includes("ip ") || key === "icmp type" ? 4 : undefined;
  if (wanted !== undefined && wanted !== family) return constant(undefined);
  switch (key) {
    case "iifname":
      return { kind: "source", values: sources.map(({ device }) => device ?? "") };
    case "ether saddr":
      return { kind: "source", values: sources.map(({ mac }) => mac) };
    case "ip saddr":
    case "ip6 saddr":
    case "ct original ip saddr":
    case "ct original ip6 saddr":
      return { kind: "source", values: sources.map(({ value }) => value) };
    case "ip daddr":
    case "ip6 daddr":
    case "ct original ip daddr":
    case "ct original ip6 daddr":
      return { kind: "destination", values: destinations.map(({ value }) => value) };
    case "fib daddr type":
      return { kind: "destination", values: destinations.map(({ zone }) => (zone === "host" ? "local" : "unicast")) };
    case "th dport":
    case "ct original proto-dst":
      return ported ? { kind: "port" } : constant(undefined);
    case "th sport":
      return constant(ported ? SOURCE_PORT : undefined);
    case "oifname":
      return { kind: "destination", values: destinations.map(({ device }) => device ?? "") };
    case "meta nfproto":
      return constant(family === 4 ? "ipv4" : "ipv6");
    case "meta l4proto":
      return constant(protocol);
    case "icmp type":
      return constant(protocol === 1 ? "echo-request" : undefined);
    case "icmpv6 type":
      return constant(protocol === 58 ? "echo-request" : undefined);
    case "ct state":
      return constant("new");
    case "ct direction":
      return constant("original");
    case "ct status":
      return constant("none");
    case "fib saddr type":
      return constant(entry === "host" ? "local" : "unicast");
    default:
      throw new Error(`the interpreter doesn't know the key '${key}'`);
  }
}
