/** Tokens and their types. */

/** How a token is found: the text itself, an expression, or a function for what no expression can say. */
export type Pattern = string | RegExp | { exec(text: string, offset: number): [string] | null };

export interface TokenType {
  readonly name: string;
  /** Its place among the token types: what tables of the grammar know it by. */
  readonly index: number;
  /** Undefined of what the scanner doesn't find, but words.ts makes or only the grammar speaks of. */
  readonly pattern: Pattern | undefined;
  /** As messages and diagrams show it; undefined where they show the name. */
  readonly label: string | undefined;
  /** A type that stands for this one and others: who expects it takes this. */
  readonly category: TokenType | undefined;
}

export interface Token {
  readonly image: string;
  /** Where it begins in the text, in UTF-16 code units. */
  readonly startOffset: number;
  tokenType: TokenType;
}

const all: TokenType[] = [];

/** Every token type there is, by its index. */
export const TOKEN_TYPES: readonly TokenType[] = all;

export function createToken(
  name: string,
  { pattern, label, category }: { pattern?: Pattern; label?: string; category?: TokenType } = {},
): TokenType {
  const type = { name, index: all.length, pattern, label, category };
  all.push(type);
  return type;
}

/** What follows the last token of a text. */
export const EOF = createToken("EOF");
