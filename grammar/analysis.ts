/**
 * The grammar in Chevrotain's hands: it records the rules, and checks that they are unambiguous; diagrams, EBNF and the
 * recognizer's tables are made of what it recorded. It also parses by them, as the referee of the recognizer.
 */
import {
  createToken,
  EmbeddedActionsParser,
  type IParserErrorMessageProvider,
  type IRecognitionException,
  isRecognitionException,
  type IToken,
  Lexer,
  EOF as NO_TOKEN,
  type TokenType as ChevrotainType,
} from "chevrotain";
import { type GrammarRule, Mismatch, type Recognizer } from "./recognizer.js";
import { EOF, type Token, type TokenType } from "./token.js";
import * as T from "./tokens.js";

/** The rest is found out by Chevrotain from the expressions. */
const LEXING: ReadonlyMap<TokenType, object> = new Map<TokenType, object>([
  [T.Space, { group: Lexer.SKIPPED }],
  [T.Tab, { group: Lexer.SKIPPED }],
  [T.ByteOrderMark, { group: Lexer.SKIPPED, start_chars_hint: ["\ufeff"], line_breaks: false }],
  [T.Comment, { group: "comments" }],
  [T.Address, { start_chars_hint: [..."0123456789abcdefABCDEF:"], line_breaks: false }],
  [T.SplitQuoted, { line_breaks: true }],
]);

const made = new Map<TokenType, ChevrotainType>();

/** A token type as Chevrotain's lexer and parser take it. */
export function chevrotainType(type: TokenType): ChevrotainType {
  let known = made.get(type);
  if (known === undefined) {
    const { name, pattern = Lexer.NA, label, category } = type;
    known = createToken({
      name,
      pattern: pattern as RegExp,
      ...(label !== undefined && { label }),
      ...(category !== undefined && { categories: chevrotainType(category) }),
      ...LEXING.get(type),
    });
    made.set(type, known);
  }
  return known;
}

/** Mistakes are explained by explain.ts, which only needs the token that was expected. */
const messages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => expected.name,
  buildNotAllInputParsedMessage: () => "",
  buildNoViableAltMessage: () => "",
  buildEarlyExitMessage: () => "",
};

/** The methods of the DSL that the grammar uses. */
const METHODS = [
  ...["CONSUME", "CONSUME2", "CONSUME3", "OR", "OPTION", "OPTION2", "OPTION3"],
  ...["MANY", "MANY2", "AT_LEAST_ONE"],
] as const;
const SUBRULES = ["SUBRULE", "SUBRULE2", "SUBRULE3"] as const;

type Method = (...args: unknown[]) => unknown;

export class ChevrotainParser extends EmbeddedActionsParser {
  private readonly methods = new Map<string, Method>();

  /** From here on `grammar` is carried out by this parser. */
  constructor(grammar: Recognizer) {
    super(T.VOCABULARY.map(chevrotainType), { maxLookahead: 1, errorMessageProvider: messages });
    for (const { name, action } of grammar.rules) this.methods.set(name, this.RULE(name, action as Method) as Method);
    Object.defineProperties(grammar, this.dsl());
    this.performSelfAnalysis();
  }

  private dsl(): PropertyDescriptorMap {
    const own = this as unknown as Record<string, Method>;
    const call = (name: string, ...args: unknown[]): unknown => asMismatch(() => own[name]?.call(this, ...args));
    const dsl: Record<string, Method> = {
      LA: (distance) => ours(this.LA(distance as number)),
      SKIP_TOKEN: () => this.SKIP_TOKEN(),
      attempt: (parse) => (parse as Method)(),
      run: (rule, tokens) => {
        this.input = (tokens as Token[]).map(theirs);
        return this.methods.get((rule as GrammarRule).name)?.call(this);
      },
    };
    for (const name of METHODS) {
      const takesType = name.startsWith("CONSUME");
      dsl[name] = (what) => call(name, takesType ? chevrotainType(what as TokenType) : what);
    }
    for (const name of SUBRULES)
      dsl[name] = (rule, options) => call(name, this.methods.get((rule as GrammarRule).name), options);
    return {
      RECORDING_PHASE: { get: () => this.RECORDING_PHASE },
      ...Object.fromEntries(Object.entries(dsl).map(([name, value]) => [name, { value }])),
    };
  }
}

/** Chevrotain knows a token by its type's number, the grammar by the type. */
function theirs(token: Token): IToken {
  const { tokenTypeIdx } = chevrotainType(token.tokenType);
  return Object.assign(token, { tokenTypeIdx }) as unknown as IToken;
}

const END: Token = { image: "", startOffset: NaN, tokenType: EOF };

function ours(token: IToken): Token {
  return token.tokenType === NO_TOKEN ? END : (token as unknown as Token);
}

function asMismatch<R>(parse: () => R): R {
  try {
    return parse();
  } catch (error) {
    if (!isRecognitionException(error as Error)) throw error;
    const { context, message, name } = error as IRecognitionException;
    const expected = name === "MismatchedTokenException" ? message : undefined;
    throw new Mismatch(
      context.ruleStack.at(-1) as string,
      T.VOCABULARY.find((type) => type.name === expected),
    );
  }
}
