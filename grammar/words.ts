/**
 * Gives words, separators and braces the meaning that their place gives them.
 *
 * The scanner knows no context. This pass walks the tokens once and retypes them in place: a word at the start of a
 * statement becomes its keyword, `log` after an operand becomes the keyword `log`, a newline inside `{a, b}` becomes an
 * item separator, and the braces of a block are told from those of a list. After it the grammar is plain LL(1).
 */
import type { Token, TokenType } from "./token.js";
import * as T from "./tokens.js";

const RULE_WORDS = new Map([
  ["except", T.Except],
  ["log", T.Log],
  ["limit", T.Limit],
]);
const PUBLISH_WORDS = new Map([
  ["from", T.From],
  ["except", T.Except],
]);
const ENDPOINT_WORDS = new Map([
  ["ip", T.Ip],
  ["mac", T.MacWord],
]);
const SWITCH_WORDS = new Map([
  ["on", T.On],
  ["off", T.Off],
]);

/** Words that are keywords after an operand of the statement. */
const LATER = new Map<TokenType, ReadonlyMap<string, TokenType>>([
  [T.Allow, RULE_WORDS],
  [T.Deny, RULE_WORDS],
  [T.Reject, RULE_WORDS],
  [T.Assert, RULE_WORDS],
  [T.Publish, PUBLISH_WORDS],
  [T.Link, new Map([["as", T.As]])],
  [T.Network, ENDPOINT_WORDS],
]);

/** Words that are keywords right after the statement's own. */
const NEXT = new Map<TokenType, ReadonlyMap<string, TokenType>>([
  [T.Icc, SWITCH_WORDS],
  [T.Masquerade, SWITCH_WORDS],
  [T.Publish, new Map([["all", T.All]])],
  [
    T.Assert,
    new Map([
      ["allow", T.Allow],
      ["deny", T.Deny],
      ["reject", T.Reject],
    ]),
  ],
]);

/** What can end an operand, so that a keyword may follow it. */
const OPERAND_ENDS = new Set<TokenType>([
  ...[T.Name, T.Quoted, T.Address, T.NumberWord, T.NumberRange, T.Mac, T.ListClose, T.BracketClose],
]);
const OPERANDS = new Set<TokenType>([T.Name, T.Quoted, T.Address, T.NumberWord, T.NumberRange]);

/** Braces that nothing closes. */
export type Unclosed = ReadonlySet<Token>;

/** Retypes `tokens` in place. */
export function placeWords(tokens: Token[]): Unclosed {
  const open: Token[] = [];
  const unclosed = new Set<Token>();
  let inList = false;
  let atStart = true;
  let head: TokenType | undefined;
  let previous: Token | undefined;

  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index] as Token;
    switch (token.tokenType) {
      case T.Newline:
      case T.Comma:
        // `{a, b` and then a line `allow c -> d`: nobody has items like these, so the brace was forgotten.
        if (inList && token.tokenType === T.Newline && beginsStatement(tokens, index + 1)) {
          while (open.at(-1)?.tokenType === T.ListOpen) unclosed.add(open.pop() as Token);
          inList = false;
        }
        retype(token, inList ? T.ItemSeparator : T.Separator);
        atStart = !inList;
        break;
      case T.Semicolon:
        if (inList) break;
        retype(token, T.Separator);
        atStart = true;
        break;
      case T.ListOpen: {
        const isBlock: boolean = !inList && (atStart || opensBlock(head));
        open.push(token);
        if (isBlock) retype(token, T.BlockOpen);
        inList = !isBlock;
        atStart = isBlock;
        break;
      }
      case T.ListClose: {
        const opener = open.pop();
        if (opener?.tokenType !== T.ListOpen) {
          retype(token, T.BlockClose);
          head = undefined;
        }
        inList = open.at(-1)?.tokenType === T.ListOpen;
        atStart = false;
        break;
      }
      case T.Name:
        if (atStart) {
          const start = T.STARTS.get(token.image);
          if (start !== undefined) retype(token, start);
          head = token.tokenType;
          atStart = false;
        } else if (head !== undefined && previous !== undefined) {
          const keyword = keywordInPlace(token.image, head, previous.tokenType);
          if (keyword !== undefined) retype(token, keyword);
        }
        break;
      default:
        if (atStart) head = token.tokenType;
        atStart = false;
    }
    previous = token;
  }
  for (const token of open) unclosed.add(token);
  return unclosed;
}

function keywordInPlace(word: string, head: TokenType, previous: TokenType): TokenType | undefined {
  if (previous === head) return NEXT.get(head)?.get(word);
  if (OPERAND_ENDS.has(previous) || previous === T.Log || previous === T.All) return LATER.get(head)?.get(word);
  return undefined;
}

/** A misspelled statement with braces is taken for a block, so that its contents cause no errors of their own. */
function opensBlock(head: TokenType | undefined): boolean {
  return head === T.Network || head === T.Container || head === T.Name;
}

function beginsStatement(tokens: readonly Token[], index: number): boolean {
  const first = tokens[index];
  const second = tokens[index + 1];
  if (first === undefined) return false;
  if (first.tokenType === T.EnvEntry) return true;
  if (first.tokenType !== T.Name || second === undefined) return false;
  return T.STARTS.has(first.image) && OPERANDS.has(second.tokenType);
}

function retype(token: Token, type: TokenType): void {
  token.tokenType = type;
}
