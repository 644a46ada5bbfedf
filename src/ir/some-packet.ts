/** The first packet that one thinks of. */
import { type Address, FAMILIES, hasAddress } from "../net/address.js";
import { PORTED, portsOf } from "../net/ports.js";
import { isTranslated, passes, type Query } from "./classes.js";
import { type End, endpointAt, type Packet } from "./evaluate.js";
import { hostsOf } from "./hosts.js";
import { type PeerSet, type Policy, type Publish, ZONES } from "./policy.js";

/**
 * A packet of the query on the direct way: most questions are answered by the first that one thinks of, and to cut all of
 * them into classes takes ten times as long. Undefined where none is found at once.
 *
 * @param publishes all of the policy's that concern the query (see `PublishIndex`), where somebody asks
 */
export function somePacket(
  policy: Policy,
  { from, to, ports }: Query,
  publishes: () => readonly Publish[],
): Packet | undefined {
  for (const protocol of PORTED) {
    const ranges = portsOf(ports, protocol);
    if (ranges === undefined) continue;
    const service = { protocol, port: Math.max(ranges?.[0] ?? 1, 1) };
    for (const source of someEnds(policy, from))
      for (const destination of someEnds(policy, to)) {
        const isOne =
          source.address.family === destination.address.family &&
          passes(policy, source, destination) &&
          !(destination.zone === "host" && isTranslated(policy, destination, service, publishes()));
        if (isOne) return { source, destination, ...service };
      }
  }
  return undefined;
}

/** The first address of each zone and family that is certainly one of that zone. */
function someEnds(policy: Policy, peers: PeerSet): End[] {
  return ZONES.flatMap((zone) =>
    FAMILIES.flatMap((family): End[] => {
      const [value] = family === 4 ? peers[zone].v4 : peers[zone].v6;
      if (value === undefined) return [];
      const address = { family, value } as Address;
      const isOwn = endpointAt(policy, address) !== undefined;
      if (isOwn !== (zone === "container")) return [];
      if (zone === "world" && hasAddress(hostsOf(policy).certain, address)) return [];
      return [{ zone, address }];
    }),
  );
}
