/** Who is who: the sets that name containers, and the guard that lets a sandbox speak for itself alone. */
import { addressOf, isInternal, networkNamed, type Policy } from "../../ir/policy.js";
import type { Family } from "../../net/address.js";
import { ACCEPT, DROP, goto, IN, lookup, match, rule, type TableBuilder, then } from "./builder.js";
import { DEVICES } from "./names.js";
import type { Element, Rule } from "./ruleset.js";
import { HOME, originsOf, PRIORITY } from "./skeleton.js";

/** The set of the sandboxes' host ends. */
export function planDevices(table: TableBuilder, policy: Policy): void {
  const elements = policy.containers.flatMap((container) =>
    container.endpoints.map((endpoint): Element => ({ key: [endpoint.device], from: originsOf(container.origin) })),
  );
  table.set(DEVICES, ["ifname"], elements, "host ends of the sandboxes");
}

/** Sets that say who is who: `own`, `self`, `frames`, and the members of internal networks. */
export function planMembers(table: TableBuilder, policy: Policy, family: Family): void {
  const { type } = IN[family];
  const own: Element[] = [];
  const self: Element[] = [];
  const frames: Element[] = [];
  const confined: Element[] = [];
  const inside: Element[] = [];
  for (const container of policy.containers) {
    const from = originsOf(container.origin);
    const internal = isInternal(policy, container);
    for (const endpoint of container.endpoints) {
      const address = addressOf(endpoint, family);
      if (address === undefined) continue;
      own.push({ key: [address.value], from });
      // Through the host a container may reach any of its addresses from any other.
      for (const other of container.endpoints) {
        const to = addressOf(other, family);
        if (to !== undefined) self.push({ key: [address.value, to.value], from });
      }
      if (internal) confined.push({ key: [address.value], from });
      if (networkNamed(policy, endpoint.network).internal) inside.push({ key: [address.value], from });
      // A container may send any of its own addresses on any of its devices.
      for (const { device, mac } of container.endpoints) frames.push({ key: [device, mac, address.value], from });
    }
  }
  table.set(`own${family}`, [type], own, "addresses of containers");
  table.set(`self${family}`, [type, type], self, "addresses of one container, in pairs");
  table.set(`frames${family}`, ["ifname", "ether_addr", type], frames, "what each device may send");
  if (confined.length > 0) table.set(`internal${family}`, [type], confined, "containers of internal networks only");
  if (inside.length > 0) table.set(`inside${family}`, [type], inside, "addresses on internal networks");
}

/** Drops at the door what a sandbox may not send, and what claims to be a sandbox and isn't. */
export function planGuard(table: TableBuilder, families: readonly Family[]): void {
  const guard: Rule[] = [HOME, rule([lookup(DEVICES, "iifname"), then(goto("frames"))])];
  const frames: Rule[] = [];
  for (const family of families) {
    const { source, destination } = IN[family];
    guard.push(
      rule([lookup(`own${family}`, source), then(DROP)], "container addresses come from their own devices only"),
    );
    if (family === 4)
      frames.push(
        rule(
          [match(destination, { from: 0x7f000000, to: 0x7fffffff }), then(DROP)],
          "the host's loopback is the host's",
        ),
      );
    frames.push(rule([lookup(`frames${family}`, "iifname", "ether saddr", source), then(ACCEPT)]));
    if (family === 6)
      frames.push(
        rule(
          [match("ip6 saddr", 0n), match("icmpv6 type", "nd-neighbor-solicit"), then(ACCEPT)],
          "duplicate address detection",
        ),
      );
  }
  frames.push(rule([then(DROP)]));
  table.chain("frames", frames);
  table.chain("guard", guard, { type: "filter", hook: "prerouting", priority: PRIORITY.raw });
}
