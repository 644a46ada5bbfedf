/** Prints a ruleset in nft's own syntax, as `nft -f` takes it: the tables are replaced whole, in one transaction. */
import { location } from "../../text/source.js";
import type { Chain, Element, Expression, Key, Part, Rule, Ruleset, Set, Table, Target, Type } from "./ruleset.js";
import { asPrefix, FLAG_KEYS, comment, elementComment, scalar, sizeOf, tidy, typeOf } from "./values.js";

export interface TextOptions {
  /** Write `# file:line:column` beside what comes from a statement. For people; the kernel never sees it. */
  readonly locations?: boolean;
}

/** The whole batch: makes sure that the tables exist, deletes them, and writes them anew. */
export function toText(ruleset: Ruleset, options: TextOptions = {}): string {
  const out: string[] = [];
  for (const table of ruleset.tables) {
    out.push(`add table ${table.family} ${table.name}`, `delete table ${table.family} ${table.name}`);
    printTable(out, table, options.locations ?? false);
  }
  return `${out.join("\n")}\n`;
}

/** Removes the tables, whether they are there or not. */
export function toRemoval(ruleset: Pick<Ruleset, "tables">): string {
  return ruleset.tables
    .map((table) => `add table ${table.family} ${table.name}\ndelete table ${table.family} ${table.name}\n`)
    .join("");
}

function printTable(out: string[], table: Table, locations: boolean): void {
  out.push(`table ${table.family} ${table.name} {`);
  for (const set of table.sets) printSet(out, set, locations);
  for (const chain of table.chains) printChain(out, chain, locations);
  out.push("}");
}

function printSet(out: string[], set: Set, locations: boolean): void {
  const data = set.data === undefined ? "" : ` : ${set.data}`;
  out.push(`  # ${set.comment}`, `  ${set.data === undefined ? "set" : "map"} ${set.name} {`);
  out.push(`    type ${set.type.join(" . ")}${data}`);
  if (set.interval) out.push("    flags interval");
  if (set.timeout) out.push(set.counts ? "    flags dynamic,timeout" : "    flags timeout");
  const size = sizeOf(set);
  if (size !== undefined) out.push(`    size ${size}`);
  if (set.elements.length > 0) {
    out.push("    elements = {");
    for (const element of set.elements)
      out.push(`      ${elementText(set, element)},${locations ? places(element.from) : ""}`);
    out.push("    }");
  }
  out.push("  }");
}

function places(from: Element["from"]): string {
  return from.length === 0 ? "" : ` # ${from.map((origin) => tidy(location(origin.span))).join(" ")}`;
}

export function elementText(set: Set, element: Element): string {
  let text = "";
  for (let i = 0; i < element.key.length; i++)
    text += (i === 0 ? "" : " . ") + part(set.type[i], element.key[i] as Part);
  const words = elementComment(element);
  if (words !== undefined) text += ` comment "${words}"`;
  if (element.data === undefined) return text;
  const { data } = element;
  return `${text} : ${typeof data === "object" ? target(data) : part(set.data as Type, data)}`;
}

function part(type: Type | undefined, value: Part): string {
  if (typeof value !== "object") return type === "ifname" ? `"${value}"` : String(scalar(type, value));
  const length = asPrefix(type, value.from, value.to);
  if (length !== undefined) return `${scalar(type, value.from)}/${length}`;
  return `${scalar(type, value.from)}-${scalar(type, value.to)}`;
}

function target(to: Target): string {
  return "chain" in to ? `${to.verdict} ${to.chain}` : to.verdict;
}

function printChain(out: string[], chain: Chain, locations: boolean): void {
  out.push(`  chain ${chain.name} {`);
  const { hook } = chain;
  if (hook !== undefined) out.push(`    type ${hook.type} hook ${hook.hook} priority ${hook.priority}; policy accept;`);
  for (const rule of chain.rules) out.push(`    ${ruleText(rule)}${locations ? places(rule.from) : ""}`);
  out.push("  }");
}

/** One rule, comment included. */
export function ruleText(rule: Rule): string {
  const words = rule.comment === undefined ? comment(rule.from) : tidy(rule.comment);
  const text = rule.expressions.map(expression).join(" ");
  return words === undefined ? text : `${text} comment "${words}"`;
}

const concat = (keys: readonly Key[]): string => keys.join(" . ");
/** As nft writes a mark. */
const hex = (number: number): string => `0x${number.toString(16).padStart(8, "0")}`;
const family = (number: 4 | 6): string => (number === 4 ? "ip" : "ip6");

function expression(e: Expression): string {
  switch (e.kind) {
    case "match":
      return `${e.key} ${e.not ? (FLAG_KEYS.has(e.key) ? "! " : "!= ") : ""}${part(typeOf(e.key), e.value)}`;
    case "among":
      return `${e.key} { ${e.values.map((value) => part(typeOf(e.key), value)).join(", ")} }`;
    case "flags":
      return `tcp flags & (${e.mask.join("|")}) ${e.not ? "!=" : "=="} ${e.value.join("|")}`;
    case "lookup":
      return `${concat(e.keys)} ${e.not ? "!= " : ""}@${e.set}`;
    case "vmap":
      return `${concat(e.keys)} vmap @${e.map}`;
    case "count":
      return `update @${e.set} { ${e.number === undefined ? "" : `${hex(e.number)} . `}${concat(e.keys)} counter }`;
    case "limit":
      return `limit rate ${e.count}/${e.per}`;
    case "log":
      return `log prefix "${e.prefix}"`;
    case "reject":
      return `reject with ${e.with === "tcp reset" ? "tcp reset" : "icmpx type port-unreachable"}`;
    case "dnat": {
      const to = `${concat(e.keys)} map @${e.address}`;
      return `dnat ${family(e.family)} to ${to}${e.port === undefined ? "" : `:${concat(e.keys)} map @${e.port}`}`;
    }
    case "spread": {
      const type = e.family === 4 ? "ipv4_addr" : "ipv6_addr";
      const list = e.targets.map((address, i) => `${i} : ${part(type, address)}`).join(", ");
      const to = `numgen inc mod ${e.targets.length} map { ${list} }`;
      return `dnat ${family(e.family)} to ${to}${e.port === undefined ? "" : `:${e.port}`}`;
    }
    case "snat":
      return `snat ${family(e.family)} to ${concat(e.keys)} map @${e.address}`;
    case "masquerade":
      return "masquerade";
    case "verdict":
      return target(e.target);
  }
}
