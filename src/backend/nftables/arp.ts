/** The table of the family arp. */
import { addressOf, type Policy } from "../../ir/policy.js";
import { ACCEPT, DROP, goto, lookup, rule, TableBuilder, then } from "./builder.js";
import { DEVICES } from "./names.js";
import { planDevices } from "./identity.js";
import type { Element, Table } from "./ruleset.js";
import { originsOf, PRIORITY } from "./skeleton.js";

/** Address resolution from a sandbox must tell the truth about its sender. */
export function planArp(policy: Policy, name: string): Table | undefined {
  const table = new TableBuilder();
  const elements: Element[] = [];
  for (const container of policy.containers) {
    const from = originsOf(container.origin);
    const addresses = container.endpoints.flatMap((endpoint) => addressOf(endpoint, 4)?.value ?? []) as number[];
    for (const { device, mac } of container.endpoints)
      // A probe's sender is 0.0.0.0 (RFC 5227).
      for (const address of [...addresses, 0]) elements.push({ key: [device, mac, mac, address], from });
  }
  if (elements.length === 0) return undefined;
  planDevices(table, policy);
  table.set(
    "senders",
    ["ifname", "ether_addr", "ether_addr", "ipv4_addr"],
    elements,
    "what each device may say of itself",
  );
  table.chain("senders", [
    rule([lookup("senders", "iifname", "ether saddr", "arp saddr ether", "arp saddr ip"), then(ACCEPT)]),
    rule([then(DROP)]),
  ]);
  table.chain("input", [rule([lookup(DEVICES, "iifname"), then(goto("senders"))])], {
    type: "filter",
    hook: "input",
    priority: PRIORITY.filter,
  });
  return { family: "arp", name, sets: table.sets, chains: table.chains };
}
