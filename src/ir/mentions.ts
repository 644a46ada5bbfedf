/** Which statements can decide packets of a container. */
import { overlapsSet } from "../net/address.js";
import { ownAddresses } from "./own.js";
import type { Container, Origin, PeerSet, Policy } from "./policy.js";

export function mentions(policy: Policy, container: Container): Set<Origin> {
  const own = ownAddresses([container]);
  const covers = (peers: PeerSet): boolean => overlapsSet(peers.container, own);
  const found = new Set<Origin>();
  for (const { from, to, origin } of policy.rules) if (covers(from) || covers(to)) found.add(origin);
  for (const { targets, from, origin } of policy.publishes)
    if (targets.some((target) => target.container === container.name) || (from !== undefined && covers(from)))
      found.add(origin);
  for (const { name, iccOrigin } of policy.networks)
    if (iccOrigin !== undefined && container.endpoints.some(({ network }) => network === name)) found.add(iccOrigin);
  return found;
}
