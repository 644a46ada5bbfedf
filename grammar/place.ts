/** Where the parser stood when it could not go on, and how to talk about it. */
import { EOF, type Token, type TokenType } from "./token.js";
import type { SourceFile, Span } from "../src/text/source.js";
import { spanOf } from "./items.js";
import type { Edit, SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";

/** Which block the parser is in, if any. */
export type Within = "network" | "container" | undefined;

export interface Place {
  readonly file: SourceFile;
  /** The grammar rule that failed; `start` where a statement should have begun, `end` where it should have ended. */
  readonly rule: string;
  /** The type of token that was expected, when there was only one. */
  readonly expected: TokenType | undefined;
  /** The first token of the statement or property. */
  readonly first: Token;
  readonly within: Within;
  readonly unclosed: ReadonlySet<Token>;
  /** 1 is the token that doesn't fit, 0 the one before it. */
  readonly token: (at: number) => Token;
}

/** What an operand of a statement begins with, and what it ends with. */
export const OPERANDS = [T.Name, T.Quoted, T.NumberWord, T.NumberRange, T.Address, T.ListOpen, T.BracketOpen];
export const OPERAND_ENDS = [T.Name, T.Quoted, T.NumberWord, T.NumberRange, T.Address, T.ListClose, T.BracketClose];

/** Recognises one mistake, from the token that doesn't fit and the one before it. */
export type Mistake = (place: Place, found: Token, before: Token) => SyntaxProblem | undefined;

export function isEnd(token: Token): boolean {
  return token.tokenType === T.Separator || token.tokenType === EOF;
}

/** The span of the token that doesn't fit; behind the previous token when the line or the file ends. */
export function spanAt(place: Place): Span {
  const token = place.token(1);
  if (!isEnd(token) || token.image === "," || token.image === ";") return spanOf(place.file, token);
  const last = place.token(0);
  const end = last.startOffset + last.image.length;
  return { file: place.file, start: end, end };
}

/** From the start of one token to the end of another, counted as in `Place.token`. */
export function spanBetween(place: Place, from: number, to: number): Span {
  return { file: place.file, start: place.token(from).startOffset, end: spanOf(place.file, place.token(to)).end };
}

/** A token for a message: `'c1'`, `the end of the line`. */
export function shown(token: Token): string {
  if (token.tokenType === EOF) return "the end of the file";
  if (isEnd(token) && token.image.includes("\n")) return "the end of the line";
  if (token.tokenType === T.ItemSeparator && token.image.includes("\n")) return "the end of the line";
  return `'${clip(token.image)}'`;
}

/** Short enough for a message, on one line, and with nothing in it that a terminal would obey. */
export function clip(text: string, most = 40): string {
  const short = text.length > most ? `${text.slice(0, most - 1)}…` : text;
  // eslint-disable-next-line no-control-regex -- control characters are what this is for
  return short.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

export const ARROW_HELP = "put -> between source and destination";
export const ARROW_RULE = "source and destination are joined by ->";

export function endOf(token: Token): number {
  return token.startOffset + token.image.length;
}

/** Everything from one token to another, counted as in `Place.token`, as `text`. */
export function instead(place: Place, from: number, to: number, text: string): Edit {
  return { start: place.token(from).startOffset, end: endOf(place.token(to)), text };
}

/** The gap between two neighbours, the first counted as in `Place.token`, as `text`. */
export function between(place: Place, before: number, text: string): Edit {
  return { start: endOf(place.token(before)), end: place.token(before + 1).startOffset, text };
}

/** The source from one token to the end of another, counted as in `Place.token`. */
export function textBetween(place: Place, from: number, to: number): string {
  return place.file.text.slice(place.token(from).startOffset, endOf(place.token(to)));
}

/** How far back, counted as in `Place.token`, the statement has a token of one of these types; undefined if it has none. */
export function behind(place: Place, ...types: readonly TokenType[]): number | undefined {
  for (let at = 0; ; at--) {
    const token = place.token(at);
    if (is(token, ...types)) return at;
    if (token === place.first || token.tokenType === EOF) return undefined;
  }
}

/** Where the list or the item that begins at `at` ends. */
export function endOfOperand(place: Place, at: number): number {
  const close = is(place.token(at), T.ListOpen)
    ? T.ListClose
    : is(place.token(at), T.BracketOpen)
      ? T.BracketClose
      : undefined;
  if (close === undefined) return at;
  for (let end = at; !isEnd(place.token(end)); end++) if (is(place.token(end), close)) return end;
  return at;
}

/** How the words of the policy would have to be written to be a name. */
export function quoted(word: string): string {
  return `"${word.replace(/[\\"]/g, "\\$&")}"`;
}

export function is(token: Token, ...types: readonly TokenType[]): boolean {
  return types.includes(token.tokenType);
}

const ARROWED = [T.Allow, T.Deny, T.Reject, T.Assert, T.Publish, T.Link];

/** Whether the statement lacks its arrow, so that what stands before `end` may have been meant as one. */
export function takesArrow(place: Place, end: number): boolean {
  if (!is(place.first, ...ARROWED) || behind(place, T.Arrow) !== undefined) return false;
  for (let at = 2; !isEnd(place.token(at)); at++) {
    if (is(place.token(at), T.Arrow) && place.token(at).startOffset >= end) return false;
  }
  return true;
}
