/** Destination translation of published ports, the check behind it, and source translation. */
import {
  addressOf,
  gatewayOf,
  isInternal,
  networkNamed,
  type PeerSet,
  type Policy,
  subnetOf,
} from "../../ir/policy.js";
import { PORTED } from "../../net/ports.js";
import { contains } from "../../net/ranges.js";
import { inPrefix } from "../../net/prefix.js";
import { of, type Value } from "../shape/lanes.js";
import { type Way, waysOf } from "../shape/ways.js";
import { alone, connection, DROP, from, goto, jump, LOOPBACK, RETURN, rule, type TableBuilder, to } from "./builder.js";
import { cellsOf, type Member, type Own, rangeCells } from "./members.js";
import { originsOf } from "./origins.js";
import { type PortCell, portTree } from "./ports.js";
import type { Match, Rule, Run, Target } from "./ruleset.js";
import { type Action, NONE, treeChain } from "./tree.js";

/** The ways of each protocol, by their host ports. */
function byProtocol(ways: readonly Way[]): [number, Way[]][] {
  return PORTED.flatMap((protocol): [number, Way[]][] => {
    const mine = ways.filter((way) => way.publish.protocol === protocol);
    mine.sort((a, b) => a.hostPorts[0] - b.hostPorts[0]);
    return mine.length === 0 ? [] : [[protocol, mine]];
  });
}

/** The chain that translates what is published; undefined when nothing is. */
export function planPublish(table: TableBuilder, policy: Policy): string | undefined {
  const { family } = table;
  const ways = waysOf(policy, family);
  if (ways.length === 0) return undefined;
  const rules = byProtocol(ways).flatMap(([protocol, mine]) => {
    const test = (run: Run): Match => ({ kind: "port", protocol, run });
    const cells = mine.map((way): PortCell => ({ run: way.hostPorts, rules: translations(table, way) }));
    return portTree(table, "pub", test, cells);
  });
  return table.chain("pub", rules);
}

/** New connections go to each target in turn; connection tracking keeps established ones where they are. */
function translations(table: TableBuilder, way: Way): Rule[] {
  const { publish, host, hostPorts, port, targets } = way;
  const tests: Match[] = [
    ...(host === undefined ? [] : [to(alone(table.family, host))]),
    { kind: "port", protocol: publish.protocol, run: hostPorts },
  ];
  const moved = port !== hostPorts[0];
  const length = hostPorts[1] - hostPorts[0];
  return targets.map((address, i) => {
    const left = targets.length - i;
    const matches = left > 1 ? [...tests, { kind: "nth" as const, every: left }] : tests;
    const target: Target = {
      kind: "dnat",
      address,
      ...(moved ? { ports: [port, port + length] as const } : {}),
      ...(moved && length > 0 ? { base: hostPorts[0] } : {}),
    };
    return rule(matches, target, [publish.origin]);
  });
}

/** What becomes of translated packets that a publish admits, and of those that none of ours has translated. */
export interface Outcome {
  readonly admitted: Target;
  readonly rest: Action;
}

/**
 * The chain of the filter that drops what came through one of our publishes whose `from` leaves its source out, and returns
 * the rest; undefined where no publish has one.
 */
export function planLeftOut(table: TableBuilder, policy: Policy, members: readonly Member[]): string | undefined {
  const limited = waysOf(policy, table.family).filter(({ publish }) => publish.from !== undefined);
  return wayChain(table, limited, NONE, ({ publish }) => goto(sourceChain(table, members, publish.from as PeerSet)));
}

/**
 * The chain of the filter that admits what came through one of our publishes. It compares the whole way (host port,
 * container address and port), because a translation alone may be somebody else's.
 */
export function planPublished(table: TableBuilder, policy: Policy, { admitted, rest }: Outcome): string | undefined {
  return wayChain(table, waysOf(policy, table.family), rest, () => admitted);
}

function wayChain(
  table: TableBuilder,
  ways: readonly Way[],
  rest: Action,
  targetOf: (way: Way) => Target,
): string | undefined {
  const { family } = table;
  if (ways.length === 0) return undefined;
  const rules = byProtocol(ways).map(([protocol, mine]) => {
    const cells = mine.map((one): PortCell => {
      const { publish, host, hostPorts, port, targets } = one;
      const target = targetOf(one);
      const run = [port, port + hostPorts[1] - hostPorts[0]] as const;
      const way = connection({
        ...(host === undefined ? {} : { originalDestination: alone(family, host) }),
        originalPort: hostPorts,
      });
      const rules = targets.map((address) =>
        rule([to(alone(family, address)), { kind: "port", protocol, run }, way], target, [publish.origin]),
      );
      return { run: hostPorts, rules };
    });
    const tree = portTree(table, "way", (run) => connection({ originalPort: run }), cells, rest);
    return rule([{ kind: "protocol", protocol }], goto(table.chain("way", tree)));
  });
  return table.chain("way", [...rules, ...rest]);
}

const SHUT_OUT: Action = [rule([], DROP)];

const ADMITTED: Action = [rule([], RETURN)];

/** A chain that returns the sources of a publish's `from` and drops the others. */
function sourceChain(table: TableBuilder, members: readonly Member[], peers: PeerSet): string {
  const { family } = table;
  const admit = (zone: "host" | "world"): string =>
    treeChain(table, "from", { key: from, cells: rangeCells(of(peers[zone], family), ADMITTED), rest: SHUT_OUT });
  const own = of(peers.container, family);
  return treeChain(table, "from", {
    key: from,
    cells: cellsOf(members, ({ value }) => (contains(own, value) ? ADMITTED : SHUT_OUT)),
    rest: [rule([{ kind: "local", side: "source" }], goto(admit("host"))), rule([], goto(admit("world")))],
  });
}

/** The rules of POSTROUTING: source translation of hairpins, of the host's loopback, and masquerade. */
export function planSource(table: TableBuilder, policy: Policy, own: Own): Rule[] {
  const { family } = table;
  const { members } = own;
  const rules: Rule[] = [];
  if (policy.publishes.some((publish) => publish.families.includes(family)))
    rules.push(...planHairpin(table, policy, members));
  const masqueraded = members.filter(
    ({ container, network }) => !isInternal(policy, container) && networkNamed(policy, network).masquerade,
  );
  if (masqueraded.length > 0) {
    const chain = treeChain(table, "masq", {
      key: from,
      cells: cellsOf(masqueraded, () => [rule([], { kind: "masquerade" })]),
    });
    rules.push(rule([], jump(own.others(to, goto(chain))), [], "containers of networks that masquerade"));
  }
  return rules;
}

function planHairpin(table: TableBuilder, policy: Policy, members: readonly Member[]): Rule[] {
  const { family } = table;
  const gatewayFor = (value: Value): Target | undefined => {
    const address = family === 4 ? { family, value: value as number } : { family, value: value as bigint };
    for (const network of policy.networks) {
      const subnet = subnetOf(network, family);
      const gateway = gatewayOf(network, family);
      if (subnet !== undefined && gateway !== undefined && inPrefix(subnet, address))
        return { kind: "snat", address: gateway.value };
    }
    return undefined;
  };
  const self = treeChain(table, "self", {
    key: from,
    cells: cellsOf(members, ({ container }) =>
      container.endpoints.flatMap((endpoint) => {
        const address = addressOf(endpoint, family);
        const gateway = address && gatewayFor(address.value);
        if (address === undefined || gateway === undefined) return [];
        return [rule([to(alone(family, address.value))], gateway, originsOf(container.origin))];
      }),
    ),
  });
  const loop = treeChain(table, "loop", {
    key: to,
    cells: cellsOf(members, ({ value }) => {
      const gateway = gatewayFor(value);
      return gateway === undefined ? [] : [rule([], gateway)];
    }),
  });
  return [
    rule([connection({ state: "DNAT" })], jump(self), [], "a container that reaches itself through the host"),
    rule([from(LOOPBACK[family])], jump(loop), [], "the host's loopback to a published port"),
  ];
}
