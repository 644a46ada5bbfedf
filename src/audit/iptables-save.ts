/**
 * What iptables-save prints, as rules of the plan's type: for the rules of iptables that nft can't list whole, and for
 * the legacy tables, which nft doesn't see. Pure. A match or target that isn't known makes its rule uncertain.
 */
import type { ReadChain, ReadRule } from "../backend/nftables/from-json.js";
import { withoutLater } from "../backend/nftables/foreign-statement.js";
import type { Expression, Hook, Key, Part, Rule } from "../backend/nftables/ruleset.js";
import { parseAddress } from "../net/address.js";
import { bounds, prefixOf } from "../net/prefix.js";

export interface SavedTable {
  readonly name: string;
  readonly chains: readonly ReadChain[];
}

/** Priorities of the tables' chains on their hooks (linux/netfilter_ipv4.h: nf_ip_hook_priorities). */
const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, filter: 0, security: 50 };

/** `text`: of one or several tables, with or without counters. */
export function parseSave(text: string, family: 4 | 6): SavedTable[] {
  const tables: { name: string; chains: Map<string, { policy: string; rules: ReadRule[] }> }[] = [];
  for (const line of text.split("\n")) {
    const table = tables.at(-1);
    if (line.startsWith("*")) tables.push({ name: line.slice(1).trim(), chains: new Map() });
    else if (line.startsWith(":") && table !== undefined) {
      const [name = "", policy = "-"] = line.slice(1).split(" ");
      table.chains.set(name, { policy, rules: [] });
    } else if (line.startsWith("-A ") && table !== undefined) {
      const words = wordsOf(line);
      const chain = table.chains.get(words[1] ?? "");
      chain?.rules.push(readRule(words.slice(2), line.slice(`-A ${words[1]} `.length), family, chain.rules.length + 1));
    }
  }
  return tables.map(({ name, chains }) => ({
    name,
    chains: [...chains].map(([chain, { policy, rules }]): ReadChain => ({
      name: chain,
      rules: rules.map((rule) => known(rule, chains)),
      policy: policy === "DROP" ? "drop" : "accept",
      ...hookOf(name, chain, policy),
    })),
  }));
}

/** A target that is neither a chain nor known may do anything. */
function known(rule: ReadRule, chains: ReadonlyMap<string, unknown>): ReadRule {
  const leads = rule.expressions.find(
    (e) => e.kind === "verdict" && "chain" in e.target && !chains.has(e.target.chain),
  );
  if (leads === undefined) return rule;
  const expressions = rule.expressions.filter((e) => e !== leads);
  return { ...rule, expressions, kinds: ["xt"], uncertain: true, understood: false };
}

function hookOf(table: string, chain: string, policy: string): { hook?: Hook } {
  if (policy === "-") return {};
  const hook = chain.toLowerCase() as Hook["hook"];
  const source = hook === "postrouting" || hook === "input";
  const priority = table === "nat" ? (source ? 100 : -100) : (PRIORITIES[table] ?? 0);
  return { hook: { type: table === "nat" ? "nat" : "filter", hook, priority } };
}

/** Words of a line; quoted ones without their quotes. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    ([, quoted, plain]) => plain ?? (quoted ?? "").replace(/\\(.)/g, "$1"),
  );
}

interface Growing {
  readonly expressions: Expression[];
  readonly kinds: string[];
  uncertain: boolean;
  rewrites?: boolean;
  copies?: string;
  port?: number;
}

function readRule(words: readonly string[], text: string, family: 4 | 6, handle: number): ReadRule {
  const rule: Growing = { expressions: [], kinds: [], uncertain: false };
  let not = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    if (word === "!") {
      not = true;
      continue;
    }
    const option = own(OPTIONS, word);
    if (option === undefined) rule.uncertain = true;
    else option(rule, words.slice(i + 1, i + 1 + valuesOf(word)).join(" "), not, family);
    if (option !== undefined) i += valuesOf(word);
    // What belongs to an option that isn't known.
    else while (i + 1 < words.length && !/^(-|!$)/.test(words[i + 1] as string)) i++;
    not = false;
  }
  const all = ordered(rule.expressions);
  const first = withoutLater(all);
  const plain: Rule = { expressions: first ?? all, from: [] };
  const { kinds, port, rewrites, copies } = rule;
  const uncertain = rule.uncertain || first !== undefined;
  return {
    ...{ ...plain, handle, text, understood: !uncertain, uncertain, kinds },
    ...(rewrites === true ? { rewrites } : {}),
    ...(copies === undefined ? {} : { copies }),
    ...(port === undefined ? {} : { port }),
  };
}

/** Words that belong to an option. */
const valuesOf = (option: string): number => (option === "--notrack" ? 0 : option === "--tcp-flags" ? 2 : 1);

/** Conditions first: a target ends its rule. */
function ordered(list: readonly Expression[]): Expression[] {
  const ends = (e: Expression): boolean => ["verdict", "reject", "spread"].includes(e.kind);
  return [...list.filter((e) => !ends(e)), ...list.filter(ends)];
}

type Option = (rule: Growing, value: string, not: boolean, family: 4 | 6) => void;

const compare =
  (key: (family: 4 | 6) => Key, read: (value: string) => readonly Part[] | undefined): Option =>
  (rule, value, not, family) => {
    const parts = read(value);
    const [only, second] = parts ?? [];
    if (only === undefined) rule.uncertain = true;
    else if (not)
      for (const value of parts ?? []) rule.expressions.push({ kind: "match", key: key(family), not, value });
    else if (second === undefined) rule.expressions.push({ kind: "match", key: key(family), value: only });
    else rule.expressions.push({ kind: "among", key: key(family), values: parts ?? [] });
  };

const PROTOCOLS: Readonly<Record<string, number>> = {
  ...{ icmp: 1, tcp: 6, udp: 17, gre: 47, esp: 50, ah: 51, icmpv6: 58, "ipv6-icmp": 58, sctp: 132, udplite: 136 },
};

const protocol = (value: string): number[] | undefined => {
  const number = own(PROTOCOLS, value) ?? Number(value);
  return Number.isInteger(number) ? [number] : undefined;
};

const prefix = (value: string): Part[] | undefined => {
  const [base = "", length] = value.split("/");
  const address = parseAddress(base);
  const found = address && prefixOf(address, length === undefined ? (address.family === 4 ? 32 : 128) : Number(length));
  if (found === undefined) return undefined;
  const [from, to] = bounds(found);
  return [from === to ? from : { from, to }];
};

const ports = (value: string): Part[] | undefined => {
  const parts = value.split(",").map((text): Part => {
    const [from, to] = text.split(":").map(Number);
    return to === undefined ? (from as number) : { from: from as number, to };
  });
  return parts.some((part) => Number.isNaN(typeof part === "object" ? part.to : part)) ? undefined : parts;
};

const range = (value: string): Part[] | undefined => {
  const [from, to] = value.split("-").map(parseAddress);
  return from === undefined || to === undefined ? undefined : [{ from: from.value, to: to.value }];
};

/** An echo request's number in nft's words; no packet that is followed has any other. */
const icmpType =
  (request: string): Option =>
  (rule, value, not, family) => {
    if (value === "any" || value === "255") rule.uncertain ||= not;
    else
      compare(
        () => (family === 4 ? "icmp type" : "icmpv6 type"),
        () => [value === request || value === `${request}/0` ? "echo-request" : value],
      )(rule, value, not, family);
  };

/** `FIN,SYN,RST,ACK SYN`: which are looked at, which of them are set. */
const flags: Option = (rule, value, not) => {
  const [mask = "", set = ""] = value.toLowerCase().split(" ");
  const words = (text: string): string[] =>
    text === "none" ? [] : text === "all" ? ["fin", "syn", "rst", "psh", "ack", "urg"] : text.split(",");
  rule.expressions.push({ kind: "flags", mask: words(mask), not, value: words(set) });
};

const device = (value: string): string[] => [value.endsWith("+") ? `${value.slice(0, -1)}*` : value];

/** Of `--ctstate` and `--state`: some of its words are no states, but say how the connection is translated. */
const state: Option = (rule, value, not, family) => {
  const words = value.toLowerCase().split(",");
  const of = (set: readonly string[]): boolean => words.every((word) => set.includes(word));
  if (of(["dnat", "snat"]))
    compare(
      () => "ct status",
      () => words,
    )(rule, value, not, family);
  else if (of(["new", "established", "related", "invalid", "untracked"]))
    compare(
      () => "ct state",
      () => words,
    )(rule, value, not, family);
  else rule.uncertain = true;
};

/** `in` and `[…]` would find what every object has. */
function own<T>(table: Readonly<Record<string, T>>, word: string): T | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

const nothing: Option = () => undefined;
const rezone: Option = (rule) => {
  rule.rewrites = true;
  rule.uncertain = true;
};

const jumpTo =
  (verdict: "jump" | "goto"): Option =>
  (rule, value, _not, _family) => {
    const kind = own(KINDS, value);
    rule.kinds.push(kind ?? verdict);
    if (value === "ACCEPT" || value === "DROP" || value === "RETURN")
      rule.expressions.push({ kind: "verdict", target: { verdict: value.toLowerCase() as "accept" } });
    else if (value === "REJECT") rule.expressions.push({ kind: "reject", with: "icmpx port-unreachable" });
    else if (value === "NFQUEUE") {
      rule.expressions.push({ kind: "verdict", target: { verdict: "drop" } });
      rule.uncertain = true;
    } else if (kind === undefined) rule.expressions.push({ kind: "verdict", target: { verdict, chain: value } });
  };

/** Targets that are no chains, by nft's words for what they do. */
const KINDS: Readonly<Record<string, string>> = {
  ...{ ACCEPT: "accept", DROP: "drop", RETURN: "return", REJECT: "reject", NFQUEUE: "queue" },
  ...{ LOG: "log", NFLOG: "log", ULOG: "log", MARK: "mangle", CONNMARK: "mangle", TCPMSS: "mangle", TOS: "mangle" },
  ...{ DSCP: "mangle", TTL: "mangle", HL: "mangle", CHECKSUM: "mangle", CLASSIFY: "mangle", SET: "set", AUDIT: "log" },
  ...{ MASQUERADE: "masquerade", SNAT: "snat", DNAT: "dnat", REDIRECT: "redirect", NETMAP: "dnat" },
  ...{ NOTRACK: "notrack", CT: "ct helper", TPROXY: "tproxy", TRACE: "log", CONNSECMARK: "mangle", SECMARK: "mangle" },
  ...{ ECN: "mangle", HMARK: "mangle", IDLETIMER: "log", LED: "log", RATEEST: "log", TEE: "dup", SYNPROXY: "synproxy" },
};

const MATCHES: ReadonlySet<string> = new Set([
  ...["tcp", "udp", "sctp", "icmp", "icmp6", "comment", "conntrack", "state", "addrtype", "multiport", "iprange"],
]);

const OPTIONS: Readonly<Record<string, Option>> = {
  "-s": compare((family) => (family === 4 ? "ip saddr" : "ip6 saddr"), prefix),
  "-d": compare((family) => (family === 4 ? "ip daddr" : "ip6 daddr"), prefix),
  "-i": compare(() => "iifname", device),
  "-o": compare(() => "oifname", device),
  "-p": compare(() => "meta l4proto", protocol),
  "-m": (rule, value) => {
    if (!MATCHES.has(value)) rule.uncertain = true;
  },
  "--dport": compare(() => "th dport", ports),
  "--dports": compare(() => "th dport", ports),
  "--sport": compare(() => "th sport", ports),
  "--sports": compare(() => "th sport", ports),
  "--tcp-flags": flags,
  "--src-range": compare((family) => (family === 4 ? "ip saddr" : "ip6 saddr"), range),
  "--dst-range": compare((family) => (family === 4 ? "ip daddr" : "ip6 daddr"), range),
  "--icmp-type": icmpType("8"),
  "--icmpv6-type": icmpType("128"),
  "--ctstate": state,
  "--state": state,
  "--dst-type": compare(
    () => "fib daddr type",
    (value) => [value.toLowerCase()],
  ),
  "--src-type": compare(
    () => "fib saddr type",
    (value) => [value.toLowerCase()],
  ),
  "--comment": nothing,
  "--reject-with": nothing,
  "--log-prefix": nothing,
  "--log-level": nothing,
  "--set-xmark": nothing,
  "--to-source": nothing,
  ...Object.fromEntries(["--zone", "--zone-orig", "--zone-reply"].map((word) => [word, rezone])),
  "--gateway": (rule, value) => void (rule.copies = value),
  "--notrack": (rule) => void rule.kinds.push("notrack"),
  "--to-ports": (rule, value) => void (rule.port = Number(value)),
  "--to-destination": (rule, value, _not, family) => {
    const [, address = "", port] = /^\[?([0-9a-f:.]+?)\]?(?::(\d+))?$/.exec(value) ?? [];
    const target = parseAddress(family === 4 ? address : value.replace(/^\[(.*)\].*$/, "$1"));
    if (target === undefined) rule.uncertain = true;
    else
      rule.expressions.push({
        kind: "spread",
        family,
        targets: [target.value],
        ...(port === undefined ? {} : { port: Number(port) }),
      });
  },
  "-j": jumpTo("jump"),
  "-g": jumpTo("goto"),
};
