/** Cuts the connections that a policy no longer allows, and no others. */
import { networkInterfaces } from "node:os";
import { type End, evaluate, type Packet, translate } from "../ir/evaluate.js";
import { ownAddresses } from "../ir/own.js";
import type { Policy } from "../ir/policy.js";
import { type Address, type AddressSet, FAMILIES, hasAddress, isLoopback, parseAddress, sameAddress } from "../net/address.js";
import { type Connection, deleteConnection, listConnections } from "../system/conntrack.js";
import { MissingTool } from "../system/run.js";

/**
 * Looks at every tracked connection of a container of either policy and deletes those that `policy` denies. Packets of
 * their first direction are decided anew by the rules anyway; deleting them stops their replies too.
 * Returns what couldn't be done, a sentence each.
 */
export async function cutConnections(policy: Policy, before: Policy): Promise<string[]> {
  const now = ownAddresses(policy.containers);
  const old = ownAddresses(before.containers);
  const local = localAddresses();
  try {
    for (const family of FAMILIES) {
      const mine = family === 4 ? now.v4.length + old.v4.length : now.v6.length + old.v6.length;
      if (mine === 0) continue;
      const doomed = (await listConnections(family)).filter((connection) => isCut(policy, now, old, local, connection));
      for (let i = 0; i < doomed.length; i += 8) await Promise.all(doomed.slice(i, i + 8).map(deleteConnection));
    }
  } catch (error) {
    if (!(error instanceof MissingTool)) throw error;
    return [`connections that are no longer allowed may still get replies: ${error.message}`];
  }
  return [];
}

function localAddresses(): Address[] {
  return Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).flatMap((one) => parseAddress(one.address.replace(/%.*/, "")) ?? []),
  );
}

/** Whether the policy denies a connection that has a container, present or gone, at an end. */
export function isCut(
  policy: Policy,
  now: AddressSet,
  old: AddressSet,
  local: readonly Address[],
  connection: Connection,
): boolean {
  const source = parseAddress(connection.original.source);
  const asked = parseAddress(connection.original.destination);
  const destination = parseAddress(connection.reply.source);
  if (source === undefined || asked === undefined || destination === undefined) return false;
  const ends = [source, destination];
  if (ends.some((address) => hasAddress(old, address) && !hasAddress(now, address))) return true;
  if (!ends.some((address) => hasAddress(now, address))) return false;

  const end = (address: Address): End => {
    const zone = hasAddress(now, address) ? "container" : local.some((l) => sameAddress(l, address)) || isLoopback(address) ? "host" : "world";
    return { zone, address };
  };
  const port = connection.original.destinationPort;
  const packet: Packet = {
    source: end(source),
    destination: end(destination),
    protocol: connection.protocol,
    port: connection.reply.sourcePort,
  };
  const translated = !sameAddress(asked, destination) || port !== connection.reply.sourcePort;
  if (!translated) return evaluate(policy, packet).verdict !== "allow";
  const ways = port === undefined ? [] : translate(policy, asked, connection.protocol, port);
  const way = ways.find((one) => sameAddress(one.address, destination) && one.port === connection.reply.sourcePort);
  // A translation that is none of ours: a publish that is gone, or somebody else's. The direct way then decides.
  return evaluate(policy, way === undefined ? packet : { ...packet, via: way.publish }).verdict !== "allow";
}
