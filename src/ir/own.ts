import { type Address, type AddressSet, type Family, FAMILIES, V4, V6 } from "../net/address.js";
import { normalise } from "../net/ranges.js";
import type { Container } from "./policy.js";

const known = new WeakMap<readonly Container[], AddressSet>();

/** Addresses of all endpoints of these containers. */
export function ownAddresses(containers: readonly Container[]): AddressSet {
  let own = known.get(containers);
  if (own === undefined) {
    own = addressesIn(containers.flatMap(({ endpoints }) => endpoints));
    known.set(containers, own);
  }
  return own;
}

/** Families in which a container has an address: no packet of another has a container at an end. */
export function inhabitedFamilies(containers: readonly Container[]): Family[] {
  const { v4, v6 } = ownAddresses(containers);
  return FAMILIES.filter((family) => (family === 4 ? v4 : v6).length > 0);
}

/** The addresses of endpoints, or of a publish's targets. */
export function addressesIn(ends: readonly { readonly addresses: readonly Address[] }[]): AddressSet {
  const v4: number[] = [];
  const v6: bigint[] = [];
  for (const { addresses } of ends)
    for (const address of addresses)
      if (address.family === 4) v4.push(address.value, address.value);
      else v6.push(address.value, address.value);
  return { v4: normalise(v4, V4), v6: normalise(v6, V6) };
}
