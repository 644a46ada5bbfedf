/** Names of chains: at most 28 characters, all ours begin alike, and what isn't an entry is named by its content. */
import { Hash64, hashText } from "../../net/hash.js";

/** What the names of a policy's chains begin with: 13 characters. */
export function prefixOf(policy: string): string {
  return `TSNET-${hashText(6, "iptables", policy)}-`;
}

/** Chains that built-in ones lead to, and the one whose rules come and go; the longest has 7 characters. */
export type Entry = "guard" | "forward" | "accept" | "input" | "output" | "arrive" | "send" | "leave" | "cut";

export function entryName(policy: string, entry: Entry): string {
  return prefixOf(policy) + entry;
}

/** A chain named by what is in it. */
export function contentName(policy: string, kind: string, content: string): string {
  return hashedName(policy, kind, contentHash(kind, content));
}

/** Of what is in a chain, or of what comes first. */
export function contentHash(kind: string, content: string): Hash64 {
  return new Hash64(kind, content);
}

export function hashedName(policy: string, kind: string, content: Hash64): string {
  return `${prefixOf(policy)}${kind.slice(0, 4)}-${content.text(10)}`;
}
