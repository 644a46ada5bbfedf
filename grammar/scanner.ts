/**
 * Text to tokens.
 *
 * tokens.ts says what each token is; Chevrotain's own lexer would read that too (a test holds the two against each
 * other), but takes 5 ms to construct and twice as long to run. Most of a policy is plain words, numbers and
 * punctuation: these are taken by their first character, everything else by trying the patterns in order.
 */
import type { Comment } from "../src/ast/nodes.js";
import type { SourceFile } from "../src/text/source.js";
import { isCommonLine } from "./common-lines.js";
import type { Pattern, Token, TokenType } from "./token.js";
import * as T from "./tokens.js";
import { placeWords, type Unclosed } from "./words.js";

/** A piece of a policy that ends between two statements. */
export interface Chunk {
  readonly tokens: Token[];
  /** Braces that nothing closes. */
  readonly unclosed: Unclosed;
}

/** Tokens that live briefly cost the garbage collector nothing, so the parser takes a large file in pieces. */
const CHUNK = 4096;

/** Splits a policy text into tokens. Every character lands in one: what is wrong becomes a token only errors know. */
export class Scanner {
  readonly comments: Comment[] = [];
  /** Where the next chunk begins. */
  at: number;
  private readonly file: SourceFile;
  private readonly stopsAtCommon: boolean;

  /** @param stopsAtCommon whether a chunk ends before a line that `readCommonLines` takes */
  constructor(file: SourceFile, stopsAtCommon = false) {
    this.file = file;
    this.stopsAtCommon = stopsAtCommon;
    this.at = file.text.charCodeAt(0) === 0xfeff ? 1 : 0;
  }

  get done(): boolean {
    return this.at >= this.file.text.length;
  }

  next(): Chunk {
    const tokens: Token[] = [];
    this.at = tokenize(this.file, this.at, tokens, this.comments, this.stopsAtCommon);
    return { tokens, unclosed: placeWords(tokens) };
  }
}

const SPACE = 32;
const TAB = 9;
const HASH = 35;
const MINUS = 45;
const COLON = 58;
const GREATER = 62;

const LETTER = 1;
/** A letter that may be a digit of an IPv6 address. */
const HEX = 2;
const DIGIT = 3;
/** `.` and `-`: part of a name, but never its end. */
const JOINT = 4;
const KIND = new Uint8Array(128);
const kindOf = (kind: number, first: string, last = first): void => {
  KIND.fill(kind, first.charCodeAt(0), last.charCodeAt(0) + 1);
};
kindOf(LETTER, "A", "Z");
kindOf(LETTER, "a", "z");
kindOf(LETTER, "_");
kindOf(HEX, "A", "F");
kindOf(HEX, "a", "f");
kindOf(DIGIT, "0", "9");
kindOf(JOINT, ".");
kindOf(JOINT, "-");

/** Tokens of one character that begin no other token. */
const SINGLE = new Array<TokenType | undefined>(128).fill(undefined);
for (const type of [T.Comma, T.Semicolon, T.Slash, T.Equals, T.ListOpen, T.ListClose, T.BracketOpen, T.BracketClose]) {
  SINGLE[(type.pattern as string).charCodeAt(0)] = type;
}

/** Between two statements, if the next line begins one in any way that recovery from an error may care about. */
function endsChunk(text: string, at: number, count: number, stopsAtCommon: boolean): boolean {
  const kind = KIND[text.charCodeAt(at)];
  if (kind !== LETTER && kind !== HEX) return false;
  return count > CHUNK || (stopsAtCommon && isCommonLine(text, at));
}

/** Adds the tokens from `start` on, up to the end of the text or of a line that may end a chunk; returns that place. */
function tokenize(
  file: SourceFile,
  start: number,
  tokens: Token[],
  comments: Comment[],
  stopsAtCommon: boolean,
): number {
  const text = file.text;
  const length = text.length;
  let depth = 0;
  let at = start;
  while (at < length) {
    const code = text.charCodeAt(at);
    if (code === SPACE || code === TAB) {
      at++;
      continue;
    }
    const single = code < 128 ? SINGLE[code] : undefined;
    if (single !== undefined) {
      tokens.push(token(single, single.pattern as string, at++));
      if (single === T.ListOpen) depth++;
      else if (single === T.ListClose && depth > 0) depth--;
      continue;
    }
    if (code === HASH) {
      const newline = text.indexOf("\n", at);
      const end = newline === -1 ? length : newline;
      const comment = text.slice(at, end).trimEnd();
      comments.push({ text: comment, span: { file, start: at, end: at + comment.length } });
      at = end;
      continue;
    }
    const next = text.charCodeAt(at + 1);
    const kind = code < 128 ? KIND[code] : 0;
    let type: TokenType | undefined;
    let end = at;
    if (code === COLON && next !== COLON) {
      type = T.Colon;
      end = at + 1;
    } else if (code === MINUS && next === GREATER) {
      type = T.Arrow;
      end = at + 2;
    } else if (kind === LETTER || kind === HEX) {
      end = endOfName(text, at);
      if (end !== at) type = T.Name;
    } else if (kind === DIGIT) {
      end = endOfNumber(text, at);
      if (end !== at) type = T.NumberWord;
    }
    const found = type === undefined ? tryPatterns(text, at) : token(type, text.slice(at, end), at);
    tokens.push(found);
    at += found.image.length;
    if (found.tokenType === T.Newline && depth === 0 && endsChunk(text, at, tokens.length, stopsAtCommon)) break;
  }
  return at;
}

/** The end of the plain name at `start`; `start` itself when it may be something else. */
function endOfName(text: string, start: number): number {
  let hex = true;
  let end = start;
  let last = start;
  for (;;) {
    const code = text.charCodeAt(end);
    const kind = code < 128 ? (KIND[code] as number) : 0;
    if (kind === 0) {
      // Hexadecimal digits and two colons may be an address; `env` and a space may begin its entry.
      if (code >= 128 || (hex && code === COLON && hasSecondColon(text, end))) return start;
      return end - start === 3 && text.startsWith("env", start) ? start : last;
    }
    end++;
    if (kind !== JOINT) last = end;
    if (kind === LETTER || kind === JOINT) hex = false;
  }
}

function hasSecondColon(text: string, colon: number): boolean {
  let at = colon + 1;
  for (let code = text.charCodeAt(at); KIND[code] === HEX || KIND[code] === DIGIT;) code = text.charCodeAt(++at);
  return text.charCodeAt(at) === COLON;
}

/** The end of the plain number at `start`; `start` itself when it may be something else. */
function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  let code = text.charCodeAt(end);
  while (code >= 48 && code <= 57) code = text.charCodeAt(++end);
  if (code === MINUS && text.charCodeAt(end + 1) === GREATER) return end;
  return code >= 128 || code === COLON || (code < 128 && KIND[code] !== 0) ? start : end;
}

const PATTERNS = T.SCANNED.map((type) => ({ type, match: matcher(type) }));

function matcher(type: TokenType): (text: string, at: number) => string | undefined {
  const pattern = type.pattern as Pattern;
  if (typeof pattern === "string") return (text, at) => (text.startsWith(pattern, at) ? pattern : undefined);
  if (!(pattern instanceof RegExp)) return (text, at) => pattern.exec(text, at)?.[0];
  const sticky = new RegExp(pattern.source, "y");
  return (text, at) => {
    sticky.lastIndex = at;
    return sticky.exec(text)?.[0];
  };
}

function tryPatterns(text: string, at: number): Token {
  for (const { type, match } of PATTERNS) {
    const image = match(text, at);
    if (image !== undefined) return token(type, image, at);
  }
  throw new Error(`no token begins with character code ${text.charCodeAt(at)}`);
}

function token(tokenType: TokenType, image: string, startOffset: number): Token {
  return { image, startOffset, tokenType };
}
