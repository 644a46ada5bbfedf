/** By which device this host reaches an address: the longest prefix of its main table. */
import { type Address, parseAddress } from "../net/address.js";
import { inPrefix, type Prefix, prefixOf } from "../net/prefix.js";
import type { Stack } from "../topology/stack.js";

/** Policy routing isn't looked at. */
export function routeDevice(stack: Stack): (address: Address) => string | undefined {
  const routes = stack.routes.flatMap(({ to, family, table, type, device, metric }) => {
    if (table !== "main" || type !== "unicast" || device === undefined) return [];
    const [base = "", length] = to === "default" ? [family === 4 ? "0.0.0.0" : "::", "0"] : to.split("/");
    const address = parseAddress(base);
    const prefix = address && prefixOf(address, length === undefined ? (family === 4 ? 32 : 128) : Number(length));
    return prefix === undefined ? [] : [{ prefix, device, metric: metric ?? 0 }];
  });
  routes.sort((a, b) => b.prefix.length - a.prefix.length || a.metric - b.metric);
  return (address) => routes.find(({ prefix }: { prefix: Prefix }) => inPrefix(prefix, address))?.device;
}
