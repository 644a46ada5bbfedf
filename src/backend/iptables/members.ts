/** Who is who: trees over the addresses of this policy's containers, and the guard that lets a sandbox speak for itself. */
import { addressOf, type Container, type Policy } from "../../ir/policy.js";
import { TCP } from "../../net/ports.js";
import type { Prefix } from "../../net/prefix.js";
import type { Ranges } from "../../net/ranges.js";
import type { Value } from "../shape/lanes.js";
import {
  ACCEPT,
  alone,
  connection,
  DROP,
  from,
  goto,
  ICMP_OF,
  jump,
  LOOPBACK,
  RETURN,
  rule,
  type TableBuilder,
  to,
} from "./builder.js";
import { devicesChain, devicesInCommon } from "./devices.js";
import type { Cell } from "./prefixes.js";
import type { Match, Rule, Target } from "./ruleset.js";
import { type Action, NONE, type Tree, treeChain } from "./tree.js";
import { originsOf } from "./origins.js";

/** Neighbour solicitation and advertisement, and redirects (IANA's ICMP and ICMPv6 types). */
export const NEIGHBOUR = [135, 136] as const;
export const REDIRECT = { 4: 5, 6: 137 } as const;

/** An address of a container, and whose it is. */
export interface Member {
  readonly value: Value;
  readonly container: Container;
  readonly network: string;
}

/** Every address of the family that a container has, ascending. */
export function membersOf({ containers }: Pick<Policy, "containers">, family: 4 | 6): Member[] {
  const members = containers.flatMap((container) =>
    container.endpoints.flatMap((endpoint): Member[] => {
      const address = addressOf(endpoint, family);
      return address === undefined ? [] : [{ value: address.value, container, network: endpoint.network }];
    }),
  );
  return members.sort((a, b) => (a.value < b.value ? -1 : 1));
}

/** Cells of single addresses. */
export function cellsOf<M extends { readonly value: Value }>(
  members: readonly M[],
  action: (member: M) => Action,
): Cell<Action>[] {
  return members.map((member) => ({ from: member.value, to: member.value, action: action(member) }));
}

/** Cells of ranges, all with one action. */
export function rangeCells(ranges: Ranges<Value>, action: Action): Cell<Action>[] {
  const cells: Cell<Action>[] = [];
  for (let i = 0; i < ranges.length; i += 2)
    cells.push({ from: ranges[i] as Value, to: ranges[i + 1] as Value, action });
  return cells;
}

/** Trees over the containers' addresses in one table, each made when it is asked for. */
export class Own {
  readonly members: readonly Member[];
  private readonly table: TableBuilder;
  readonly ranges: Ranges<Value>;

  constructor(table: TableBuilder, members: readonly Member[], ranges: Ranges<Value>) {
    this.table = table;
    this.members = members;
    this.ranges = ranges;
  }

  /** Does it to packets from, or to, a container; others go on. */
  are(key: Tree["key"], target: Target): string {
    return treeChain(this.table, "own", { key, cells: rangeCells(this.ranges, [rule([], target)]) });
  }

  /** Leads packets from, or to, no container elsewhere; others go on. */
  others(key: Tree["key"], target: Target): string {
    return treeChain(this.table, "out", {
      key,
      cells: rangeCells(this.ranges, NONE),
      rest: [rule([], target)],
      levels: 3,
    });
  }

  /** To and from. */
  ours(target: Target): string {
    return this.table.chain("ours", [rule([], jump(this.are(from, target))), rule([], jump(this.are(to, target)))]);
  }
}

/** The chain of raw's PREROUTING: drops what a sandbox may not send, and what claims to be a sandbox and isn't. */
export function planGuard(table: TableBuilder, policy: Policy, members: readonly Member[]): Rule[] {
  const { family } = table;
  const devices = policy.containers.flatMap((container) =>
    container.endpoints.map(({ device }) => ({ device, from: originsOf(container.origin) })),
  );
  const honest: Target =
    family === 6
      ? RETURN
      : goto(table.chain("near", [rule([to(LOOPBACK[4])], DROP, [], "the host's loopback is the host's")]));
  const liars = table.chain("liar", [
    ...(family === 6
      ? [
          rule(
            [
              from({ family: 6, base: 0n, length: 128 }),
              { kind: "protocol", protocol: ICMP_OF[6] },
              { kind: "icmp type", type: NEIGHBOUR[0] },
            ],
            RETURN,
            [],
            "duplicate address detection",
          ),
        ]
      : []),
    rule([], DROP, [], "a sandbox speaks for itself alone"),
  ]);
  const alien = rule(
    [{ kind: "in", device: devicesInCommon(devices) }],
    goto(devicesChain(table, "in", devices, goto(liars))),
  );
  const frames = treeChain(table, "frm", {
    key: from,
    // A container may send any of its own addresses on any of its devices.
    cells: cellsOf(members, ({ container }) => [
      ...container.endpoints.map(({ device, mac }) =>
        rule(
          [
            { kind: "in", device },
            { kind: "mac", address: mac },
          ],
          honest,
          originsOf(container.origin),
        ),
      ),
      rule([], DROP),
    ]),
    rest: [alien],
  });
  return [rule([{ kind: "in", device: "lo" }], RETURN, [], "what this host says to itself"), rule([], jump(frames))];
}

/** Drops what leaves for a sandbox and bears another address: a source route has its next stop there. */
export function planDetour(table: TableBuilder, policy: Policy, own: Own): Rule {
  const devices = policy.containers.flatMap((container) =>
    container.endpoints.map(({ device }) => ({ device, from: originsOf(container.origin) })),
  );
  const chain = own.others(to, goto(devicesChain(table, "out", devices, DROP)));
  return rule(
    [{ kind: "out", device: devicesInCommon(devices) }],
    jump(chain),
    [],
    "what leads to a sandbox bears its address",
  );
}

const PORTLESS_TOO: Match = { kind: "protocol", protocol: TCP, not: true };

/**
 * What every packet of ours meets first, by how it stands to its connection. Only replies pass unasked. Flows that have
 * no beginning and were cut must not come back as replies to their own other side.
 */
export function stateRules(cut: string, replies: Target, drop: string, related: Rule): Rule[] {
  return [
    rule([PORTLESS_TOO, connection({ direction: "REPLY" })], jump(cut), [], "flows that were cut"),
    rule([connection({ state: "ESTABLISHED", direction: "REPLY" })], replies, [], "replies"),
    related,
    rule([connection({ state: "INVALID" })], jump(drop)),
  ];
}

/** What comes behind deny and reject, which log and answer packets of connections that were cut like any. */
export function beginRules(cut: string, drop: string): Rule[] {
  return [
    rule([PORTLESS_TOO], jump(cut), [], "flows that were cut"),
    rule(
      [{ kind: "not beginning" }, connection({ state: "NEW" })],
      jump(drop),
      [],
      "a connection begins at its beginning",
    ),
  ];
}

/**
 * ICMP errors from containers: one passes if its sender is an end of the connection that it speaks of. The others are
 * dropped. Errors from elsewhere fall to `rest`.
 */
export function relatedFrom(
  table: TableBuilder,
  members: readonly Member[],
  accepted: Target = ACCEPT,
  rest: Action = NONE,
): string {
  const { family } = table;
  const owned = new Map<Container, Prefix[]>();
  for (const { container, value } of members) {
    const known = owned.get(container);
    if (known === undefined) owned.set(container, [alone(family, value)]);
    else known.push(alone(family, value));
  }
  return treeChain(table, "err", {
    key: from,
    cells: cellsOf(members, ({ container }) => {
      const own = owned.get(container) ?? [];
      return [
        ...own.map((prefix) => rule([connection({ originalSource: prefix })], accepted)),
        ...own.map((prefix) => rule([connection({ replySource: prefix })], accepted)),
        rule([], DROP, [], "an error about others' connections"),
      ];
    }),
    rest,
  });
}
