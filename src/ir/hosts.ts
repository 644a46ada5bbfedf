/** Which addresses are this host's, as far as a policy's text says. */
import { type Address, type AddressSet, OF_NO_HOST, unionSet } from "../net/address.js";
import { bounds } from "../net/prefix.js";
import { addressesIn, ownAddresses } from "./own.js";
import type { Policy } from "./policy.js";

export interface Hosts {
  /** Gateways, and addresses that something is published on. */
  readonly named: readonly Address[];
  /**
   * Multicast and broadcast: what a container sends there this host hears, and forwards to nobody; the kernel asks what
   * guards the host. No publish translates it.
   */
  readonly heard: AddressSet;
  /** Both. */
  readonly certain: AddressSet;
  /** And those of containers. */
  readonly taken: AddressSet;
}

const known = new WeakMap<Policy, Hosts>();

export function hostsOf(policy: Policy): Hosts {
  let hosts = known.get(policy);
  if (hosts === undefined) {
    const named = [
      ...policy.networks.flatMap((network) => network.gateways),
      ...policy.publishes.flatMap((publish) => publish.hostAddress ?? []),
    ];
    const broadcasts = policy.networks.flatMap(({ subnets }) =>
      subnets.flatMap((subnet): Address[] =>
        // Of two addresses none is a broadcast address (RFC 3021).
        subnet.family === 4 && subnet.length < 31 ? [{ family: 4, value: bounds(subnet)[1] as number }] : [],
      ),
    );
    const heard = unionSet(OF_NO_HOST, addressesIn([{ addresses: broadcasts }]));
    const certain = unionSet(heard, addressesIn([{ addresses: named }]));
    hosts = { named, heard, certain, taken: unionSet(certain, ownAddresses(policy.containers)) };
    known.set(policy, hosts);
  }
  return hosts;
}
