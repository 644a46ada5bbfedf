/** Publishes that nobody reaches yet: on addresses that this host doesn't have. */
import type { Policy } from "../ir/policy.js";
import { type Address, formatAddress, isLoopback } from "../net/address.js";
import { location } from "../text/source.js";
import type { Stack } from "../topology/stack.js";

/**
 * A sentence for each such address. No error: an address may come later, and move between hosts. `host`: its devices as
 * they were before the policy's own came.
 */
export function unheardPublishes({ publishes, networks }: Policy, host: Stack): string[] {
  const named = publishes.filter(({ hostAddress }) => hostAddress !== undefined && !isLoopback(hostAddress));
  if (named.length === 0) return [];
  const here = new Set(networks.flatMap(({ gateways }) => gateways.map(formatAddress)));
  for (const { addresses } of host.links.values())
    for (const { address } of addresses) here.add(address.split("/", 1)[0] as string);
  const first = new Map<string, (typeof named)[number]>();
  for (const publish of named) {
    const address = formatAddress(publish.hostAddress as Address);
    if (!here.has(address) && !first.has(address)) first.set(address, publish);
  }
  return [...first].map(
    ([address, { origin }]) =>
      `nobody reaches what is published on ${address} (${location(origin.span)}) while no device of this host has that ` +
      `address: give it to one (ip address add ${address} dev DEVICE), or publish on another`,
  );
}
