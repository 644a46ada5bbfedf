/**
 * The ends of packets in the words of two policies at once. A container is itself by name, network and family, whatever
 * its address; every other address is itself, in the zones `host` and `world`.
 *
 * An address that a container of either policy has belongs to no other end: what only one policy has is `absent` in the
 * other.
 */
import {
  type Address,
  type AddressSet,
  type Family,
  FAMILIES,
  LOOPBACK,
  NO_ADDRESSES,
  subtractSet,
  unionSet,
  V4,
  V6,
  ALL_ADDRESSES,
} from "../../net/address.js";
import { contains, cuts, type Domain, intersect, type Ranges } from "../../net/ranges.js";
import { familiar, rangesOf } from "../../ir/classes.js";
import type { End } from "../../ir/evaluate.js";
import { hostsOf } from "../../ir/hosts.js";
import { ownAddresses } from "../../ir/own.js";
import type { Container, Network, PeerSet, Policy, Zone } from "../../ir/policy.js";

type Value = number | bigint;

/** An endpoint of a container, in one family. */
export interface Place {
  readonly container: string;
  readonly network: string;
  readonly family: Family;
  /** In each policy: undefined where it isn't there. */
  readonly in: readonly (Inside | undefined)[];
}

export interface Inside {
  readonly end: End;
  readonly container: Container;
  readonly network: Network;
}

/** Every endpoint that either policy has, the newer one's first. */
export function placesOf(policies: readonly Policy[]): Place[] {
  const found = new Map<string, { place: Omit<Place, "in">; in: (Inside | undefined)[] }>();
  policies.forEach((policy, i) => {
    const networks = new Map(policy.networks.map((network) => [network.name, network]));
    for (const container of policy.containers)
      for (const endpoint of container.endpoints)
        for (const address of endpoint.addresses) {
          const { family } = address;
          const key = placeKey(container.name, endpoint.network, family);
          let known = found.get(key);
          if (known === undefined) {
            const place = { container: container.name, network: endpoint.network, family };
            found.set(key, (known = { place, in: policies.map(() => undefined) }));
          }
          const network = networks.get(endpoint.network) as Network;
          known.in[i] = { end: { zone: "container", address }, container, network };
        }
  });
  return [...found.values()].map(({ place, in: inside }) => ({ ...place, in: inside }));
}

export function placeKey(container: string, network: string, family: Family): string {
  return `${container}\n${network}\n${family}`;
}

/** The addresses of the host and of the world that neither policy's containers have. */
export interface Outside {
  readonly host: AddressSet;
  /** Without those that are this host's for certain, and loopback, which is nobody's outside. */
  readonly world: AddressSet;
}

export function outsideOf(policies: readonly Policy[]): Outside {
  let own = NO_ADDRESSES;
  let local = LOOPBACK;
  for (const policy of policies) {
    own = unionSet(own, ownAddresses(policy.containers));
    local = unionSet(local, hostsOf(policy).certain);
  }
  const host = subtractSet(ALL_ADDRESSES, own);
  return { host, world: subtractSet(host, local) };
}

/** A piece of the host's or the world's addresses that no statement cuts. */
export interface Piece {
  readonly zone: Exclude<Zone, "container">;
  readonly family: Family;
  readonly ranges: Ranges<Value>;
  readonly end: End;
}

/**
 * The pieces into which these sets cut what is outside.
 *
 * @param gateways the host's addresses that an example takes first
 */
export function piecesOf(outside: Outside, by: readonly PeerSet[], gateways: readonly Address[]): Piece[] {
  const out: Piece[] = [];
  for (const zone of ["world", "host"] as const)
    for (const family of FAMILIES) {
      const domain = (family === 4 ? V4 : V6) as Domain<Value>;
      const whole = rangesOf(outside[zone], family);
      const loopback = rangesOf(LOOPBACK, family);
      const sets = new Set(by.map((peers) => rangesOf(peers[zone], family)));
      const points = cuts([loopback, ...sets], domain);
      points.forEach((from, i) => {
        const after = points[i + 1];
        const to = after === undefined ? domain.max : domain.previous(after);
        const ranges = intersect(whole, [from, to]);
        if (ranges[0] === undefined) return;
        const known = zone === "host" ? gateways.flatMap((one) => (one.family === family ? [one.value] : [])) : [];
        const value = [...known, ...familiar(zone, family)].find((one) => contains(ranges, one)) ?? ranges[0];
        out.push({ zone, family, ranges, end: { zone, address: { family, value } as Address } });
      });
    }
  return out;
}
