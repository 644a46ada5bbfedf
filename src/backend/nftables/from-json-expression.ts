/** Single expressions, keys and values of nft's JSON, in the plan's own type. */
import { parseAddress } from "../../net/address.js";
import { bounds, prefixOf } from "../../net/prefix.js";
import { standing } from "./foreign-statement.js";
import type { Listed } from "./listing.js";
import type { Expression, Key, Part, Target, Type } from "./ruleset.js";
import { typeOf } from "./values.js";

/** Something that is in nft's language and not in the plan's. */
export class NotUnderstood extends Error {}

/** Numbers of the protocols that nft writes as words (/etc/protocols). */
const PROTOCOLS: Readonly<Record<string, number>> = {
  ...{ icmp: 1, igmp: 2, tcp: 6, udp: 17, dccp: 33, gre: 47, esp: 50, ah: 51, "ipv6-icmp": 58, icmpv6: 58 },
  ...{ ospf: 89, comp: 108, vrrp: 112, sctp: 132, udplite: 136 },
};

const PLAIN_KEYS: ReadonlySet<string> = new Set<Key>([
  ...(["iifname", "oifname", "meta nfproto", "meta l4proto", "ether saddr", "ip saddr", "ip daddr"] as const),
  ...(["ip6 saddr", "ip6 daddr", "th sport", "th dport", "icmp type", "icmpv6 type"] as const),
  ...(["arp saddr ether", "arp saddr ip", "ct state", "ct direction", "ct status", "ct original proto-dst"] as const),
  ...(["ct original ip saddr", "ct original ip daddr", "ct original ip6 saddr", "ct original ip6 daddr"] as const),
  ...(["ct reply ip saddr", "ct reply ip6 saddr", "fib daddr type", "fib saddr type"] as const),
]);

/** How a rule is read. */
export interface Reader {
  /** Of somebody else's table: more of nft's language is taken, since it is only interpreted and never compared. */
  readonly foreign: boolean;
  /** Of the table: where it is of one family, nft doesn't say it again of a translation. */
  readonly family: string;
  /** Keeps a verdict map that a rule brings along; returns the name that it gets. */
  readonly keep: (keys: readonly Key[], elements: readonly (readonly [unknown, Listed])[]) => string;
  /** The same for a set of concatenations. */
  readonly keepSet: (keys: readonly Key[], elements: readonly unknown[]) => string;
}

interface ReadExpressions {
  readonly expressions: readonly Expression[];
  /** False where something was left out. */
  readonly understood: boolean;
  /** It counts packets, which changes no verdict. */
  readonly counted: boolean;
  /** It writes what makes another packet of it; only of rules that are foreign. */
  readonly rewrites: boolean;
}

/** The expressions of one rule. */
export function readExpressions(list: readonly Listed[], reader: Reader): ReadExpressions {
  const out: Expression[] = [];
  let understood = true;
  let counted = false;
  let rewrites = false;
  for (const expression of list) {
    const [kind, inner] = Object.entries(expression)[0] as [string, Listed | null];
    const known = reader.foreign ? standing(kind, inner) : undefined;
    if (known !== undefined) {
      rewrites ||= known === "rewrites" || known === "rezones";
      understood &&= known !== "vague" && known !== "rezones";
    } else if (kind === "counter") counted = true;
    else
      try {
        read(out, expression, reader);
      } catch (error) {
        if (!(error instanceof NotUnderstood)) throw error;
        understood = false;
      }
  }
  return { expressions: out, understood, counted, rewrites };
}

function read(out: Expression[], object: Listed, reader: Reader): void {
  const [kind, inner] = Object.entries(object)[0] as [string, Listed];
  switch (kind) {
    case "match":
      return readMatch(out, inner, reader);
    case "vmap":
      return readMap(out, inner, reader);
    case "xt":
      if (inner !== null && PASSIVE.has(String(inner["name"]))) return;
      throw new NotUnderstood();
    case "redirect":
      if (reader.foreign) return;
      throw new NotUnderstood();
    case "queue":
      // Who listens there may drop it.
      if (reader.foreign) out.push({ kind: "verdict", target: { verdict: "drop" } });
      throw new NotUnderstood();
    case "set":
      out.push(readCount(inner));
      return;
    case "limit":
      if (reader.foreign || inner["inv"] === true || inner["rate_unit"] !== undefined) throw new NotUnderstood();
      out.push({ kind: "limit", count: inner["rate"] as number, per: inner["per"] as string });
      return;
    case "log":
      out.push({ kind: "log", prefix: (inner?.["prefix"] as string | undefined) ?? "" });
      return;
    case "reject":
      return readReject(out, inner, reader.foreign);
    case "dnat":
    case "snat":
      return readNat(out, kind, inner, reader);
    case "masquerade":
      if (inner !== null) throw new NotUnderstood();
      out.push({ kind: "masquerade" });
      return;
    default:
      out.push({ kind: "verdict", target: readTarget(object) });
  }
}

/** Matches and targets of iptables that decide nothing about the packet at hand. */
const PASSIVE: ReadonlySet<string> = new Set([
  ...["comment", "MASQUERADE", "SNAT", "MARK", "CONNMARK", "LOG", "NFLOG", "TCPMSS", "CHECKSUM", "SET", "CLASSIFY"],
]);

/** `update @set { 0x1 . meta l4proto counter }` */
function readCount(inner: Listed): Expression {
  const { op, elem, set, stmt } = inner as { op: string; elem: unknown; set: string; stmt?: Listed[] };
  if (op !== "update" || stmt?.length !== 1 || !("counter" in (stmt[0] as Listed))) throw new NotUnderstood();
  const [first, ...rest] = partsOf(elem);
  const keys = (parts: readonly unknown[]): Key[] => parts.flatMap((part) => readKeys([], part));
  if (typeof first !== "number") return { kind: "count", keys: keys([first, ...rest]), set: set.slice(1) };
  return { kind: "count", number: first, keys: keys(rest), set: set.slice(1) };
}

function readMap(out: Expression[], inner: Listed, reader: Reader): void {
  const data = inner["data"];
  const keys = readKeys(out, inner["key"], reader.foreign);
  if (typeof data === "string") {
    out.push({ kind: "vmap", keys, map: data.slice(1) });
    return;
  }
  const elements = (data as { set?: [unknown, Listed][] }).set;
  if (!reader.foreign || elements === undefined) throw new NotUnderstood();
  out.push({ kind: "vmap", keys, map: reader.keep(keys, elements) });
}

/** `{accept: null}`, `{jump: {target: …}}`. Throws `NotUnderstood`. */
export function readTarget(object: Listed): Target {
  const [kind, inner] = Object.entries(object)[0] as [string, Listed | null];
  if (kind === "accept" || kind === "drop" || kind === "return") return { verdict: kind };
  if (kind === "jump" || kind === "goto") return { verdict: kind, chain: inner?.["target"] as string };
  throw new NotUnderstood();
}

function readReject(out: Expression[], inner: Listed | null, foreign: boolean): void {
  const reset = inner?.["type"] === "tcp reset";
  out.push({ kind: "reject", with: reset ? "tcp reset" : "icmpx port-unreachable" });
  if (!foreign && !reset && inner !== null && (inner["type"] !== "icmpx" || inner["expr"] !== "port-unreachable"))
    throw new NotUnderstood();
}

function readNat(out: Expression[], kind: "dnat" | "snat", inner: Listed, reader: Reader): void {
  const family = (inner["family"] ?? reader.family) === "ip6" ? 6 : 4;
  const address = inner["addr"];
  const map = (address as { map?: { key: unknown; data: unknown } } | undefined)?.map;
  const port = inner["port"] as { map?: { data: unknown } } | number | undefined;
  if (map !== undefined && typeof map.data === "string") {
    const keys = readKeys(out, map.key);
    const other = (port as { map?: { data: unknown } } | undefined)?.map?.data;
    if (kind === "snat") out.push({ kind, family, keys, address: map.data.slice(1) });
    else {
      const ports = typeof other === "string" ? { port: other.slice(1) } : {};
      out.push({ kind, family, keys, address: map.data.slice(1), ...ports });
    }
    return;
  }
  if (kind === "snat") throw new NotUnderstood();
  const to = typeof port === "number" ? { port } : {};
  if (map !== undefined) {
    const members = (map.data as { set?: [number, unknown][] }).set;
    if (members === undefined || !("numgen" in (map.key as object))) throw new NotUnderstood();
    out.push({ kind: "spread", family, targets: members.map(([, value]) => addressValue(value)), ...to });
    return;
  }
  // One target is a spread over one.
  out.push({ kind: "spread", family, targets: [addressValue(address)], ...to });
}

function addressValue(value: unknown): number | bigint {
  const address = typeof value === "string" ? parseAddress(value) : undefined;
  if (address === undefined) throw new NotUnderstood();
  return address.value;
}

// Matches ------------------------------------------------------------------------------------------------------------

function readMatch(out: Expression[], match: Listed, { foreign, keepSet }: Reader): void {
  const { op, left, right } = match as { op: string; left: Listed; right: unknown };
  if (foreign && /^[<>]=?$/.test(op)) return readOrder(out, op, left, right);
  if (op !== "==" && op !== "!=" && op !== "in" && op !== "!") throw new NotUnderstood();
  const not = op === "!=" || op === "!";
  const masked = left["&"] as [unknown, unknown] | undefined;
  if (masked !== undefined) {
    if (keyName(masked[0]) !== "tcp flags") throw new NotUnderstood();
    out.push({ kind: "flags", mask: words(masked[1]), not, value: words(right) });
    return;
  }
  if (foreign && isBeginning(op, left, right)) {
    out.push({ kind: "flags", mask: ["syn"], not: false, value: ["syn"] });
    return;
  }
  if (typeof right === "string" && right.startsWith("@")) {
    const keys = readKeys(out, left, foreign);
    out.push({ kind: "lookup", keys, set: right.slice(1), ...(not ? { not } : {}) });
    return;
  }
  const keys = readKeys(out, left, foreign);
  const [key] = keys;
  if (key === undefined) throw new NotUnderstood();
  const { set, "|": flags } = (typeof right === "object" ? (right ?? {}) : {}) as { set?: unknown[]; "|"?: unknown[] };
  const several = Array.isArray(right) ? right : (set ?? (foreign ? flags : undefined));
  if (several !== undefined && keys.length > 1) {
    if (!foreign) throw new NotUnderstood();
    out.push({ kind: "lookup", keys, set: keepSet(keys, several), ...(not ? { not } : {}) });
    return;
  }
  if (several !== undefined) {
    if (not && !foreign) throw new NotUnderstood();
    if (not)
      out.push(
        ...several.map((value) => ({ kind: "match", key, not, value: readPart(typeOf(key), value, true) }) as const),
      );
    else out.push({ kind: "among", key, values: several.map((value) => readPart(typeOf(key), value, foreign)) });
    return;
  }
  const value = readPart(typeOf(key), right, foreign);
  out.push({ kind: "match", key, ...(not ? { not } : {}), value });
}

/** `tcp flags syn`, or of several one: what each connection of TCP begins with is among them. */
function isBeginning(op: string, left: Listed, right: unknown): boolean {
  const { payload } = left as { payload?: { protocol?: unknown; field?: unknown } };
  if (payload?.protocol !== "tcp" || payload.field !== "flags") return false;
  return op === "in" ? words(right).includes("syn") : op === "==" && right === "syn";
}

/** `tcp dport < 1024`. */
function readOrder(out: Expression[], op: string, left: unknown, right: unknown): void {
  const [key] = readKeys(out, left, true);
  if (key === undefined || typeOf(key) !== "inet_service" || typeof right !== "number") throw new NotUnderstood();
  const value = op.startsWith("<")
    ? { from: 0, to: op === "<" ? right - 1 : right }
    : { from: op === ">" ? right + 1 : right, to: 65535 };
  out.push({ kind: "match", key, value });
}

function words(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((word) => typeof word === "string")) throw new NotUnderstood();
  return list;
}

/** nft folds a match of one protocol into the port behind it: `tcp dport` was `meta l4proto tcp` and `th dport`. */
function readKeys(out: Expression[], left: unknown, foreign = false): Key[] {
  return partsOf(left).map((part) => {
    let name = keyName(part);
    // A device's number is as good as its name as long as it is there.
    if (foreign && (name === "meta iif" || name === "meta oif")) name = `${name.slice("meta ".length)}name`;
    if (foreign && name === "meta protocol") name = "meta nfproto";
    const [first = "", field = ""] = name.split(" ");
    const protocol = PROTOCOLS[first];
    if (protocol !== undefined && (field === "dport" || field === "sport")) {
      require(out, "meta l4proto", protocol);
      return `th ${field}` as Key;
    }
    if (name === "ip protocol") {
      require(out, "meta nfproto", "ipv4");
      return "meta l4proto";
    }
    // No packet that begins a connection has an answer yet.
    if (!PLAIN_KEYS.has(name) || (foreign && /^(ct reply|arp) /.test(name))) throw new NotUnderstood();
    return name as Key;
  });
}

/** The parts of a concatenation; anything else is its only part. */
export function partsOf(value: unknown): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [value];
  return (value as { concat?: unknown[] }).concat ?? [value];
}

function require(out: Expression[], key: Key, value: number | string): void {
  if (!out.some((e) => e.kind === "match" && e.key === key && e.value === value && e.not !== true))
    out.push({ kind: "match", key, value });
}

function keyName(value: unknown): string {
  const { payload, meta, ct, fib } = value as Record<string, Record<string, unknown> | undefined>;
  if (payload?.["protocol"] !== undefined) return `${payload["protocol"]} ${payload["field"]}`;
  if (meta !== undefined) {
    const name = String(meta["key"]);
    return name === "iifname" || name === "oifname" ? name : `meta ${name}`;
  }
  if (ct !== undefined) return `ct ${ct["dir"] === undefined ? "" : `${ct["dir"]} `}${ct["key"]}`;
  if (fib?.["result"] === "type") {
    const flags = Array.isArray(fib["flags"]) ? fib["flags"] : [fib["flags"]];
    if (flags.length === 1) return `fib ${flags[0]} type`;
  }
  throw new NotUnderstood();
}

/** One value or range. Throws `NotUnderstood`. */
export function readPart(type: Type | undefined, value: unknown, foreign = false): Part {
  if (typeof value === "object" && value !== null) {
    const { prefix, range } = value as { prefix?: { addr: string; len: number }; range?: [unknown, unknown] };
    if (prefix !== undefined) {
      const address = parseAddress(prefix.addr);
      const whole = address && prefixOf(address, prefix.len);
      if (whole === undefined) throw new NotUnderstood();
      const [from, to] = bounds(whole);
      return from === to ? from : { from, to };
    }
    if (range !== undefined) {
      const [from, to] = [readScalar(type, range[0]), readScalar(type, range[1])];
      if (typeof from === "string" || typeof to === "string") throw new NotUnderstood();
      return { from, to };
    }
    throw new NotUnderstood();
  }
  if (foreign && type === undefined && (value === "ip" || value === "ip6")) return value === "ip" ? "ipv4" : "ipv6";
  return readScalar(type, value, foreign);
}

function readScalar(type: Type | undefined, value: unknown, foreign = false): number | bigint | string {
  if (type === "ipv4_addr" || type === "ipv6_addr") return addressValue(value);
  if (type === "inet_proto") {
    const number = typeof value === "number" ? value : PROTOCOLS[String(value)];
    if (number === undefined) throw new NotUnderstood();
    return number;
  }
  if (type === "inet_service" || type === "mark") {
    if (typeof value !== "number") throw new NotUnderstood();
    return value;
  }
  if (typeof value !== "string") throw new NotUnderstood();
  // A name that ends in an asterisk stands for many.
  if (!foreign && type === "ifname" && value.endsWith("*")) throw new NotUnderstood();
  return value;
}
