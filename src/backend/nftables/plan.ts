/**
 * The plan: a policy as a ruleset. A pure function of the policy; the skeleton below is fixed, and what the policy says
 * lives in sets and maps (see layers.ts and translation.ts).
 *
 * The road of a packet: `guard` (raw) drops what no sandbox may send; `translate-in` and `translate-here` lead published
 * ports to their containers; `forward`, `input` and `output` find the lane; the lane decides: state, deny, what publishes
 * leave out, reject, bounds of internal networks, published ports, allow, default; `translate-out` sees to source addresses.
 */
import { addressOf, containersOn, type Policy, subnetOf } from "../../ir/policy.js";
import { inhabitedFamilies, ownAddresses } from "../../ir/own.js";
import type { Family } from "../../net/address.js";
import { TCP, UDP } from "../../net/ports.js";
import { bounds } from "../../net/prefix.js";
import { ACCEPT, DROP, goto, IN, jump, lookup, match, rule, TableBuilder, then } from "./builder.js";
import type { Lane } from "../shape/lanes.js";
import { type Layers, planLayers } from "./layers.js";
import { cutBareSet, cutSet, DEVICES, tableName, word } from "./names.js";
import type { Element, Expression, Rule, Ruleset, Table } from "./ruleset.js";
import { HOME, originsOf, PRIORITY } from "./skeleton.js";
import { portByPort, waysOf } from "../shape/ways.js";
import { planLeftOut, planPublish, planPublished, planSource } from "./translation.js";
import { planArp } from "./arp.js";
import { decide, defaultNumber, planTally } from "./counting.js";
import { planDevices, planGuard, planMembers } from "./identity.js";

/** The ruleset of a policy. */
export function plan(policy: Policy): Ruleset {
  const name = tableName(policy.name);
  const tables: Table[] = [planFilter(policy, name)];
  const arp = planArp(policy, name);
  if (arp !== undefined) tables.push(arp);
  return { policy: policy.name, tables };
}

/** A packet with a source route bears the address of its next stop only when it has left the rules behind. */
const DETOUR: Rule = rule([lookup(DEVICES, "oifname"), then(DROP)], "what leads to a sandbox bears its address");

function planFilter(policy: Policy, name: string): Table {
  const table = new TableBuilder();
  const own = ownAddresses(policy.containers);
  const families = inhabitedFamilies(policy.containers);
  const toHere: Rule[] = [];
  const toThere: Rule[] = [];
  const out: Rule[] = [];
  const forward: Rule[] = [];
  const input: Rule[] = [HOME];
  const output: Rule[] = [];

  planDevices(table, policy);
  if (families.length > 0) planTally(table);
  for (const family of families) {
    planMembers(table, policy, family);
    const { source, destination, icmpType, nfproto, redirect } = IN[family];
    const layers = planLayers(table, family, policy.ruleList, own);
    // Ranges that shift are one way a port, since nft can't add offsets.
    const ways = waysOf(policy, family).flatMap(portByPort);
    const published = { leftOut: planLeftOut(table, ways, family), admitted: planPublished(table, ways, family) };
    for (const lane of ["cc", "cw", "ch", "wc", "hc"] as const)
      table.chain(`${lane}${family}`, laneRules(table, policy, layers, lane, family, published));
    table.chain(`from${family}`, [
      rule([lookup(`own${family}`, destination), then(goto(`cc${family}`))]),
      DETOUR,
      rule([then(goto(`cw${family}`))]),
    ]);
    planState(table, family);

    const publish = planPublish(table, ways, family);
    if (publish !== undefined) {
      const loopback: Expression = {
        kind: "match",
        key: destination,
        not: true,
        value: family === 4 ? { from: 0x7f000000, to: 0x7fffffff } : 1n,
      };
      const local = match("fib daddr type", "local");
      toHere.push(rule([loopback, local, then(jump(publish))], "published ports, never on loopback from outside"));
      toThere.push(
        rule([match("meta nfproto", nfproto), local, then(jump(publish))], "published ports, from this host"),
      );
    }
    out.push(...planSource(table, policy, family));

    forward.push(rule([lookup(`own${family}`, source), then(goto(`from${family}`))]));
    forward.push(rule([lookup(`own${family}`, destination), then(goto(`wc${family}`))]));
    if (family === 6) {
      const discovery: Expression = {
        kind: "among",
        key: "icmpv6 type",
        values: ["nd-neighbor-solicit", "nd-neighbor-advert"],
      };
      input.push(rule([lookup("own6", source), discovery, then(ACCEPT)], "neighbour discovery belongs to no rule"));
      output.push(
        rule([lookup("own6", destination), discovery, then(ACCEPT)], "neighbour discovery belongs to no rule"),
      );
    }
    input.push(rule([lookup(`own${family}`, source), then(goto(`ch${family}`))]));
    output.push(
      rule(
        [lookup(`own${family}`, destination), match(icmpType, redirect), then(DROP)],
        "all ways lead through the gateway",
      ),
      rule([lookup(`own${family}`, destination), then(goto(`hc${family}`))]),
    );
  }
  forward.push(DETOUR);
  planGuard(table, families);
  table.chain("refuse", [
    rule([match("meta l4proto", 6), { kind: "reject", with: "tcp reset" }]),
    rule([{ kind: "reject", with: "icmpx port-unreachable" }]),
  ]);
  table.chain("translate-in", toHere, { type: "nat", hook: "prerouting", priority: PRIORITY.dstnat });
  table.chain("translate-here", toThere, { type: "nat", hook: "output", priority: PRIORITY.dstnat });
  table.chain("translate-out", out, { type: "nat", hook: "postrouting", priority: PRIORITY.srcnat });
  table.chain("forward", forward, { type: "filter", hook: "forward", priority: PRIORITY.filter });
  table.chain("input", input, { type: "filter", hook: "input", priority: PRIORITY.filter });
  table.chain("output", output, { type: "filter", hook: "output", priority: PRIORITY.filter });
  return { family: "inet", name, sets: table.sets, chains: table.chains };
}

// Lanes --------------------------------------------------------------------------------------------------------------

/**
 * Connection state. Only replies pass unasked: packets of the original direction are decided anew each time, so that a
 * tightened policy stops the connections that it no longer allows. An ICMP error passes if its sender is an end of the
 * connection that it speaks of, or a router outside.
 *
 * What has no beginning to tell it by, UDP and protocols without ports, must not come back as the reply to its own other
 * side when a tightening has cut it: both its tuples are stopped for a while. The packets of connections that were cut
 * meet deny and reject like any, so that they are logged and answered, and `begin` only then.
 */
function planState(table: TableBuilder, family: Family): void {
  const { source, destination, type, icmp, originalSource, replySource } = IN[family];
  const cut = table.timed(
    cutSet(family),
    [type, type, "inet_service", "inet_service"],
    "UDP flows that were cut: source, destination, ports",
  );
  const bare = table.timed(
    cutBareSet(family),
    [type, type, "inet_proto"],
    "flows without ports that were cut: source, destination, protocol",
  );
  table.chain(`stopped${family}`, [
    rule([match("meta l4proto", UDP), lookup(cut, source, destination, "th sport", "th dport"), then(DROP)]),
    rule([lookup(bare, source, destination, "meta l4proto"), then(DROP)]),
  ]);
  const mayBeStopped: Expression = { kind: "match", key: "meta l4proto", not: true, value: TCP };
  const stopped = rule([match("ct direction", "reply"), mayBeStopped, then(jump(`stopped${family}`))]);
  const established = rule([match("ct state", "established"), match("ct direction", "reply"), then(ACCEPT)]);
  const related = match("ct state", "related");
  const last: Rule[] = [rule([match("ct state", "invalid"), then(DROP)])];
  table.chain(`begin${family}`, [
    rule([mayBeStopped, then(jump(`stopped${family}`))]),
    rule(
      [
        match("ct state", "new"),
        { kind: "flags", mask: ["fin", "syn", "rst", "ack"], not: true, value: ["syn"] },
        then(DROP),
      ],
      "a connection begins at its beginning",
    ),
  ]);
  const error = [related, match("meta l4proto", icmp)];
  table.chain(`state-from${family}`, [
    stopped,
    established,
    rule([...error, lookup(`self${family}`, originalSource, source), then(ACCEPT)]),
    rule([...error, lookup(`self${family}`, replySource, source), then(ACCEPT)]),
    rule([...error, then(DROP)], "an error about others' connections"),
    ...last,
  ]);
  table.chain(`state-world${family}`, [
    stopped,
    established,
    rule(
      [...error, lookup(`own${family}`, originalSource), lookup(`own${family}`, replySource), then(DROP)],
      "an error about others' connections",
    ),
    rule([...error, then(ACCEPT)]),
    ...last,
  ]);
  // The host's own kernel answers for rejected packets, with a reset or an ICMP error.
  table.chain(`state-host${family}`, [stopped, established, rule([related, then(ACCEPT)]), ...last]);
}

function laneRules(
  table: TableBuilder,
  policy: Policy,
  layers: Layers,
  lane: Lane,
  family: Family,
  published: { readonly leftOut: string | undefined; readonly admitted: string | undefined },
): Rule[] {
  const { source, destination } = IN[family];
  const state = lane === "wc" ? "state-world" : lane === "hc" ? "state-host" : "state-from";
  const translated = match("ct status", "dnat");
  const isReached = lane === "cc" || lane === "wc" || lane === "hc";
  const rules: Rule[] = [rule([then(jump(`${state}${family}`))])];
  rules.push(...layers.rules("log-deny", lane), ...layers.rules("deny", lane));
  if (published.leftOut !== undefined && isReached) rules.push(rule([translated, then(jump(published.leftOut))]));
  rules.push(...layers.rules("log-reject", lane), ...layers.rules("reject", lane));
  rules.push(rule([then(jump(`begin${family}`))]));

  const has = (set: string): boolean => table.sets.some((other) => other.name === set);
  if (has(`internal${family}`) && lane !== "wc" && lane !== "hc") {
    const confined = lookup(`internal${family}`, source);
    rules.push(...bound(lane === "cc" ? [confined, translated] : [confined]));
  }
  if (has(`inside${family}`) && lane === "wc") rules.push(...bound([lookup(`inside${family}`, destination)]));

  if (published.admitted !== undefined && lane === "wc")
    rules.push(
      rule([translated, match("fib saddr type", "local"), then(DROP)], "this host's addresses don't come from outside"),
    );
  if (published.admitted !== undefined && isReached) rules.push(rule([translated, then(jump(published.admitted))]));
  rules.push(...layers.rules("log-allow", lane), ...layers.rules("allow", lane));
  rules.push(...defaults(table, policy, lane, family));
  return rules;
}

const bound = (packets: readonly Expression[]): readonly Rule[] =>
  decide(DROP, defaultNumber("internal"), "internal networks end here", packets);

/** What holds where no rule speaks. */
function defaults(table: TableBuilder, policy: Policy, lane: Lane, family: Family): Rule[] {
  if (lane === "wc")
    return [...decide(DROP, defaultNumber("fromWorld"), "default: the world doesn't reach containers")];
  if (lane === "cw" || lane === "ch")
    return [...decide(ACCEPT, defaultNumber("out"), "default: containers reach the world and the host")];
  if (lane === "hc") return [...decide(ACCEPT, defaultNumber("fromHost"), "default: the host reaches containers")];
  const { source, destination, type } = IN[family];
  const elements: Element[] = [];
  const inhabited = policy.containers.filter(({ endpoints }) => endpoints.length > 0);
  for (const network of policy.networks) {
    const subnet = subnetOf(network, family);
    if (subnet === undefined) continue;
    const [from, to] = bounds(subnet);
    const members = containersOn(policy, network.name);
    const key = [{ from, to }];
    const origins = originsOf(network.iccOrigin ?? network.origin);
    const name = `icc${family}-${word(network.name)}`;
    elements.push({ key, data: goto(name), from: origins });
    const [count, last] = decide(network.icc ? ACCEPT : DROP, defaultNumber("icc", network.name)) as [Rule, Rule];
    if (members.length === inhabited.length || members.length === 0) {
      table.chain(name, [count, { ...last, from: origins }]);
      continue;
    }
    const addresses = members.flatMap((container) =>
      container.endpoints.flatMap((endpoint): Element[] => {
        const address = addressOf(endpoint, family);
        return address === undefined ? [] : [{ key: [address.value], from: originsOf(container.origin) }];
      }),
    );
    table.set(name, [type], addresses, "containers with an endpoint on the network");
    const stranger: Expression = { kind: "lookup", keys: [source], set: name, not: true };
    table.chain(name, [
      ...decide(DROP, defaultNumber("apart"), "default: no common network", [stranger]),
      count,
      { ...last, from: origins },
    ]);
  }
  table.map(`icc${family}`, [type], "verdict", elements, "default between containers, by the destination's network");
  return [
    rule([{ kind: "vmap", keys: [destination], map: `icc${family}` }]),
    ...decide(DROP, defaultNumber("apart"), "default: no common network"),
  ];
}
