/** Whether packets between two peer sets have a container of the policy at an end. */
import type { AddressSet } from "../net/address.js";
import { contains, overlaps } from "../net/ranges.js";
import type { PeerSet } from "./policy.js";

/** Bits of a peer set in IPv4: it has addresses of the policy's containers; it has others. */
const OWN = 1;
export const OUTSIDE = 2;
/** The same bits for IPv6 stand this much higher. */
const V6 = 2;
const BOTH = OWN | OUTSIDE;

/** Where a peer set's addresses are, in each family. */
export type Places = number;

export class Reach {
  /** Between which the containers' IPv4 addresses are; the lowest is above the highest where there are none. */
  readonly lowest: number;
  readonly highest: number;
  private readonly own: AddressSet;
  private readonly known = new Map<PeerSet, Places>();

  constructor(own: AddressSet) {
    this.own = own;
    this.lowest = own.v4[0] ?? Infinity;
    this.highest = own.v4.at(-1) ?? -1;
  }

  places(set: PeerSet): Places {
    const { container } = set;
    // One IPv4 address, whoever has it: there are many of these, and each is asked about once.
    if (container === set.world && container === set.host && container.v4.length === 2 && container.v6.length === 0)
      return overlaps(container.v4, this.own.v4) ? BOTH : OUTSIDE;
    let known = this.known.get(set);
    if (known === undefined) {
      known = this.placesIn(set, "v4") | (this.placesIn(set, "v6") << V6);
      this.known.set(set, known);
    }
    return known;
  }

  /** Of one IPv4 address, whoever has it. */
  placesOf4(address: number): Places {
    return contains(this.own.v4, address) ? BOTH : OUTSIDE;
  }

  private placesIn({ container, host, world }: PeerSet, family: "v4" | "v6"): Places {
    const own = overlaps<number | bigint>(container[family], this.own[family]) ? OWN : 0;
    return own | (host[family].length > 0 || world[family].length > 0 ? OUTSIDE : 0);
  }
}

/** Whether a packet of some family, with one of our containers at an end, can be from the one to the other. */
export function joins(from: Places, to: Places): boolean {
  return meet(from & BOTH, to & BOTH) || meet(from >> V6, to >> V6);
}

function meet(from: Places, to: Places): boolean {
  return ((from & OWN) !== 0 && to !== 0) || ((to & OWN) !== 0 && (from & OUTSIDE) !== 0);
}

/** Whether some container of the policy is among them. */
export function isOwn(places: Places): boolean {
  return (places & (OWN | (OWN << V6))) !== 0;
}

export function isOutside(places: Places): boolean {
  return (places & (OUTSIDE | (OUTSIDE << V6))) !== 0;
}
