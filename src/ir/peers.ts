/** Operations on peer sets: see `PeerSet` in policy.ts. */
import {
  ALL_ADDRESSES,
  type AddressSet,
  hasAddress,
  intersectSet,
  isEmptySet,
  NO_ADDRESSES,
  overlapsSet,
  subtractSet,
  unionOf,
  type Address,
} from "../net/address.js";
import { type PeerSet, type Zone, ZONES } from "./policy.js";

export const NOBODY: PeerSet = { container: NO_ADDRESSES, host: NO_ADDRESSES, world: NO_ADDRESSES };
export const ANY: PeerSet = { container: ALL_ADDRESSES, host: ALL_ADDRESSES, world: ALL_ADDRESSES };
export const HOST: PeerSet = { container: NO_ADDRESSES, host: ALL_ADDRESSES, world: NO_ADDRESSES };
export const WORLD: PeerSet = { container: NO_ADDRESSES, host: NO_ADDRESSES, world: ALL_ADDRESSES };

/** These addresses, whoever has them. */
export function anywhere(set: AddressSet): PeerSet {
  return { container: set, host: set, world: set };
}

export function inContainers(set: AddressSet): PeerSet {
  return { container: set, host: NO_ADDRESSES, world: NO_ADDRESSES };
}

/** The union of several sets, in about the time that sorting all of their addresses takes. */
export function unionOfPeers(sets: readonly PeerSet[]): PeerSet {
  const some = sets.filter((set) => set !== NOBODY);
  const [first, second] = some;
  if (first === undefined) return NOBODY;
  if (second === undefined) return first;
  // Addresses by number are the same set in each zone.
  if (some.every(({ container, host, world }) => container === host && host === world))
    return anywhere(unionOf(some.map(({ world }) => world)));
  const of = (zone: Zone): AddressSet => unionOf(some.map((set) => set[zone]).filter((set) => set !== NO_ADDRESSES));
  return { container: of("container"), host: of("host"), world: of("world") };
}

export function subtractPeers(a: PeerSet, b: PeerSet): PeerSet {
  return zonewise(a, b, subtractSet);
}

export function intersectPeers(a: PeerSet, b: PeerSet): PeerSet {
  return zonewise(a, b, intersectSet);
}

function zonewise(a: PeerSet, b: PeerSet, f: (x: AddressSet, y: AddressSet) => AddressSet): PeerSet {
  return { container: f(a.container, b.container), host: f(a.host, b.host), world: f(a.world, b.world) };
}

export function hasPeer(set: PeerSet, zone: Zone, address: Address): boolean {
  return hasAddress(set[zone], address);
}

export function isNobody(set: PeerSet): boolean {
  return ZONES.every((zone) => isEmptySet(set[zone]));
}

export function overlapsPeers(a: PeerSet, b: PeerSet): boolean {
  return overlapsSet(a.container, b.container) || overlapsSet(a.host, b.host) || overlapsSet(a.world, b.world);
}
