/**
 * Carries out a grammar that is written in the parsing DSL of Chevrotain.
 *
 * The grammar is Chevrotain's: its rules are recorded and analysed by it (analysis.ts), its diagrams are made of that, and
 * a test holds this class against its parser over texts of every kind. But what comes of the analysis depends on the
 * grammar alone, and so it is in generated/lookahead.json; and to load and construct Chevrotain takes as long as all else
 * that a command does with a small policy. What is left to do for a text is here: to take the alternatives that those
 * tables say. Names and meaning of the methods are Chevrotain's (chevrotain.io, class EmbeddedActionsParser).
 */
import decisions from "./generated/lookahead.json" with { type: "json" };
import { EOF, type Token, TOKEN_TYPES, type TokenType } from "./token.js";

/** Of a production in a rule, for each of its ways the numbers of the token types that lead into it. */
export type Ways = readonly (readonly number[])[];

/** By rule, and by production in it: `OR`, `OPTION2`. */
export type Decisions = Readonly<Record<string, Readonly<Record<string, Ways>>>>;

/** A rule of the grammar. */
export interface GrammarRule<A extends unknown[] = never[], R = unknown> {
  readonly name: string;
  readonly action: (...args: A) => R;
  /** By production, the way that each token type leads into, `NOWHERE` if it leads into none: those that were asked for. */
  readonly ways: Record<string, Int8Array>;
}

const NOWHERE = -1;
const INTO = 0;

/** The next token doesn't fit. */
export class Mismatch extends Error {
  /** The rule in which it was met. */
  readonly rule: string;
  /** The type that alone would have fitted; undefined where there were several. */
  readonly expected: TokenType | undefined;

  constructor(rule: string, expected: TokenType | undefined) {
    super(`no way on in ${rule}`);
    this.rule = rule;
    this.expected = expected;
  }
}

const NO_TOKENS: readonly Token[] = [];

export abstract class Recognizer {
  /** Whether the rules run to be recorded, without tokens: then actions touch nothing that they are given. */
  protected readonly RECORDING_PHASE: boolean = false;
  /** In the order in which they are declared. */
  readonly rules: GrammarRule[] = [];
  private tokens = NO_TOKENS;
  /** How many tokens have been consumed. */
  private consumed = 0;
  private current!: GrammarRule;
  private readonly end: Token = { image: "", startOffset: NaN, tokenType: EOF };

  /** Runs a rule over tokens, from the first on. */
  protected run<R>(rule: GrammarRule<[], R>, tokens: readonly Token[]): R {
    this.tokens = tokens;
    this.consumed = 0;
    return this.SUBRULE(rule);
  }

  /** Does `parse`; when it throws, what comes next is still in the rule that stood around it. */
  protected attempt<R>(parse: () => R): R {
    const { current } = this;
    try {
      return parse();
    } finally {
      this.current = current;
    }
  }

  protected RULE<A extends unknown[], R>(name: string, action: (...args: A) => R): GrammarRule<A, R> {
    const rule = { name, action, ways: {} };
    this.rules.push(rule);
    return rule;
  }

  /** The token `distance` ahead: 1 is the next, 0 the last that was consumed. Outside the text it is `EOF`. */
  protected LA(distance: number): Token {
    return this.tokens[this.consumed + distance - 1] ?? this.end;
  }

  protected SKIP_TOKEN(): void {
    if (this.consumed < this.tokens.length) this.consumed++;
  }

  protected CONSUME(type: TokenType): Token {
    const token = this.LA(1);
    const { tokenType } = token;
    if (tokenType !== type && tokenType.category !== type) throw new Mismatch(this.current.name, type);
    this.consumed++;
    return token;
  }

  protected CONSUME2(type: TokenType): Token {
    return this.CONSUME(type);
  }

  protected CONSUME3(type: TokenType): Token {
    return this.CONSUME(type);
  }

  protected SUBRULE<R>(rule: GrammarRule<[], R>): R;
  protected SUBRULE<A extends unknown[], R>(rule: GrammarRule<A, R>, options: { readonly ARGS: A }): R;
  protected SUBRULE<A extends unknown[], R>(rule: GrammarRule<A, R>, options?: { readonly ARGS: A }): R {
    const { current } = this;
    this.current = rule;
    const result =
      options === undefined ? (rule as unknown as GrammarRule<[], R>).action() : rule.action(...options.ARGS);
    // Not when it throws: then the rule is part of what is said.
    this.current = current;
    return result;
  }

  protected SUBRULE2<R>(rule: GrammarRule<[], R>): R;
  protected SUBRULE2<A extends unknown[], R>(rule: GrammarRule<A, R>, options: { readonly ARGS: A }): R;
  protected SUBRULE2<A extends unknown[], R>(rule: GrammarRule<A, R>, options?: { readonly ARGS: A }): R {
    return this.SUBRULE(rule, options as { readonly ARGS: A });
  }

  protected SUBRULE3<A extends unknown[], R>(rule: GrammarRule<A, R>, options: { readonly ARGS: A }): R {
    return this.SUBRULE(rule, options);
  }

  protected OR<R>(alternatives: readonly { readonly ALT: () => R }[]): R {
    const chosen = alternatives[this.way("OR")];
    if (chosen === undefined) throw new Mismatch(this.current.name, undefined);
    return chosen.ALT();
  }

  protected OPTION<R>(action: () => R): R | undefined {
    return this.way("OPTION") === INTO ? action() : undefined;
  }

  protected OPTION2<R>(action: () => R): R | undefined {
    return this.way("OPTION2") === INTO ? action() : undefined;
  }

  protected OPTION3<R>(action: () => R): R | undefined {
    return this.way("OPTION3") === INTO ? action() : undefined;
  }

  protected MANY(action: () => unknown): void {
    while (this.way("MANY") === INTO) action();
  }

  protected MANY2(action: () => unknown): void {
    while (this.way("MANY2") === INTO) action();
  }

  protected AT_LEAST_ONE(action: () => unknown): void {
    if (this.way("AT_LEAST_ONE") !== INTO) throw new Mismatch(this.current.name, undefined);
    do action();
    while (this.way("AT_LEAST_ONE") === INTO);
  }

  /** Where the next token leads in a production of the current rule. */
  private way(production: string): number {
    const { ways, name } = this.current;
    const table = (ways[production] ??= tableOf((decisions as Decisions)[name]?.[production] ?? []));
    return table[this.LA(1).tokenType.index] as number;
  }
}

function tableOf(ways: Ways): Int8Array {
  const table = new Int8Array(TOKEN_TYPES.length).fill(NOWHERE);
  ways.forEach((tokens, way) => {
    for (const index of tokens) table[index] = way;
  });
  return table;
}
