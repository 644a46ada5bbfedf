import { type AddressSet, type Family, FAMILIES, V4, V6 } from "../net/address.js";
import { normalise } from "../net/ranges.js";
import type { Container } from "./policy.js";

const known = new WeakMap<readonly Container[], AddressSet>();

/** Addresses of all endpoints of these containers. */
export function ownAddresses(containers: readonly Container[]): AddressSet {
  let own = known.get(containers);
  if (own === undefined) {
    own = collect(containers);
    known.set(containers, own);
  }
  return own;
}

/** Families in which a container has an address: no packet of another has a container at an end. */
export function inhabitedFamilies(containers: readonly Container[]): Family[] {
  const { v4, v6 } = ownAddresses(containers);
  return FAMILIES.filter((family) => (family === 4 ? v4 : v6).length > 0);
}

function collect(containers: readonly Container[]): AddressSet {
  const v4: number[] = [];
  const v6: bigint[] = [];
  for (const container of containers)
    for (const endpoint of container.endpoints)
      for (const address of endpoint.addresses)
        if (address.family === 4) v4.push(address.value, address.value);
        else v6.push(address.value, address.value);
  return { v4: normalise(v4, V4), v6: normalise(v6, V6) };
}
