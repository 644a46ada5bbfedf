/** The rules by which this host chooses routing tables, as `ip rule` has them. Read by netlink or by ip, which say the same. */
import { protocolName } from "../net/ports.js";
import { AF, ROUTE_TYPES, RULE_ACTIONS, TABLES } from "../system/netlink/rtnetlink.js";
import { type DumpedRule, dumpRules } from "../system/netlink/rules.js";
import { run } from "../system/run.js";
import { usesNetlink } from "../system/transport.js";
import type { Cidr } from "./topology.js";

export interface RoutingRule {
  readonly family: 4 | 6;
  /** The lowest is asked first. */
  readonly priority: number;
  /** It means all packets but those that it names. */
  readonly not: boolean;
  /** Undefined for every address. */
  readonly from: Cidr | undefined;
  readonly to: Cidr | undefined;
  readonly input: string | undefined;
  /** It asks for more: a mark, a user, a port. */
  readonly selective: boolean;
  /** `lookup`, `goto`, `nop`, `blackhole`, `unreachable`, `prohibit`. */
  readonly action: string;
  readonly table: string;
  /** It takes only some routes of its table. */
  readonly suppresses: boolean;
  /** `10: from all to 10.0.0.1 blackhole`. */
  readonly text: string;
}

/** Both families, each in the order in which the kernel asks them. */
export async function readRoutingRules(): Promise<RoutingRule[]> {
  if (usesNetlink()) return dumpRules().map(fromKernel).map(toRule);
  const families = await Promise.all([readByIp(4), readByIp(6)]);
  return families.flat();
}

/** What `ip -j rule` prints (iproute2 6.1, ip/iprule.c). */
interface IpRule {
  readonly priority: number;
  readonly not?: null;
  readonly src: string;
  readonly srclen?: number;
  readonly dst?: string;
  readonly dstlen?: number;
  readonly tos?: string;
  readonly fwmark?: string;
  readonly fwmask?: string;
  readonly iif?: string;
  readonly oif?: string;
  readonly l3mdev?: null;
  readonly uid_start?: number;
  readonly uid_end?: number;
  readonly ipproto?: string;
  readonly sport?: number;
  readonly sport_start?: number;
  readonly sport_end?: number;
  readonly dport?: number;
  readonly dport_start?: number;
  readonly dport_end?: number;
  readonly table?: string;
  readonly suppress_prefixlen?: number;
  readonly suppress_ifgroup?: string;
  readonly goto?: number;
  readonly nop?: null;
  readonly action?: string;
}

/** Keys of what names no packets by itself, or is a rule's address, device and end. */
const PLAIN: ReadonlySet<string> = new Set([
  ...["priority", "not", "src", "srclen", "dst", "dstlen", "iif", "iif_detached", "protocol", "flow", "flow_from"],
  ...["flow_to", "table", "suppress_prefixlen", "suppress_ifgroup", "goto", "unresolved", "nop", "action"],
]);

async function readByIp(family: 4 | 6): Promise<RoutingRule[]> {
  const { stdout } = await run("ip", [family === 4 ? "-4" : "-6", "-j", "rule", "show"]);
  const rules = stdout.trim() === "" ? [] : (JSON.parse(stdout) as IpRule[]);
  return rules.map((rule) => toRule({ family, rule }));
}

function toRule({ family, rule }: { family: 4 | 6; rule: IpRule }): RoutingRule {
  const whole = family === 4 ? 32 : 128;
  const cidr = (address: string | undefined, length = whole): string | undefined =>
    address === undefined || address === "all" || length === 0 ? undefined : `${address}/${length}`;
  const [from, to] = [cidr(rule.src, rule.srclen), cidr(rule.dst, rule.dstlen)];
  const suppresses = rule.suppress_prefixlen !== undefined || rule.suppress_ifgroup !== undefined;
  return {
    family,
    priority: rule.priority,
    not: rule.not !== undefined,
    from,
    to,
    input: rule.iif,
    selective: Object.keys(rule).some((key) => !PLAIN.has(key)),
    action: rule.action ?? (rule.goto !== undefined ? "goto" : rule.nop !== undefined ? "nop" : "lookup"),
    table: rule.table ?? "",
    suppresses,
    text: textOf(rule, from?.replace(`/${whole}`, ""), to?.replace(`/${whole}`, "")),
  };
}

function textOf(rule: IpRule, from = "all", to?: string): string {
  const words = (...pairs: (readonly [string, unknown])[]): string =>
    pairs.map(([word, value]) => (value === undefined ? "" : ` ${word} ${String(value)}`)).join("");
  const range = (only?: number, first?: number, last?: number): unknown =>
    first === undefined ? only : `${first}-${last}`;
  const mark =
    rule.fwmark === undefined ? undefined : rule.fwmark + (rule.fwmask === undefined ? "" : `/${rule.fwmask}`);
  return (
    `${rule.priority}:${rule.not === undefined ? "" : " not"} from ${from}` +
    words(["to", to], ["tos", rule.tos], ["fwmark", mark], ["iif", rule.iif], ["oif", rule.oif]) +
    (rule.l3mdev === undefined ? "" : " lookup [l3mdev-table]") +
    words(["uidrange", range(undefined, rule.uid_start, rule.uid_end)], ["ipproto", rule.ipproto]) +
    words(["sport", range(rule.sport, rule.sport_start, rule.sport_end)]) +
    words(["dport", range(rule.dport, rule.dport_start, rule.dport_end)]) +
    words(["lookup", rule.table], ["suppress_prefixlength", rule.suppress_prefixlen]) +
    words(["suppress_ifgroup", rule.suppress_ifgroup], ["goto", rule.goto]) +
    (rule.nop === undefined ? "" : " nop") +
    (rule.action === undefined ? "" : ` ${rule.action}`)
  );
}

const TABLE_NAMES = new Map(Object.entries(TABLES).map(([name, number]) => [number, name]));

/** The kernel's numbers in ip's words. */
function fromKernel(rule: DumpedRule): { family: 4 | 6; rule: IpRule } {
  const { priority, inverted, source, sourceLength, destination, destinationLength } = rule;
  const ports = ([from, to]: readonly [number, number]) => (from === to ? { only: from } : { from, to });
  const [sport, dport] = [rule.sourcePorts, rule.ports].map((range) => range && ports(range));
  const action = RULE_ACTIONS[rule.action] ?? ROUTE_TYPES[rule.action] ?? String(rule.action);
  const hex = (number: number): string => `0x${number.toString(16)}`;
  const all: Record<string, unknown> = {
    priority,
    not: inverted ? null : undefined,
    src: source ?? "all",
    srclen: sourceLength,
    dst: destination,
    dstlen: destinationLength,
    tos: rule.tos === 0 ? undefined : hex(rule.tos),
    fwmark: rule.mark === 0 && rule.mask === 0xffffffff ? undefined : hex(rule.mark),
    fwmask: rule.mask === 0xffffffff ? undefined : hex(rule.mask),
    iif: rule.input,
    oif: rule.output,
    l3mdev: rule.l3mdev ? null : undefined,
    uid_start: rule.users?.[0],
    uid_end: rule.users?.[1],
    ipproto: rule.protocol === undefined ? undefined : protocolName(rule.protocol),
    ...{ sport: sport?.only, sport_start: sport?.from, sport_end: sport?.to },
    ...{ dport: dport?.only, dport_start: dport?.from, dport_end: dport?.to },
    table: rule.table === 0 ? undefined : (TABLE_NAMES.get(rule.table) ?? String(rule.table)),
    suppress_prefixlen: rule.suppressLength,
    suppress_ifgroup: rule.suppressGroup === undefined ? undefined : String(rule.suppressGroup),
    goto: rule.goto,
    nop: action === "nop" ? null : undefined,
    action: ["lookup", "goto", "nop"].includes(action) ? undefined : action,
    unknown: rule.unknown.length > 0 ? rule.unknown : undefined,
  };
  const said = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return { family: rule.family === AF.INET ? 4 : 6, rule: said as unknown as IpRule };
}
