/**
 * The short way for the lines that make up large policies: `allow PEER -> PEER:PORT`, where a peer is a name, an IPv4
 * address or prefix, and `publish PORT -> NAME:PORT`.
 *
 * Written exactly as the formatter writes them, such a line is one match of one expression, and costs a tenth of the
 * way through tokens and grammar. Every other line, and every line with an error, goes that way; a test holds the two
 * against each other.
 */
import type { Item, List, Peers, PublishStatement, RuleStatement, Statement, Verb } from "../src/ast/nodes.js";
import type { SourceFile } from "../src/text/source.js";
import { parseAddress } from "../src/net/address.js";
import { BARE } from "./tokens.js";

const END = "[ \\t]*(?:\\r?\\n|$)";
const PEER = `${BARE}|\\d{1,3}(?:\\.\\d{1,3}){3}(?:/\\d{1,2})?`;
const RULE = new RegExp(`(allow|deny|reject) (${PEER}) -> (${PEER})(?::(\\d{1,5})(?:/(${BARE}))?)?${END}`, "y");
const PUBLISH = new RegExp(`publish (\\d{1,5}) -> (${BARE}):(\\d{1,5})${END}`, "y");

const PUBLISH_LENGTH = "publish ".length;
const ARROW_LENGTH = " -> ".length;
const FIRST_OF_PUBLISH = "p".charCodeAt(0);
const NEWLINE = 10;

/** Whether a line that `readCommonLines` takes begins at `at`. */
export function isCommonLine(text: string, at: number): boolean {
  const pattern = text.charCodeAt(at) === FIRST_OF_PUBLISH ? PUBLISH : RULE;
  pattern.lastIndex = at;
  return pattern.test(text);
}

/** Reads common lines from `start`, the beginning of a line, as long as they last; returns where they end. */
export function readCommonLines(file: SourceFile, start: number, statements: Statement[]): number {
  const text = file.text;
  let at = start;
  while (at < text.length) {
    const first = text.charCodeAt(at);
    if (first === NEWLINE) {
      at++;
      continue;
    }
    const pattern = first === FIRST_OF_PUBLISH ? PUBLISH : RULE;
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) break;
    const statement = pattern === RULE ? ruleOf(file, at, match) : publishOf(file, at, match);
    if (statement === undefined) break;
    statements.push(statement);
    at = pattern.lastIndex;
  }
  return at;
}

function ruleOf(file: SourceFile, start: number, match: RegExpExecArray): RuleStatement | undefined {
  const verb = match[1] as Verb;
  const fromName = match[2] as string;
  const toName = match[3] as string;
  const digits = match[4];
  const from = peersOf(file, start + verb.length + 1, fromName);
  const to = from && peersOf(file, from.span.end + ARROW_LENGTH, toName);
  if (from === undefined || to === undefined) return undefined;
  if (digits === undefined) {
    const span = { file, start, end: to.span.end };
    return { kind: "rule", verb, from, to, ports: undefined, log: undefined, span };
  }
  const port = portOf(file, to.span.end + 1, digits, match[5]);
  if (port === undefined) return undefined;
  const ports: List = { items: [port], braced: false, span: port.span };
  return { kind: "rule", verb, from, to, ports, log: undefined, span: { file, start, end: port.span.end } };
}

function publishOf(file: SourceFile, start: number, match: RegExpExecArray): PublishStatement | undefined {
  const port = portOf(file, start + PUBLISH_LENGTH, match[1] as string);
  if (port === undefined) return undefined;
  const target = listOf(file, port.span.end + ARROW_LENGTH, match[2] as string);
  const inside = portOf(file, target.span.end + 1, match[3] as string);
  if (inside === undefined) return undefined;
  const host = { address: undefined, port, span: port.span };
  const span = { file, start, end: inside.span.end };
  return { kind: "publish", host, target, port: inside, from: undefined, span };
}

function listOf(file: SourceFile, start: number, text: string): List {
  const span = { file, start, end: start + text.length };
  const item: Item = { kind: "name", name: { text, quoted: false, span }, span };
  return { items: [item], braced: false, span };
}

const LETTER = "A".charCodeAt(0);

/** Undefined for what only looks like an address: the grammar says what is wrong with it. */
function peersOf(file: SourceFile, start: number, text: string): Peers | undefined {
  const include = text.charCodeAt(0) < LETTER ? addressOf(file, start, text) : listOf(file, start, text);
  return include && { include, except: undefined, span: include.span };
}

function addressOf(file: SourceFile, start: number, text: string): List | undefined {
  const slash = text.indexOf("/");
  const address = slash === -1 ? text : text.slice(0, slash);
  const length = slash === -1 ? 0 : Number(text.slice(slash + 1));
  if (length > 32 || parseAddress(address) === undefined) return undefined;
  const span = { file, start, end: start + text.length };
  const item: Item =
    slash === -1 ? { kind: "address", text: address, bracketed: false, span } : { kind: "cidr", address, length, span };
  return { items: [item], braced: false, span };
}

function portOf(file: SourceFile, start: number, digits: string, word?: string): Item | undefined {
  const port = Number(digits);
  if (port < 1 || port > 65535) return undefined;
  const end = start + digits.length;
  if (word === undefined) {
    return { kind: "port", from: port, to: port, protocol: undefined, span: { file, start, end } };
  }
  const after = end + 1 + word.length;
  const protocol = { text: word, quoted: false, span: { file, start: end + 1, end: after } };
  return { kind: "port", from: port, to: port, protocol, span: { file, start, end: after } };
}
