/**
 * Lanes: the ways that a packet can take between a container and another end, and what a layer does there.
 *
 * Container to container (cc), to the world (cw), to the host (ch), and from the world (wc) or the host (hc) to a
 * container.
 */
import type { Zone } from "../../ir/policy.js";
import { type AddressSet, type Family, V4, V6 } from "../../net/address.js";
import type { Domain, Ranges } from "../../net/ranges.js";

export type Lane = "cc" | "cw" | "ch" | "wc" | "hc";

export const LANES: Readonly<Record<Lane, { readonly source: Zone; readonly destination: Zone }>> = {
  cc: { source: "container", destination: "container" },
  cw: { source: "container", destination: "world" },
  ch: { source: "container", destination: "host" },
  wc: { source: "world", destination: "container" },
  hc: { source: "host", destination: "container" },
};

/** What a layer does with the packets that it covers. */
export type Action = "deny" | "reject" | "allow" | "log-deny" | "log-reject" | "log-allow";

/** An address as its integer. */
export type Value = number | bigint;

/** The part of an address set that is of one family. */
export function of(set: AddressSet, family: Family): Ranges<Value> {
  return family === 4 ? set.v4 : set.v6;
}

/** Bounds and neighbours of a family's addresses. */
export function domain(family: Family): Domain<Value> {
  return (family === 4 ? V4 : V6) as Domain<Value>;
}

/** All values of a set that is known to be small. */
export function values(set: Ranges<Value>, family: Family): Value[] {
  const out: Value[] = [];
  const { next } = domain(family);
  for (let i = 0; i < set.length; i += 2) {
    const end = set[i + 1] as Value;
    for (let value = set[i] as Value; ; value = next(value)) {
      out.push(value);
      if (value === end) break;
    }
  }
  return out;
}
