/** From which address a packet comes, as its receiver sees it. Pure. */
import { endpointAt } from "../ir/evaluate.js";
import { isInternal, networkNamed, type Policy } from "../ir/policy.js";
import { type Address, sameAddress } from "../net/address.js";
import type { Party } from "./ends.js";
import { isLoopback, type Place, uplinkOf } from "./place.js";

/**
 * Masqueraded on its way to the world, its own between containers and through a published port. Undefined where the
 * policy doesn't say: what reaches itself through the host, or comes from the host, may need another.
 */
export function seenAs(
  policy: Policy,
  place: Place,
  from: Party,
  to: Party,
  published: readonly Address[],
): Address[] | undefined {
  const { address } = from;
  const holder = endpointAt(policy, address);
  if (to.zone === "world" && holder !== undefined && !isInternal(policy, holder.container)) {
    if (!networkNamed(policy, holder.network.name).masquerade) return [address];
    const host = [uplinkOf(place, address.family)?.host, ...place.published];
    return host.filter((other) => other !== undefined && other.family === address.family) as Address[];
  }
  if (published.length === 0) return [address];
  if (from.zone === "host" || isLoopback(address)) return undefined;
  const own = holder?.container.endpoints.flatMap((endpoint) => endpoint.addresses) ?? [];
  return own.some((mine) => published.some((inner) => sameAddress(mine, inner))) ? undefined : [address];
}
