/** Destination translation of published ports, the source translation that goes with it, and masquerade. */
import {
  addressOf,
  gatewayOf,
  isInternal,
  networkNamed,
  type PeerSet,
  type Policy,
  subnetOf,
} from "../../ir/policy.js";
import { type AddressSet, type Family, V4, V6 } from "../../net/address.js";
import { PORTED, protocolName } from "../../net/ports.js";
import { bounds } from "../../net/prefix.js";
import { type Domain, equal, type Ranges } from "../../net/ranges.js";
import { ACCEPT, DROP, goto, IN, lookup, match, rule, type TableBuilder, then } from "./builder.js";
import { counted } from "./counting.js";
import type { Value } from "../shape/lanes.js";
import type { Way } from "../shape/ways.js";
import { originsOf } from "./skeleton.js";
import type { Data, Element, Expression, Key, Part, Rule, Target, Type } from "./ruleset.js";

const PORTED_MATCH: Expression = { kind: "among", key: "meta l4proto", values: PORTED };

const portPart = (from: number, to: number): Part => (from === to ? from : { from, to });

/** Chain `publish4` or `publish6`: translates what is published; undefined when nothing is. */
export function planPublish(table: TableBuilder, ways: readonly Way[], family: Family): string | undefined {
  if (ways.length === 0) return undefined;
  const { destination, type } = IN[family];
  const rules: Rule[] = [];
  for (const at of [true, false]) {
    const group = ways.filter((way) => (way.host !== undefined) === at);
    const keys: Key[] = [...(at ? [destination as Key] : []), "meta l4proto", "th dport"];
    const types: Type[] = [...(at ? [type as Type] : []), "inet_proto", "inet_service"];
    const name = `publish${family}${at ? "-at" : ""}`;
    const keyOf = (way: Way): Part[] => [
      ...(at ? [way.host as Value] : []),
      way.publish.protocol,
      portPart(...way.hostPorts),
    ];
    const element = (way: Way, data: Data): Element => ({ key: keyOf(way), data, from: [way.publish.origin] });
    const alone = group.filter((way) => way.targets.length === 1);
    const moved = alone.filter((way) => way.hostPorts[0] !== way.port);
    const kept = alone.filter((way) => way.hostPorts[0] === way.port);
    if (moved.length > 0) {
      table.map(
        `${name}-to`,
        types,
        type,
        moved.map((way) => element(way, way.targets[0] as Value)),
        "published: container address",
      );
      table.map(
        `${name}-port`,
        types,
        "inet_service",
        moved.map((way) => element(way, way.port)),
        "published: container port",
      );
      rules.push(rule([PORTED_MATCH, { kind: "dnat", family, keys, address: `${name}-to`, port: `${name}-port` }]));
    }
    // Ranges by themselves: a map with any is no hash table.
    for (const [suffix, ranges] of [
      ["same", false],
      ["same-range", true],
    ] as const) {
      const some = kept.filter(({ hostPorts: [from, to] }) => (from !== to) === ranges);
      if (some.length === 0) continue;
      const elements = some.map((way) => element(way, way.targets[0] as Value));
      table.map(`${name}-${suffix}`, types, type, elements, "published on the same port");
      rules.push(rule([PORTED_MATCH, { kind: "dnat", family, keys, address: `${name}-${suffix}` }]));
    }
    const spread = group.filter((way) => way.targets.length > 1);
    if (spread.length > 0) {
      const elements = spread.map((way) => element(way, goto(spreadChain(table, family, way))));
      table.map(`${name}-spread`, types, "verdict", elements, "published by several containers");
      rules.push(rule([{ kind: "vmap", keys, map: `${name}-spread` }]));
    }
  }
  return table.chain(`publish${family}`, rules);
}

/** New connections go to each target in turn; connection tracking keeps established ones where they are. */
function spreadChain(table: TableBuilder, family: Family, way: Way): string {
  const port = way.hostPorts[0] === way.port ? undefined : way.port;
  const content = `${way.publish.origin.id} ${way.publish.protocol} ${port ?? ""} ${way.targets.join(" ")}`;
  return table.generate(`spread${family}`, content, () => [
    rule(
      [PORTED_MATCH, { kind: "spread", family, targets: way.targets, ...(port === undefined ? {} : { port }) }],
      way.publish.origin.text,
      [way.publish.origin],
    ),
  ]);
}

/**
 * Chain `published4` or `published6` of the filter: what came through one of our publishes is accepted. Keyed on the whole
 * way (host port, container address and port), because `ct status dnat` alone would admit translations that are somebody
 * else's.
 */
export function planPublished(table: TableBuilder, ways: readonly Way[], family: Family): string | undefined {
  if (ways.length === 0) return undefined;
  const rules = kindsOf(ways, family).map(({ name, begin, keys, types, elements }) => {
    const known = elements.map(({ key, way }): Element => ({ key, from: [way.publish.origin] }));
    table.set(name, types, known, "published: host port, container, its port");
    return rule([begin, lookup(name, ...keys), then(publishDecides(table, family, ACCEPT))]);
  });
  return table.chain(`published${family}`, rules);
}

/**
 * Chain `left-out4` or `left-out6` of the filter: what came through a publish whose `from` leaves its source out is dropped,
 * before anything but a deny is asked. Undefined where no publish has one. Apart from what anybody may use: for one element
 * more of a map that leads to chains the kernel looks at every chain that any element leads to.
 */
export function planLeftOut(table: TableBuilder, ways: readonly Way[], family: Family): string | undefined {
  const limited = ways.filter(({ publish }) => publish.from !== undefined);
  if (limited.length === 0) return undefined;
  const rules = kindsOf(limited, family).map(({ name, begin, keys, types, elements }) => {
    const led = elements.map(({ key, way: { publish } }): Element => {
      const data = goto(sourceChain(table, family, publish.from as PeerSet));
      return { key, data, from: [publish.origin] };
    });
    table.map(`${name}-from`, types, "verdict", led, "published to some: host port, container, its port");
    return rule([begin, { kind: "vmap", keys, map: `${name}-from` }]);
  });
  return table.chain(`left-out${family}`, rules);
}

/** Ways of one protocol, on any host address or on single ones, of single ports or ranges: what is one set. */
interface Kind {
  readonly name: string;
  readonly begin: Expression;
  readonly keys: readonly Key[];
  readonly types: readonly Type[];
  readonly elements: readonly { readonly key: Part[]; readonly way: Way }[];
}

function kindsOf(ways: readonly Way[], family: Family): Kind[] {
  const { destination, originalDestination, type } = IN[family];
  const groups = new Map<string, Way[]>();
  const groupOf = (protocol: number, at: boolean, range: boolean): string => `${protocol} ${at} ${range}`;
  for (const way of ways) {
    const name = groupOf(way.publish.protocol, way.host !== undefined, way.hostPorts[0] !== way.hostPorts[1]);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [way]);
    else group.push(way);
  }
  const out: Kind[] = [];
  for (const protocol of PORTED)
    for (const at of [true, false])
      for (const range of [false, true]) {
        const group = groups.get(groupOf(protocol, at, range));
        if (group === undefined) continue;
        out.push({
          name: `published${family}-${protocolName(protocol)}${at ? "-at" : ""}${range ? "-range" : ""}`,
          begin: match("meta l4proto", protocol),
          keys: [...(at ? [originalDestination as Key] : []), "ct original proto-dst", destination, "th dport"],
          types: [...(at ? [type as Type] : []), "inet_service", type, "inet_service"],
          elements: group.flatMap((way) => {
            const { host, hostPorts, port, targets } = way;
            const [from, to] = hostPorts;
            return targets.map((target) => ({
              key: [...(at ? [host as Value] : []), portPart(from, to), target, portPart(port, port + to - from)],
              way,
            }));
          }),
        });
      }
  return out;
}

/** Counts a packet by the whole way through a publish, its first host address included, and decides it. */
function publishDecides(table: TableBuilder, family: Family, target: Target): Target {
  const { destination, originalDestination, type } = IN[family];
  const keys: Key[] = [originalDestination, destination, "meta l4proto", "ct original proto-dst", "th dport"];
  const types: Type[] = [type, type, "inet_proto", "inet_service", "inet_service"];
  return counted(table, `published${family}`, types, keys, target, [PORTED_MATCH]);
}

function of(set: AddressSet, family: Family): Ranges<Value> {
  return family === 4 ? set.v4 : set.v6;
}

/** A chain that drops what a publish's `from` leaves out. */
function sourceChain(table: TableBuilder, family: Family, from: PeerSet): string {
  const sets = (["container", "host", "world"] as const).map((zone) => of(from[zone], family));
  const [container, host, world] = sets as [Ranges<Value>, Ranges<Value>, Ranges<Value>];
  const content = sets.map((set) => set.join(",")).join(";");
  const { source } = IN[family];
  return table.generate(`from${family}`, content, (name) => {
    if (equal(container, host) && equal(host, world)) return leaveOut(table, name, family, world);
    const zone = (suffix: string, set: Ranges<Value>): Target =>
      goto(table.chain(`${name}-${suffix}`, leaveOut(table, `${name}-${suffix}`, family, set)));
    return [
      rule([lookup(`own${family}`, source), then(zone("container", container))]),
      rule([match("fib saddr type", "local"), then(zone("host", host))]),
      ...leaveOut(table, name, family, world),
    ];
  });
}

function leaveOut(table: TableBuilder, name: string, family: Family, set: Ranges<Value>): Rule[] {
  const drop = then(publishDecides(table, family, DROP));
  if (set.length === 0) return [rule([drop])];
  const { min, max } = (family === 4 ? V4 : V6) as Domain<Value>;
  if (set.length === 2 && set[0] === min && set[1] === max) return [];
  const elements: Element[] = [];
  for (let i = 0; i < set.length; i += 2)
    elements.push({
      key: [set[i] === set[i + 1] ? (set[i] as Value) : { from: set[i] as Value, to: set[i + 1] as Value }],
      from: [],
    });
  table.set(name, [IN[family].type], elements, "sources of a published port");
  return [rule([{ kind: "lookup", keys: [IN[family].source], set: name, not: true }, drop])];
}

/** Rules of `translate-out`: source translation of hairpins, of the host's loopback, and masquerade. */
export function planSource(table: TableBuilder, policy: Policy, family: Family): Rule[] {
  const { source, destination, type } = IN[family];
  const rules: Rule[] = [];
  const published = policy.publishes.some((publish) => publish.families.includes(family));
  if (published) {
    const gateways = policy.networks.flatMap((network): Element[] => {
      const subnet = subnetOf(network, family);
      const gateway = gatewayOf(network, family);
      if (subnet === undefined || gateway === undefined) return [];
      const [from, to] = bounds(subnet);
      return [{ key: [{ from, to }], data: gateway.value, from: originsOf(network.origin) }];
    });
    table.map(`gateway${family}`, [type], type, gateways, "subnet: gateway");
    const toGateway: Expression = { kind: "snat", family, keys: [destination], address: `gateway${family}` };
    rules.push(
      rule(
        [match("ct status", "dnat"), lookup(`self${family}`, source, destination), toGateway],
        "a container that reaches itself through the host",
      ),
      rule(
        [
          match(source, family === 4 ? { from: 0x7f000000, to: 0x7fffffff } : 1n),
          lookup(`own${family}`, destination),
          toGateway,
        ],
        "the host's loopback to a published port",
      ),
    );
  }
  const elements: Element[] = [];
  for (const container of policy.containers) {
    if (isInternal(policy, container)) continue;
    for (const endpoint of container.endpoints) {
      const address = addressOf(endpoint, family);
      if (address === undefined || !networkNamed(policy, endpoint.network).masquerade) continue;
      elements.push({ key: [address.value], from: originsOf(container.origin) });
    }
  }
  if (elements.length > 0) {
    table.set(`masquerade${family}`, [type], elements, "containers of networks that masquerade");
    rules.push(
      rule([
        lookup(`masquerade${family}`, source),
        { kind: "lookup", keys: [destination], set: `own${family}`, not: true },
        { kind: "masquerade" },
      ]),
    );
  }
  return rules;
}
