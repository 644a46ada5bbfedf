/**
 * The plan: a policy as rules of iptables and ip6tables. A pure function of the policy.
 *
 * The road of a packet: `guard` (raw) drops what no sandbox may send; `arrive` and `send` (nat) lead published ports to
 * their containers; `forward`, `input` and `output` (filter) decide; `leave` (nat) sees to source addresses. A chain
 * leads a packet on by what it is not (`others`), never by what it is: the kernel follows every way through the chains
 * when they are loaded, so chains that many rules lead to must be small.
 */
import { containersOn, isInternal, networkNamed, type Policy, subnetOf } from "../../ir/policy.js";
import { ownAddresses } from "../../ir/own.js";
import type { Family } from "../../net/address.js";
import { of } from "../shape/lanes.js";
import { Members } from "../shape/members.js";
import {
  ACCEPT,
  type ChainSink,
  connection,
  DROP,
  from,
  goto,
  ICMP_OF,
  jump,
  LOOPBACK,
  RETURN,
  rule,
  TableBuilder,
  to,
} from "./builder.js";
import { Layers } from "./layers.js";
import {
  cellsOf,
  beginRules,
  type Member,
  membersOf,
  NEIGHBOUR,
  Own,
  planDetour,
  planGuard,
  REDIRECT,
  relatedFrom,
  stateRules,
} from "./members.js";
import { originsOf } from "./origins.js";
import type { Match, Rule, Rules, Ruleset, Table, Target } from "./ruleset.js";
import { type Action, NONE, treeChain } from "./tree.js";
import { planLeftOut, planPublish, planPublished, planSource } from "./translation.js";

/** The rules of a policy, for both families; `filters` are told of the chains of the filter tables as they are made. */
export function plan(policy: Policy, filters: readonly (ChainSink | undefined)[] = []): Ruleset {
  return { policy: policy.name, families: [planFamily(policy, 4, filters[0]), planFamily(policy, 6, filters[1])] };
}

/** The rules of one family. */
export function planFamily(policy: Policy, family: Family, filter?: ChainSink): Rules {
  const members = membersOf(policy, family);
  if (members.length === 0) return { family, tables: [] };
  // First, since a tool may wait for its chains.
  const filters = planFilter(policy, family, members, filter);
  return { family, tables: [planRaw(policy, family, members), planNat(policy, family, members), filters] };
}

function planRaw(policy: Policy, family: Family, members: readonly Member[]): Table {
  const table = new TableBuilder(policy.name, family, "raw");
  table.entry("guard", planGuard(table, policy, members), "PREROUTING");
  return table.table;
}

function ownOf(table: TableBuilder, policy: Policy, members: readonly Member[]): Own {
  return new Own(table, members, of(ownAddresses(policy.containers), table.family));
}

function planNat(policy: Policy, family: Family, members: readonly Member[]): Table {
  const table = new TableBuilder(policy.name, family, "nat");
  const local: Match = { kind: "local", side: "destination" };
  const publish = planPublish(table, policy);
  const outside: Match = { kind: "destination", prefix: LOOPBACK[family], not: true };
  table.entry(
    "arrive",
    publish === undefined
      ? []
      : [rule([outside, local], jump(publish), [], "published ports, never on loopback from outside")],
    "PREROUTING",
  );
  table.entry(
    "send",
    publish === undefined ? [] : [rule([local], jump(publish), [], "published ports, from this host")],
    "OUTPUT",
  );
  table.entry("leave", planSource(table, policy, ownOf(table, policy, members)), "POSTROUTING");
  return table.table;
}

/** What the chains of the filter have in common. */
interface Parts {
  readonly table: TableBuilder;
  readonly policy: Policy;
  readonly own: Own;
  readonly layers: Layers;
  readonly cut: string;
  /** Drops what the `from` of a publish leaves out; undefined where none has one. */
  readonly leftOut: string | undefined;
  /** Of packets between containers or from this host. */
  readonly published: string | undefined;
  /** Drops what containers send all of whose networks are internal; undefined where there are none. */
  readonly confined: string | undefined;
}

const TRANSLATED = connection({ state: "DNAT" });

function planFilter(policy: Policy, family: Family, members: readonly Member[], sink?: ChainSink): Table {
  const table = new TableBuilder(policy.name, family, "filter", sink);
  const cut = table.timed("cut");
  const own = of(ownAddresses(policy.containers), family);
  const confined = members.filter(({ container }) => isInternal(policy, container));
  const parts: Parts = {
    table,
    policy,
    own: ownOf(table, policy, members),
    layers: new Layers(table, policy, new Members(family, own), own),
    cut,
    leftOut: planLeftOut(table, policy, members),
    published: planPublished(table, policy, { admitted: ACCEPT, rest: NONE }),
    confined:
      confined.length === 0
        ? undefined
        : treeChain(table, "intl", { key: from, cells: cellsOf(confined, () => DROPPED) }),
  };
  table.entry("forward", forwardRules(parts), "FORWARD");
  table.entry("accept", [rule([], jump(parts.own.ours(ACCEPT)))], "FORWARD");
  table.entry("input", inputRules(parts), "INPUT");
  table.entry("output", outputRules(parts), "OUTPUT");
  return table.table;
}

const DROPPED: Action = [rule([], DROP)];
const ACCEPTED: Action = [rule([], ACCEPT)];

/**
 * Through the host: between containers, and between a container and the world. Another policy's container is the
 * world's too, and has its own say: so what passes to or from the world only returns, and is accepted behind the
 * chains of all policies (`accept`). Of two containers nobody else speaks.
 */
function forwardRules(parts: Parts): Rule[] {
  const { table, policy, own, layers, cut, leftOut, published, confined } = parts;
  const drop = own.ours(DROP);
  return [
    planDetour(table, policy, own),
    ...stateRules(cut, RETURN, drop, relatedThrough(parts)),
    rule([], jump(own.others(to, goto(table.chain("away", worldRules(parts))))), [], "to no container"),
    rule([], jump(own.others(from, goto(table.chain("come", arrivingRules(parts))))), [], "from no container"),
    ...layers.rules("deny", "cc"),
    ...leftOutRules(leftOut),
    ...layers.rules("reject", "cc"),
    ...beginRules(cut, drop),
    ...(confined === undefined ? [] : [rule([TRANSLATED], jump(confined), [], "internal networks end here")]),
    ...(published === undefined ? [] : [rule([TRANSLATED], jump(amongOurs(parts, published)))]),
    ...layers.rules("allow", "cc"),
    rule([], jump(defaultBetween(parts)), [], "defaults between containers"),
  ];
}

const leftOutRules = (chain: string | undefined): Rule[] =>
  chain === undefined ? [] : [rule([TRANSLATED], jump(chain))];

/**
 * To what is published, for containers alone: what comes from elsewhere has been decided, and another policy, whose
 * container it may come from, has its say yet. Guards have seen to it that from our subnets only our containers send, and no
 * other policy's do.
 */
function amongOurs({ table, policy }: Parts, published: string): string {
  const subnets = policy.networks.flatMap((network) => subnetOf(network, table.family) ?? []);
  return table.chain(
    "between",
    subnets.map((subnet) => rule([from(subnet)], goto(published))),
  );
}

/** ICMP errors that pass through: from containers as `relatedFrom` says; from elsewhere unless about two containers. */
function relatedThrough({ table, own }: Parts): Rule {
  const dropped: Action = [rule([], DROP, [], "an error about others' connections")];
  const both = treeChain(table, "err", {
    key: (prefix) => connection({ replySource: prefix }),
    cells: cellsOf(own.members, () => dropped),
  });
  const inner: Action = [rule([], goto(both))];
  const either = treeChain(table, "err", {
    key: (prefix) => connection({ originalSource: prefix }),
    cells: cellsOf(own.members, () => inner),
  });
  return errors(table, goto(relatedFrom(table, own.members, RETURN, [rule([], goto(either))])));
}

function errors(table: TableBuilder, target: Target): Rule {
  return rule([{ kind: "protocol", protocol: ICMP_OF[table.family] }, connection({ state: "RELATED" })], target);
}

/** To the world, the host and from the host everything is allowed that nothing denies: only logs speak of allows. */
function worldRules({ own, layers, cut, confined }: Parts): Rule[] {
  return [
    ...layers.rules("deny", "cw"),
    ...layers.rules("reject", "cw"),
    ...beginRules(cut, own.ours(DROP)),
    ...(confined === undefined ? [] : [rule([], jump(confined), [], "internal networks end here")]),
    ...layers.logs("allow", "cw"),
  ];
}

function arrivingRules({ table, policy, own, layers, cut, leftOut }: Parts): Rule[] {
  const inside = own.members.filter(({ network }) => networkNamed(policy, network).internal);
  const last = [...layers.logs("allow", "wc"), ...layers.gate("wc", own.ranges)];
  const rest = goto(table.chain("gate", last));
  const published = planPublished(table, policy, { admitted: RETURN, rest: [rule([], rest)] });
  return [
    ...layers.rules("deny", "wc"),
    ...leftOutRules(leftOut),
    ...layers.rules("reject", "wc"),
    ...beginRules(cut, own.ours(DROP)),
    ...(inside.length === 0
      ? []
      : [
          rule(
            [],
            jump(treeChain(table, "intl", { key: to, cells: cellsOf(inside, () => DROPPED) })),
            [],
            "internal networks end here",
          ),
        ]),
    ...(published === undefined
      ? []
      : [
          rule(
            [{ kind: "local", side: "source" }, TRANSLATED],
            jump(own.are(to, DROP)),
            [],
            "this host's addresses don't come from outside",
          ),
          rule([TRANSLATED], goto(published)),
        ]),
    rule([], rest),
  ];
}

/** The default between containers, by the destination's network: its own containers where icc is on. */
function defaultBetween({ table, policy, own }: Parts): string {
  const { members } = own;
  const actions = new Map<string, Action>();
  // What the world sends isn't decided here.
  const others: Action = [rule([], jump(own.are(from, DROP)))];
  for (const network of policy.networks) {
    // Of a container on the network every address counts.
    const senders = network.icc ? membersOf({ containers: containersOn(policy, network.name) }, table.family) : [];
    const chain = treeChain(table, "icc", {
      key: from,
      cells: cellsOf(senders, () => ACCEPTED),
      rest: others,
    });
    actions.set(network.name, [rule([], goto(chain), originsOf(network.iccOrigin))]);
  }
  return treeChain(table, "icc", {
    key: to,
    cells: cellsOf(members, ({ network }) => actions.get(network) ?? DROPPED),
  });
}

function discovery(table: TableBuilder, accepting: string): Rule[] {
  if (table.family === 4) return [];
  return NEIGHBOUR.map((type) =>
    rule(
      [
        { kind: "protocol", protocol: ICMP_OF[6] },
        { kind: "icmp type", type },
      ],
      jump(accepting),
      [],
      "neighbour discovery belongs to no rule",
    ),
  );
}

/** From containers to this host. */
function inputRules({ table, own, layers, cut, confined }: Parts): Rule[] {
  const accepted = own.are(from, ACCEPT);
  const dropped = own.are(from, DROP);
  return [
    rule([{ kind: "in", device: "lo" }], RETURN, [], "what this host says to itself"),
    ...discovery(table, accepted),
    ...stateRules(cut, jump(accepted), dropped, errors(table, jump(relatedFrom(table, own.members)))),
    ...layers.rules("deny", "ch"),
    ...layers.rules("reject", "ch"),
    ...beginRules(cut, dropped),
    ...(confined === undefined ? [] : [rule([], jump(confined), [], "internal networks end here")]),
    ...layers.logs("allow", "ch"),
    rule([], jump(accepted), [], "default: container to host"),
  ];
}

/** From this host to containers. */
function outputRules({ table, own, layers, cut, leftOut, published }: Parts): Rule[] {
  const { family } = table;
  const accepted = own.are(to, ACCEPT);
  const dropped = own.are(to, DROP);
  const redirect: Match[] = [
    { kind: "protocol", protocol: ICMP_OF[family] },
    { kind: "icmp type", type: REDIRECT[family] },
  ];
  // The host's own kernel answers for rejected packets, with a reset or an ICMP error.
  const related = rule([connection({ state: "RELATED" })], jump(accepted));
  return [
    ...discovery(table, accepted),
    rule(redirect, jump(dropped), [], "all ways lead through the gateway"),
    ...stateRules(cut, jump(accepted), dropped, related),
    ...layers.rules("deny", "hc"),
    ...leftOutRules(leftOut),
    ...layers.rules("reject", "hc"),
    ...beginRules(cut, dropped),
    ...(published === undefined ? [] : [rule([TRANSLATED], jump(published))]),
    ...layers.logs("allow", "hc"),
    rule([], jump(accepted), [], "default: host to container"),
  ];
}
