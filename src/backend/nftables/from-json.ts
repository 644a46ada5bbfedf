/**
 * A table as nft lists it, in the plan's own type: the other direction of json.ts. So what the kernel has is compared
 * with the plan, printed and interpreted like the plan.
 *
 * What the plan's type can't say (somebody's own rule in a table of ours) is kept as far as it goes: a rule then has
 * `understood: false`, its text is nft's JSON, and what it asks of a packet beyond its expressions isn't known.
 */
import { type ListedTable, type Listed, words } from "./listing.js";
import type { Chain, Data, Element, Hook, Key, Part, Rule, Set, Table, Type } from "./ruleset.js";
import { NotUnderstood, partsOf, readExpressions, type Reader, readPart, readTarget } from "./from-json-expression.js";
import { withoutLater } from "./foreign-statement.js";
import { ruleText } from "./text.js";
import { typeOf } from "./values.js";

export interface ReadElement extends Element {
  readonly comment?: string;
}

export interface ReadSet extends Set {
  readonly elements: readonly ReadElement[];
  readonly flags: readonly string[];
  /** Of a set whose elements expire: those that stay longer than any that tsnet adds, or forever. */
  readonly lasting?: readonly ReadElement[];
  /** False where an element or the type is none that a plan has. */
  readonly understood: boolean;
}

/** `ip saddr set 192.0.2.1`: the field by nft's word for it, such as `dport`. */
export interface Write {
  readonly field: string;
  readonly value: string | number;
}

export interface ReadRule extends Rule {
  readonly handle: number;
  /** Its expressions as text.ts writes them, without the comment. */
  readonly text: string;
  readonly understood: boolean;
  /** Of somebody else's: it asks for more than its expressions say. */
  readonly uncertain?: boolean;
  /** nft's words for its expressions, in their order. */
  readonly kinds: readonly string[];
  /** Of somebody else's: it makes another packet of what it meets. */
  readonly rewrites?: boolean;
  /** The constants that it writes, in their order; undefined where it writes anything else too. */
  readonly writes?: readonly Write[];
  /** The address that it sends copies of packets to; "" where it is no constant. */
  readonly copies?: string;
  /** Of a redirection to this host: the port, where it says one. */
  readonly port?: number;
}

export interface ReadChain extends Chain {
  readonly rules: readonly ReadRule[];
  /** Of a base chain: what becomes of packets that no rule decides. */
  readonly policy: "accept" | "drop";
}

export interface ReadTable extends Table {
  readonly dormant: boolean;
  readonly sets: readonly ReadSet[];
  readonly chains: readonly ReadChain[];
}

/** Pure. `foreign`: somebody else's table, which is read as far as it can be interpreted. */
export function readTable(listed: ListedTable, foreign = false): ReadTable {
  const rules = new Map<string, ReadRule[]>();
  const sets = listed.sets.map((set) => readSet(set, foreign));
  // What a set holds only for a while, or can't be read of it, makes the rules uncertain that ask it.
  const vague = filled(listed);
  for (const set of sets) if (!set.understood || set.timeout === true) vague.push(set.name);
  const reader: Reader = {
    foreign,
    family: listed.family,
    keep: (keys, elements) => keepMap(sets, keys, elements),
    keepSet: (keys, elements) => keepSet(sets, keys, elements),
  };
  for (const rule of listed.rules) {
    const chain = rule["chain"] as string;
    const read = readRule(rule, reader);
    const one = foreign ? perhaps(read, vague) : read;
    const list = rules.get(chain);
    if (list === undefined) rules.set(chain, [one]);
    else list.push(one);
  }
  return {
    family: listed.family as Table["family"],
    name: listed.name,
    dormant: listed.dormant,
    sets,
    chains: listed.chains.map((chain) => readChain(chain, rules.get(chain["name"] as string) ?? [])),
  };
}

/** Sets that rules put elements into: nft doesn't list them as dynamic. */
function filled({ rules }: ListedTable): string[] {
  const names = rules.flatMap((rule) =>
    (rule["expr"] as Listed[]).map(
      ({ set, map }) => ((set ?? map) as Listed | undefined)?.[set === undefined ? "map" : "set"],
    ),
  );
  return names.filter((name) => typeof name === "string").map((name) => name.replace(/^@/, ""));
}

/** Somebody's rule without what it asks for and can't be told: what such sets hold, what only later packets have. */
function perhaps(rule: ReadRule, vague: readonly string[]): ReadRule {
  const asks = rule.expressions.some((e) =>
    vague.includes(e.kind === "lookup" ? e.set : e.kind === "vmap" ? e.map : ""),
  );
  const sure = rule.expressions.filter((e) => e.kind !== "lookup" || !vague.includes(e.set));
  const first = withoutLater(sure);
  return { ...rule, expressions: first ?? sure, uncertain: asks || first !== undefined || !rule.understood };
}

function readChain(chain: Listed, rules: readonly ReadRule[]): ReadChain {
  const name = chain["name"] as string;
  if (chain["hook"] === undefined) return { name, rules, policy: "accept" };
  const hook = { type: chain["type"], hook: chain["hook"], priority: chain["prio"] } as Hook;
  return { name, hook, rules, policy: chain["policy"] === "drop" ? "drop" : "accept" };
}

/** A verdict map that stands in a rule becomes a set of the table. */
function keepMap(sets: ReadSet[], keys: readonly Key[], elements: readonly (readonly [unknown, Listed])[]): string {
  return keep(
    sets,
    keys,
    elements.map(([value, target]) => ({ key: readKey(keys, value), data: readTarget(target), from: [] })),
    "verdict",
  );
}

function keepSet(sets: ReadSet[], keys: readonly Key[], elements: readonly unknown[]): string {
  return keep(
    sets,
    keys,
    elements.map((value) => ({ key: readKey(keys, value), from: [] })),
  );
}

function readKey(keys: readonly Key[], value: unknown): Part[] {
  return partsOf(value).map((part, i) => readPart(typeOf(keys[i] as Key), part, true));
}

function keep(sets: ReadSet[], keys: readonly Key[], elements: readonly ReadElement[], data?: "verdict"): string {
  const name = `(in the rule) ${sets.length}`;
  const type = keys.map((key) => typeOf(key) ?? ("word" as Type));
  const map = data === undefined ? {} : { data };
  sets.push({ name, type, ...map, interval: true, elements, comment: "", flags: [], understood: true });
  return name;
}

function readRule(rule: Listed, reader: Reader): ReadRule {
  const list = rule["expr"] as Listed[];
  const { expressions, understood, counted, rewrites } = readExpressions(list, reader);
  const comment = rule["comment"] as string | undefined;
  const plain: Rule = { expressions, from: [] };
  const text =
    understood && !reader.foreign ? ruleText(plain) + (counted ? " counter" : "") : list.map(objectText).join(" ");
  return {
    ...plain,
    ...(comment === undefined ? {} : { comment }),
    handle: rule["handle"] as number,
    text,
    understood,
    kinds: list.map((object) => Object.keys(object)[0] as string),
    ...(rewrites ? { rewrites, ...written(list) } : {}),
    ...copied(list),
    ...redirection(list),
  };
}

function written(list: readonly Listed[]): { writes?: readonly Write[] } {
  const writes: Write[] = [];
  for (const object of list) {
    const { key, value } = (object["mangle"] ?? {}) as { key?: { payload?: { field?: string } }; value?: unknown };
    if (key === undefined) continue;
    const field = key.payload?.field;
    if (field === undefined || (typeof value !== "string" && typeof value !== "number")) return {};
    writes.push({ field, value });
  }
  return { writes };
}

function copied(list: readonly Listed[]): { copies?: string } {
  const dup = list.find((object) => "dup" in object)?.["dup"] as Listed | undefined;
  if (dup === undefined) return {};
  return { copies: typeof dup["addr"] === "string" ? dup["addr"] : "" };
}

function redirection(list: readonly Listed[]): { port?: number } {
  const port = (list.find((object) => "redirect" in object)?.["redirect"] as Listed | null | undefined)?.["port"];
  return typeof port === "number" ? { port } : {};
}

/** An expression that no plan has, in few words. */
function objectText(value: Listed): string {
  const [kind, inner] = Object.entries(value)[0] ?? ["", null];
  return inner === null ? kind : `${kind} ${JSON.stringify(inner)}`;
}

function readSet(set: Listed, foreign: boolean): ReadSet {
  const type = words(set["type"]) as Type[];
  const data = set["map"] as Type | "verdict" | undefined;
  const flags = words(set["flags"]);
  const timeout = flags.includes("timeout");
  const found: ReadElement[] = [];
  let understood = true;
  for (const element of (set["elem"] ?? []) as unknown[]) {
    // What comes and goes while the policy is live is no part of the plan.
    if (timeout && (foreign || secondsOf(element, set) <= LONGEST)) continue;
    try {
      found.push(readElement(element, type, data, foreign));
    } catch (error) {
      if (!(error instanceof NotUnderstood)) throw error;
      understood = false;
    }
  }
  return {
    name: set["name"] as string,
    type,
    ...(data === undefined ? {} : { data }),
    interval: flags.includes("interval"),
    ...(timeout ? { timeout, lasting: found } : {}),
    elements: timeout ? [] : found,
    comment: "",
    flags,
    understood,
  };
}

/** Seconds that the flows that a tightening has cut are stopped (connections.ts). */
const LONGEST = 120;

/** For how long an element was added. */
function secondsOf(element: unknown, set: Listed): number {
  const own = (element as { elem?: { timeout?: number } }).elem?.timeout;
  return own ?? (set["timeout"] as number | undefined) ?? Infinity;
}

function readElement(
  listed: unknown,
  type: readonly Type[],
  data: Type | "verdict" | undefined,
  foreign: boolean,
): ReadElement {
  const [first, second] = data === undefined ? [listed, undefined] : (listed as [unknown, unknown]);
  const wrapped = (first as { elem?: { val: unknown; comment?: string } }).elem;
  const key = partsOf(wrapped === undefined ? first : wrapped.val).map((part, i) => readPart(type[i], part, foreign));
  const comment = wrapped?.comment;
  return {
    key,
    from: [],
    ...(comment === undefined ? {} : { comment }),
    ...(data === undefined ? {} : { data: readData(data, second) }),
  };
}

function readData(type: Type | "verdict", value: unknown): Data {
  if (type === "verdict") return readTarget(value as Listed);
  const part = readPart(type, value);
  if (typeof part === "object" || typeof part === "string") throw new NotUnderstood();
  return part;
}
