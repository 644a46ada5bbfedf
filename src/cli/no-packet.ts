/** Why a query of `explain` covers no packet that a policy decides, and what to ask in its place. Pure. */
import { hasPeer } from "../ir/peers.js";
import type { Query } from "../ir/classes.js";
import { type PeerSet, type Policy, ZONES } from "../ir/policy.js";
import { FAMILIES, type Family } from "../net/address.js";

export interface Reason {
  readonly message: string;
  readonly help: string;
}

/** `text`: the query as it was asked, in quotes. */
export function whyNoPacket(policy: Policy, { from, to }: Query, text: string): Reason {
  const [source, destination] = [containersIn(policy, from), containersIn(policy, to)];
  const named = new Set([...source, ...destination]);
  const [one] = named;
  if (one === undefined)
    return {
      message: `no packet of ${text} has a container of this policy at either end`,
      help: "name a container on one side",
    };
  if (named.size === 1 && source.length + destination.length === 2)
    return {
      message: `no packet of ${text} meets a rule: what a container sends to itself stays on its own loopback device`,
      help: `name another container on one side, or 'host' and a published port: '${one} -> host:49153'`,
    };
  const lacking = source.length > 0 ? lacks(source, from, to) : lacks(destination, to, from);
  if (lacking !== undefined)
    return {
      message: `no packet of ${text} can be sent: ${lacking}`,
      help: "ask for an address of a family that both sides have, or give a network a subnet of that family",
    };
  return { message: `no packet of ${text} passes between these ends`, help: "ask for another address on one side" };
}

function containersIn(policy: Policy, peers: PeerSet): string[] {
  const has = (addresses: readonly Parameters<typeof hasPeer>[2][]) =>
    addresses.some((address) => hasPeer(peers, "container", address));
  return policy.containers
    .filter(({ endpoints }) => has(endpoints.flatMap(({ addresses }) => addresses)))
    .map(({ name }) => name);
}

function familiesOf(peers: PeerSet): Family[] {
  return FAMILIES.filter((family) => ZONES.some((zone) => peers[zone][`v${family}`].length > 0));
}

/** Which family the containers of one side lack that the other side alone has. */
function lacks(names: readonly string[], own: PeerSet, other: PeerSet): string | undefined {
  const [mine, theirs] = [familiesOf(own), familiesOf(other)];
  const [family] = theirs;
  if (family === undefined || theirs.some((one) => mine.includes(one))) return undefined;
  return names.length === 1
    ? `${names[0]} has no IPv${family} address`
    : `none of ${names.join(", ")} has an IPv${family} address`;
}
