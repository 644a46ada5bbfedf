/**
 * The short way for the lines that make up large policies: `allow PEER -> PEER:PORT`, where a peer is a name, an IPv4
 * address or prefix, and `publish PORT -> NAME:PORT`.
 *
 * Written exactly as the formatter writes them, plain rules become rows in plain-lines.ts, for a hundredth of what the way
 * through tokens and grammar costs, and the others are one match of one expression. Every other line, and every line
 * with an error, goes that way; a test holds the two against each other.
 */
import type { Item, List, Peers, RuleStatement, Verb } from "../src/ast/nodes.js";
import { PlainPublish } from "../src/ast/plain-publish.js";
import { portItem } from "../src/ast/plain-rule.js";
import { PlainRules, VERBS } from "../src/ast/plain-rules.js";
import type { Tree } from "../src/ast/tree.js";
import { SourceFile } from "../src/text/source.js";
import { HAS_WASM } from "../src/text/wasm.js";
import { parse4 } from "../src/net/address.js";
import { PlainLines } from "./plain-lines.js";
import { BARE } from "./tokens.js";

const END = "[ \\t]*(?:\\r?\\n|$)";
// Less exact than the grammar, so that it is compiled in half the time: how a word ends, and what an address is, is looked at
// afterwards.
const WORD = "[A-Za-z_][\\w.-]*";
const PEER = `(?:${WORD}|[\\d.]+(?:/\\d{1,2})?)`;
const PORT = `:\\d{1,5}(?:/${WORD})?`;
// Nothing is captured: a match that makes no strings costs half as much.
const RULE = new RegExp(`(?:allow|deny|reject) ${PEER} -> ${PEER}(?:${PORT})?${END}`, "y");
const PUBLISH = new RegExp(`publish (\\d{1,5}) -> (${BARE}):(\\d{1,5})${END}`, "y");

const PUBLISH_LENGTH = "publish ".length;
const ARROW_LENGTH = " -> ".length;
const NEWLINE = 10;
const SPACE = 32;
const MINUS = 45;
const DOT = 46;
const COLON = 58;
const LETTER = "A".charCodeAt(0);
const FIRST_OF_PUBLISH = "p".charCodeAt(0);

/** By the first letter of each. */
const VERB_NUMBERS = new Map<number, number>(VERBS.map((verb, number) => [verb.charCodeAt(0), number]));

/** Whether a line that `readCommonLines` takes begins at `at`. */
export function isCommonLine(text: string, at: number): boolean {
  const pattern = patternOf(text.charCodeAt(at));
  if (pattern === undefined) return false;
  pattern.lastIndex = at;
  return pattern.test(text);
}

/** By a line's first character: to try an expression on a line of another kind would be the first time that it is compiled. */
function patternOf(first: number): RegExp | undefined {
  if (first === FIRST_OF_PUBLISH) return PUBLISH;
  return VERB_NUMBERS.has(first) ? RULE : undefined;
}

/** Reads common lines from `start`, the beginning of a line, as long as they last; returns where they end. */
export function readCommonLines(tree: Tree, start: number, lines: PlainLines): number {
  const { file } = tree;
  const text = file.text;
  let at = start;
  while (at < text.length) {
    const first = text.charCodeAt(at);
    if (first === NEWLINE) {
      at++;
      continue;
    }
    const pattern = patternOf(first);
    if (pattern === undefined) break;
    const end = pattern === RULE ? lines.read(at) : at;
    if (end > at) {
      at = end;
      continue;
    }
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null || !isFollowedWell(text, pattern.lastIndex)) break;
    const statement = pattern === RULE ? ruleAt(file, at) : publishOf(file, at, match);
    if (statement === undefined) break;
    tree.add(statement);
    at = pattern.lastIndex;
  }
  return at;
}

/** What doesn't begin a statement: behind it, the grammar is to see the line before, too. */
const CONTINUED = /[ \t\r\n]*(?![A-Za-z_ \t\r\n]|$)/y;

function isFollowedWell(text: string, at: number): boolean {
  CONTINUED.lastIndex = at;
  return !CONTINUED.test(text);
}

/** The rules of a text that is nothing but plain ones; undefined of any other, and where nothing reads such lines. */
export function readPlainRules(text: string): PlainRules | undefined {
  if (!HAS_WASM) return undefined;
  const plain = new PlainRules(new SourceFile("rules", text));
  return PlainLines.over(plain, (lines) => lines.read(0)) < text.length ? undefined : plain;
}

/** The publishes of a text that is nothing but plain ones; undefined of any other. */
export function readPlainPublishes(text: string): PlainPublish[] | undefined {
  const file = new SourceFile("publishes", text);
  const out: PlainPublish[] = [];
  for (let at = 0; at < text.length; at = PUBLISH.lastIndex) {
    PUBLISH.lastIndex = at;
    const match = PUBLISH.exec(text);
    const publish = match === null ? undefined : publishOf(file, at, match);
    if (publish === undefined) return undefined;
    out.push(publish);
  }
  return out;
}

/** The rule of a line that matches `RULE`; undefined of what only looks like one: the grammar says what is wrong. */
function ruleAt(file: SourceFile, start: number): RuleStatement | undefined {
  const { text } = file;
  const verb = VERBS[VERB_NUMBERS.get(text.charCodeAt(start)) as number] as Verb;
  const fromStart = start + verb.length + 1;
  const fromEnd = text.indexOf(" ", fromStart);
  const toStart = fromEnd + ARROW_LENGTH;
  const toEnd = endOfWord(text, toStart);
  let end = toEnd;
  let port: number | undefined;
  let protocol: string | undefined;
  if (text.charCodeAt(toEnd) === COLON) {
    const digits = text.slice(toEnd + 1, endOfWord(text, toEnd + 1));
    const slash = digits.indexOf("/");
    end = toEnd + 1 + digits.length;
    port = Number(slash === -1 ? digits : digits.slice(0, slash));
    if (port < 1 || port > 65535) return undefined;
    if (slash !== -1) protocol = digits.slice(slash + 1);
    if (!isWhole(text, end)) return undefined;
  }
  const from = isWhole(text, fromEnd) ? peersOf(file, fromStart, fromEnd) : undefined;
  const to = isWhole(text, toEnd) ? peersOf(file, toStart, toEnd) : undefined;
  if (from === undefined || to === undefined) return undefined;
  const item = port === undefined ? undefined : portItem(file, toEnd + 1, end, port, protocol);
  const ports: List | undefined = item && { items: [item], braced: false, span: item.span };
  return { kind: "rule", verb, from, to, ports, log: undefined, span: { file, start, end } };
}

/** The end of what stands before a colon, white space or the end of the text. */
function endOfWord(text: string, start: number): number {
  for (let end = start; ; end++) {
    const code = text.charCodeAt(end);
    if (!(code > SPACE) || code === COLON) return end;
  }
}

/** Whether a word that ends at `end` may: not in `.` or `-`. */
function isWhole(text: string, end: number): boolean {
  const last = text.charCodeAt(end - 1);
  return last !== DOT && last !== MINUS;
}

/** Undefined for what the grammar has something to say about, or the formatter would write in another way. */
function publishOf(file: SourceFile, start: number, match: RegExpExecArray): PlainPublish | undefined {
  const [, outside, name, inside] = match as unknown as [string, string, string, string];
  const [hostPort, port] = [Number(outside), Number(inside)];
  if (outside.startsWith("0") || inside.startsWith("0") || hostPort > 65535 || port > 65535) return undefined;
  const end = start + PUBLISH_LENGTH + outside.length + ARROW_LENGTH + name.length + 1 + inside.length;
  return new PlainPublish(file, start, end, hostPort, name, port);
}

function listOf(file: SourceFile, start: number, end: number): List {
  const span = { file, start, end };
  const name = { text: file.text.slice(start, end), quoted: false, span };
  return { items: [{ kind: "name", name, span }], braced: false, span };
}

/** Undefined for what only looks like an address. */
function peersOf(file: SourceFile, start: number, end: number): Peers | undefined {
  const { text } = file;
  const include = text.charCodeAt(start) < LETTER ? addressOf(file, start, end) : listOf(file, start, end);
  return include && { include, except: undefined, span: include.span };
}

function addressOf(file: SourceFile, start: number, end: number): List | undefined {
  const text = file.text.slice(start, end);
  const slash = text.indexOf("/");
  const address = slash === -1 ? text : text.slice(0, slash);
  const length = slash === -1 ? 0 : Number(text.slice(slash + 1));
  if (length > 32 || parse4(address) === undefined) return undefined;
  const span = { file, start, end };
  const item: Item =
    slash === -1 ? { kind: "address", text: address, bracketed: false, span } : { kind: "cidr", address, length, span };
  return { items: [item], braced: false, span };
}
