/** How keys, values and comments are written: common to nft's text and JSON. */
import type { Origin } from "../../ir/policy.js";
import { format4, format6 } from "../../net/address.js";
import { hashText } from "../../net/hash.js";
import { prefixLength } from "../../net/prefix.js";
import type { Element, Key, Set, Type } from "./ruleset.js";

const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [1, "icmp"],
  [6, "tcp"],
  [17, "udp"],
  [58, "ipv6-icmp"],
  [132, "sctp"],
]);

/** Keys that are several bits at once: a value matches where its bit is set, and with `not` where it isn't. */
export const FLAG_KEYS: ReadonlySet<Key> = new Set<Key>(["ct state", "ct status"]);

/** The type of what a key loads; undefined for keys whose values are nft's own words. */
export function typeOf(key: Key): Type | undefined {
  if (key.endsWith("ifname")) return "ifname";
  if (key === "meta l4proto") return "inet_proto";
  if (key.startsWith("th ") || key === "ct original proto-dst") return "inet_service";
  if (key === "ether saddr" || key === "arp saddr ether") return "ether_addr";
  if (key.includes("ip6 ")) return "ipv6_addr";
  if (key.includes("ip ") || key === "arp saddr ip") return "ipv4_addr";
  return undefined;
}

/** One value as nft writes it; ports stay numbers, which JSON needs. */
export function scalar(type: Type | undefined, value: number | bigint | string): string | number {
  if (typeof value === "string") return value;
  if (type === "ipv4_addr") return format4(value as number);
  if (type === "ipv6_addr") return format6(value as bigint);
  if (type === "inet_proto") return PROTOCOL_NAMES.get(value as number) ?? Number(value);
  return Number(value);
}

/** The prefix length of a range of addresses that is one; undefined for other ranges and types. */
export function asPrefix(type: Type | undefined, from: number | bigint, to: number | bigint): number | undefined {
  if (type !== "ipv4_addr" && type !== "ipv6_addr") return undefined;
  return prefixLength(type === "ipv4_addr" ? 4 : 6, from, to);
}

/**
 * The comment that leads from an object to its statements: their canonical text, which no edit elsewhere changes.
 * The kernel takes 127 bytes; what is cut ends in a hash of the whole. nft's strings have no escapes, so quotes and
 * control characters are replaced.
 */
export function comment(from: readonly Pick<Origin, "text">[]): string | undefined {
  const [first] = from;
  if (first === undefined) return undefined;
  return tidy(from.length > 1 ? from.map((origin) => origin.text).join("; ") : first.text);
}

const PLAIN = /^[ !#-[\]-~]{0,110}$/;

export function tidy(text: string): string {
  if (PLAIN.test(text)) return text;
  let clean = text.replace(/"/g, "'").replace(/[\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ");
  const bytes = new TextEncoder().encode(clean);
  if (bytes.length > 110) {
    // A cut inside a character would leave bytes that are no UTF-8.
    clean = new TextDecoder("utf-8", { fatal: false }).decode(bytes.subarray(0, 96)).replace(/\uFFFD+$/, "");
    clean += `… ${hashText(8, "comment", text)}`;
  }
  return clean;
}

/** Elements of a counting set at most; what more there is isn't counted, and its verdict stays. */
const COUNTED = 2 ** 18;

/**
 * The size to declare, with which the kernel takes its fixed hash: a power of two with room to grow. Interval sets have
 * none: the kernel counts both ends of an interval there.
 */
export function sizeOf(set: Set): number | undefined {
  if (set.interval) return undefined;
  if (set.counts) return COUNTED;
  if (set.timeout) return 65536;
  const count = set.tuples?.length ?? set.elements.length;
  return Math.max(16, 2 ** Math.ceil(Math.log2(count * 1.25 + 1)));
}

export function elementComment(element: Element): string | undefined {
  return comment(element.from);
}
