/** The grammar as EBNF text, from the rules that the parser recorded and the definitions of its tokens. */
import type { ISerializedGast } from "chevrotain";
import type { TokenType } from "./token.js";
import * as T from "./tokens.js";

/** What Chevrotain's serialised grammar consists of. */
interface Node extends ISerializedGast {
  readonly name?: string;
}

/** Terminals whose definition says more in words than as a pattern. */
const WORDS = new Map<TokenType, string>([
  [T.AnyName, "BARE | QUOTED"],
  [T.Name, "BARE"],
  [T.Quoted, '/"(?:[^"\\\\\\n]|\\\\["\\\\])*"/'],
  [T.PortNumber, "NUMBER | NUMBER_RANGE"],
  [T.NumberWord, "/\\d+/"],
  [T.NumberRange, "/\\d+-\\d+/"],
  [T.Address, 'IP | IP "/" NUMBER | IP "-" IP   (* IPv4: four decimal octets; IPv6: "::" or seven colons *)'],
  [T.EnvEntry, '"env" NAME "=" (QUOTED | /[^ \\t\\r\\n,;#{}]*/)   (* no space around "=" *)'],
  [T.Separator, 'newline | ";" | ","   (* outside the braces of lists *)'],
  [T.ItemSeparator, 'newline | ","   (* inside the braces of lists *)'],
  [T.BlockOpen, '"{"   (* on the line of its statement *)'],
  [T.BlockClose, '"}"'],
]);

const INTRODUCTION = `(* The policy language. Generated from the parser by scripts/grammar-docs.ts: don't edit.

   Spaces and tabs separate words and mean nothing else, but none may stand around the ":" and "/" of ports.
   Each statement and each property ends at a SEPARATOR, or at the end of its block or of the file.
   A comment goes from "#" to the end of its line. A keyword is one only where this grammar has it: elsewhere the same
   word is a NAME. What an item may be (a peer, a port, a container) depends on where its list stands. *)
`;

/** The whole grammar; `rules` in the order in which they are to be read. */
export function toEbnf(rules: readonly ISerializedGast[]): string {
  const used = new Set<string>();
  const lines = [...rules].reverse().map((rule) => {
    const { name, definition } = rule as Node;
    return `${name} = ${sequence(definition ?? [], used)} ;`;
  });
  const terminals = T.VOCABULARY.filter((type) => used.has(type.name)).flatMap((type) => {
    const literal = literalOf(type.label ?? "");
    const words = WORDS.get(type);
    if (words !== undefined) return [`${symbol(type.name)} = ${words} ;`];
    return literal === undefined ? [`${symbol(type.name)} = ${pattern(type)} ;`] : [];
  });
  const bare = `BARE = /${T.BARE}/ ;`;
  return `${INTRODUCTION}\n${lines.join("\n")}\n\n${[...terminals, bare].join("\n")}\n`;
}

function sequence(nodes: readonly ISerializedGast[], used: Set<string>): string {
  return nodes.map((node) => element(node as Node, used)).join(" ");
}

function element(node: Node, used: Set<string>): string {
  const inner = node.definition ?? [];
  switch (node.type) {
    case "Terminal":
      return terminal(node, used);
    case "NonTerminal":
      return node.name ?? "";
    case "Option":
      return `[ ${sequence(inner, used)} ]`;
    case "Repetition":
      return `{ ${sequence(inner, used)} }`;
    case "RepetitionMandatory":
      return `${sequence(inner, used)} { ${sequence(inner, used)} }`;
    case "Alternation":
      return `( ${inner.map((each) => sequence(each.definition ?? [], used)).join(" | ")} )`;
    default:
      return sequence(inner, used);
  }
}

function terminal(node: Node, used: Set<string>): string {
  const name = node.name ?? "";
  const type = T.VOCABULARY.find((each) => each.name === name);
  const literal = type === undefined || WORDS.has(type) ? undefined : literalOf(type.label ?? "");
  if (literal !== undefined) return literal;
  used.add(name);
  if (type === T.PortNumber) used.add(T.NumberRange.name);
  return symbol(name);
}

/** `'allow'` as EBNF writes it; undefined for a label that describes. */
function literalOf(label: string): string | undefined {
  const found = /^'([^']+)'$/.exec(label);
  return found === null ? undefined : `"${found[1]}"`;
}

const SYMBOLS = new Map([
  ["AnyName", "NAME"],
  ["Name", "WORD"],
  ["PortNumber", "PORT"],
]);

/** `NumberRange` as `NUMBER_RANGE`. */
function symbol(name: string): string {
  return SYMBOLS.get(name) ?? name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

function pattern(type: TokenType): string {
  return type.pattern instanceof RegExp ? `/${type.pattern.source}/` : String(type.pattern);
}
