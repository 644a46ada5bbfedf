/**
 * Rules as iptables-restore takes them, in the very words and order in which iptables-save gives them back: so what
 * stands in the kernel is compared as lines.
 */
import { type Family, formatValue } from "../../net/address.js";
import { formatPrefix, type Prefix } from "../../net/prefix.js";
import { ICMPV6, protocolName } from "../../net/ports.js";
import { location } from "../../text/source.js";
import type { Chain, Match, Printed, Rule, Rules, Run, Table, Target } from "./ruleset.js";

/** What iptables holds of a comment, in bytes. */
const COMMENT_BYTES = 255;
const PLAIN = /^[-_0-9A-Za-z]+$/;
const SPECIAL = /["\\']/;

/** Quoted as iptables-save does it; line ends can't be in what is quoted. */
function quote(text: string): string {
  if (PLAIN.test(text)) return text;
  return `"${SPECIAL.test(text) ? text.replace(/["\\']/g, (character) => `\\${character}`) : text}"`;
}

/** Unicode's Cc. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]+/g;

function oneLine(text: string): string {
  return text.replace(CONTROLS, " ");
}

/** Text that a comment can hold: of one line, cut where it is too long. */
function commentText(rule: Rule): string | undefined {
  if (rule.plain === true) return undefined;
  const [first, ...others] = rule.from;
  if (first === undefined) return rule.note === undefined ? undefined : fitting(rule.note);
  return saidText({ text: first.text, more: others.length });
}

interface Said {
  readonly text: string;
  readonly more: number;
}

function saidText({ text, more }: Said): string {
  return fitting(more === 0 ? text : `${text} (and ${more} more)`);
}

function fitting(text: string): string {
  const line = oneLine(text);
  if (line.length <= COMMENT_BYTES / 3) return line;
  const bytes = Buffer.from(line);
  if (bytes.length <= COMMENT_BYTES) return line;
  return `${bytes
    .subarray(0, COMMENT_BYTES - 3)
    .toString()
    .replace(/\ufffd+$/, "")}…`;
}

const words: string[] = [];

export function protocolWord(protocol: number): string {
  return (words[protocol] ??= protocol === ICMPV6 ? "ipv6-icmp" : protocolName(protocol));
}

const runText = ([from, to]: Run): string => (from === to ? String(from) : `${from}:${to}`);

/** Connection tracking's addresses are printed without a length where it is all of them. */
function plainPrefix(prefix: Prefix): string {
  const text = formatPrefix(prefix);
  return prefix.length === (prefix.family === 4 ? 32 : 128) ? text.slice(0, text.indexOf("/")) : text;
}

const SECONDS = { second: 1, minute: 60, hour: 3600, day: 86400 } as const;
const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["min", 60],
  ["sec", 1],
] as const;

/** The kernel keeps a period in ten thousandths of a second, and it is printed in the largest unit that it fits. */
function limitText(count: number, per: keyof typeof SECONDS): string {
  const period = Math.floor((SECONDS[per] * 10000) / count);
  let at = 1;
  for (; at < UNITS.length; at++) {
    const unit = (UNITS[at] as (typeof UNITS)[number])[1] * 10000;
    if (period > unit || Math.floor(unit / period) < unit % period) break;
  }
  const [name, seconds] = UNITS[at - 1] as (typeof UNITS)[number];
  return `${Math.floor((seconds * 10000) / period)}/${name}`;
}

/** The words that stand before all others, in this order. */
const HEAD = ["source", "destination", "in", "out", "protocol"] as const;

function headText(match: Match, slot: (typeof HEAD)[number]): string | undefined {
  switch (match.kind) {
    case "source":
    case "destination":
      if (match.kind !== slot || match.prefix.length === 0) return undefined;
      return `${match.not === true ? "! " : ""}${slot === "source" ? "-s" : "-d"} ${formatPrefix(match.prefix)}`;
    case "in":
    case "out":
      return match.kind === slot ? `-${slot === "in" ? "i" : "o"} ${match.device}` : undefined;
    case "protocol":
      if (slot !== "protocol") return undefined;
      return `${match.not === true ? "! " : ""}-p ${protocolWord(match.protocol)}`;
    case "port":
    case "ports":
      return slot === "protocol" ? `-p ${protocolWord(match.protocol)}` : undefined;
    case "not beginning":
      return slot === "protocol" ? "-p tcp" : undefined;
    default:
      return undefined;
  }
}

function matchText(match: Match, family: Family): string | undefined {
  switch (match.kind) {
    case "source":
    case "destination":
    case "in":
    case "out":
    case "protocol":
      return undefined;
    case "port":
      return `-m ${protocolWord(match.protocol)} --dport ${runText(match.run)}`;
    case "ports":
      return `-m multiport --dports ${match.runs.map(runText).join(",")}`;
    case "connection": {
      const { state, originalSource, originalDestination, replySource, originalPort, direction } = match;
      const parts = ["-m conntrack"];
      if (state !== undefined) parts.push(`--ctstate ${state}`);
      if (originalSource !== undefined) parts.push(`--ctorigsrc ${plainPrefix(originalSource)}`);
      if (originalDestination !== undefined) parts.push(`--ctorigdst ${plainPrefix(originalDestination)}`);
      if (replySource !== undefined) parts.push(`--ctreplsrc ${plainPrefix(replySource)}`);
      if (originalPort !== undefined) parts.push(`--ctorigdstport ${runText(originalPort)}`);
      if (direction !== undefined) parts.push(`--ctdir ${direction}`);
      return parts.join(" ");
    }
    case "mac":
      return `-m mac --mac-source ${match.address}`;
    case "local":
      return `-m addrtype --${match.side === "source" ? "src" : "dst"}-type LOCAL`;
    case "icmp type":
      return family === 4 ? `-m icmp --icmp-type ${match.type}` : `-m icmp6 --icmpv6-type ${match.type}`;
    case "not beginning":
      return "-m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN";
    case "nth":
      return `-m statistic --mode nth --every ${match.every} --packet 0`;
    case "limit":
      return `-m limit --limit ${limitText(match.count, match.per)}`;
  }
}

export function targetText(target: Target, family: Family): string {
  switch (target.kind) {
    case "accept":
    case "drop":
    case "return":
    case "masquerade":
      return `-j ${target.kind.toUpperCase()}`;
    case "jump":
      return `-j ${target.chain}`;
    case "goto":
      return `-g ${target.chain}`;
    case "reject":
      if (target.with === "tcp-reset") return "-j REJECT --reject-with tcp-reset";
      return `-j REJECT --reject-with ${family === 4 ? "icmp" : "icmp6"}-${target.with}`;
    case "log":
      return `-j LOG --log-prefix ${quote(target.prefix)}`;
    case "snat":
      return `-j SNAT --to-source ${formatValue(family, target.address)}`;
    case "dnat": {
      const { address, ports, base } = target;
      const host = formatValue(family, address);
      if (ports === undefined) return `-j DNAT --to-destination ${host}`;
      const run = ports[0] === ports[1] ? String(ports[0]) : `${ports[0]}-${ports[1]}`;
      const shift = base === undefined ? "" : `/${base}`;
      return `-j DNAT --to-destination ${family === 4 ? host : `[${host}]`}:${run}${shift}`;
    }
  }
}

/** What no comment can have as it is. */
// eslint-disable-next-line no-control-regex
const ODD = /["\\'\u0000-\u001f\u007f-\u009f]/;

/** The text of a statement, as a comment has it; `more` others say the same. */
export function saidComment(text: string, more: number): string {
  // Of ten thousand statements nearly each is such a one.
  if (more === 0 && text.length <= COMMENT_BYTES / 3 && text.includes(" ") && !ODD.test(text))
    return ` -m comment --comment "${text}"`;
  return ` -m comment --comment ${quote(saidText({ text, more }))}`;
}

/** A rule without its chain's name. */
export function ruleText(rule: Rule, family: Family): string {
  const { matches, target } = rule;
  const words: string[] = [];
  for (const slot of HEAD)
    for (const match of matches) {
      const text = headText(match, slot);
      if (text === undefined) continue;
      words.push(text);
      break;
    }
  for (const match of matches) {
    const text = matchText(match, family);
    if (text !== undefined) words.push(text);
  }
  const comment = commentText(rule);
  if (comment !== undefined) words.push(`-m comment --comment ${quote(comment)}`);
  words.push(targetText(target, family));
  return words.join(" ");
}

export function printRules(rules: readonly Rule[], family: Family): Printed {
  const leads = new Map<string, number>();
  for (const { target } of rules)
    if (target.kind === "jump" || target.kind === "goto") leads.set(target.chain, (leads.get(target.chain) ?? 0) + 1);
  return { text: rules.map((rule) => ruleText(rule, family)).join("\n"), count: rules.length, leads };
}

/** The rules of a chain; those that were printed already aren't asked for. */
export function printed(chain: Chain, family: Family): Printed {
  return chain.printed ?? printRules(chain.rules, family);
}

/** The lines of what was printed. */
export function linesOf({ text, count }: Printed): readonly string[] {
  return count === 0 ? [] : text.split("\n");
}

/** The rule of a built-in chain that leads to an entry. */
export function hookText(chain: Chain): string {
  return `-j ${chain.name}`;
}

/** The lines of a table, from its name to its COMMIT. */
function tableText(table: Table, family: Family, locations: boolean): string[] {
  const lines = [`*${table.name}`];
  for (const chain of table.chains) lines.push(`:${chain.name} - [0:0]`);
  // Each becomes the first, so the first is the last to be put there.
  for (const chain of table.chains.toReversed())
    if (chain.hook !== undefined) lines.push(`-I ${chain.hook} ${hookText(chain)}`);
  for (const chain of table.chains) {
    const texts = linesOf(printed(chain, family));
    for (const [i, rule] of chain.rules.entries()) {
      if (locations)
        for (const origin of rule.from) lines.push(`# ${oneLine(location(origin.span))}: ${oneLine(origin.text)}`);
      lines.push(`-A ${chain.name} ${texts[i]}`);
    }
  }
  lines.push("COMMIT");
  return lines;
}

/**
 * What iptables-restore or ip6tables-restore takes. `locations` adds the place of each statement above its rules; what
 * is loaded has the statement's text alone.
 */
export function toText(rules: Rules, options: { readonly locations?: boolean } = {}): string {
  const lines = rules.tables.flatMap((table) => tableText(table, rules.family, options.locations ?? false));
  return lines.map((line) => `${line}\n`).join("");
}
