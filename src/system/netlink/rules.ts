/** The rules by which a namespace chooses routing tables (ip-rule(8)), in the kernel's terms. */
import { formatRaw } from "./address.js";
import { be32, scan, textAt, u16, u32 } from "./decoder.js";
import { dump } from "./dump.js";
import * as rt from "./rtnetlink.js";
import { NetlinkSocket, PROTOCOL } from "./socket.js";

export interface DumpedRule {
  readonly family: number;
  readonly priority: number;
  /** FR_ACT. */
  readonly action: number;
  readonly table: number;
  readonly inverted: boolean;
  readonly tos: number;
  /** Undefined for every address, when its length is 0. */
  readonly source: string | undefined;
  readonly sourceLength: number;
  readonly destination: string | undefined;
  readonly destinationLength: number;
  readonly input: string | undefined;
  readonly output: string | undefined;
  readonly mark: number;
  readonly mask: number;
  readonly l3mdev: boolean;
  readonly users: readonly [number, number] | undefined;
  readonly protocol: number | undefined;
  readonly sourcePorts: readonly [number, number] | undefined;
  readonly ports: readonly [number, number] | undefined;
  readonly goto: number | undefined;
  /** The shortest prefix of a route that counts, less one. */
  readonly suppressLength: number | undefined;
  readonly suppressGroup: number | undefined;
  /** Attributes that are none of these, and may narrow it. */
  readonly unknown: readonly number[];
}

type Growing = { -readonly [K in keyof DumpedRule]: DumpedRule[K] };

/** Reads this process's own namespace, both families, in the order in which the kernel asks them. */
export function dumpRules(): DumpedRule[] {
  const socket = new NetlinkSocket(PROTOCOL.ROUTE, undefined);
  try {
    return dump(socket, rt.RTM.GETRULE, 12, toRule);
  } finally {
    socket.close();
  }
}

/** Behind `struct fib_rule_hdr` (linux/fib_rules.h), 12 bytes. */
function toRule(body: Buffer): DumpedRule | undefined {
  const family = body[0] as number;
  // Multicast routing has rules of its own.
  if (family !== rt.AF.INET && family !== rt.AF.INET6) return undefined;
  const unknown: number[] = [];
  const rule: Growing = {
    family,
    priority: 0,
    action: body[7] as number,
    table: body[4] as number,
    inverted: (u32(body, 8) & rt.FIB_RULE_INVERT) !== 0,
    tos: body[3] as number,
    ...{ source: undefined, sourceLength: body[2] as number },
    ...{ destination: undefined, destinationLength: body[1] as number },
    ...{ input: undefined, output: undefined, mark: 0, mask: 0xffffffff, l3mdev: false },
    ...{ users: undefined, protocol: undefined, sourcePorts: undefined, ports: undefined, goto: undefined },
    ...{ suppressLength: undefined, suppressGroup: undefined, unknown },
  };
  const set = (number: number): number | undefined => (number === 0xffffffff ? undefined : number);
  scan(body, 12, body.length, (attribute, start, end) => {
    const { FRA } = rt;
    if (attribute === FRA.DST) rule.destination = formatRaw(body, start, end);
    else if (attribute === FRA.SRC) rule.source = formatRaw(body, start, end);
    else if (attribute === FRA.IIFNAME) rule.input = textAt(body, start, end);
    else if (attribute === FRA.OIFNAME) rule.output = textAt(body, start, end);
    else if (attribute === FRA.GOTO) rule.goto = u32(body, start);
    else if (attribute === FRA.PRIORITY) rule.priority = u32(body, start);
    else if (attribute === FRA.FWMARK) rule.mark = u32(body, start);
    else if (attribute === FRA.FWMASK) rule.mask = u32(body, start);
    else if (attribute === FRA.SUPPRESS_IFGROUP) rule.suppressGroup = set(u32(body, start));
    else if (attribute === FRA.SUPPRESS_PREFIXLEN) rule.suppressLength = set(u32(body, start));
    else if (attribute === FRA.TABLE) rule.table = u32(body, start);
    else if (attribute === FRA.L3MDEV) rule.l3mdev = body[start] !== 0;
    else if (attribute === FRA.UID_RANGE) rule.users = [u32(body, start), u32(body, start + 4)];
    else if (attribute === FRA.IP_PROTO) rule.protocol = body[start];
    else if (attribute === FRA.SPORT_RANGE) rule.sourcePorts = [u16(body, start), u16(body, start + 2)];
    else if (attribute === FRA.DPORT_RANGE) rule.ports = [u16(body, start), u16(body, start + 2)];
    else if (attribute === FRA.TUN_ID) {
      if (be32(body, start) !== 0 || be32(body, start + 4) !== 0) unknown.push(attribute);
    } else if (!rt.FRA_NEUTRAL.includes(attribute)) unknown.push(attribute);
  });
  return rule;
}
