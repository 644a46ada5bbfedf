/**
 * Routes of type `local` that give this host IPv6 addresses which no device of it has. The programs ask the kernel's list
 * of addresses, and of these they know nothing (dataplane/kernel.h): they would take them for the world's.
 */
import { ownAddresses } from "../../ir/own.js";
import type { Policy } from "../../ir/policy.js";
import { readStack } from "../../topology/stack.js";
import type { Approach } from "../backend.js";

/** Reads the host, where the policy has containers with IPv6. */
export async function localRoutesConflict({ containers }: Policy): Promise<Approach["conflict"]> {
  if (ownAddresses(containers).v6.length === 0) return undefined;
  const { links, routes } = await readStack(undefined);
  const held = new Set<string | undefined>();
  for (const { addresses } of links.values()) for (const { address } of addresses) held.add(address.split("/")[0]);
  const route = routes.find(
    ({ family, type, to }) => family === 6 && type === "local" && !held.has(to.replace(/\/128$/, "")),
  );
  if (route === undefined) return undefined;
  const words = `local ${route.to}${route.device === undefined ? "" : ` dev ${route.device}`}`;
  return {
    message: `the route '${words}' gives this host IPv6 addresses that the eBPF programs can't tell from the world's`,
    mend: `give them to a device (ip address add), take the route away (ip -6 route delete ${words}), or use --backend nft`,
  };
}
