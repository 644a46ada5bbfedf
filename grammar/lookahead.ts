/**
 * Lookahead of one token.
 *
 * The grammar needs no more, and Chevrotain's own strategy is for any number: to construct the parser with it takes
 * half as long again, which every policy with a block would feel at its start.
 */
import {
  Alternation,
  type ILookaheadStrategy,
  type IProduction,
  type IToken,
  NonTerminal,
  Option,
  Repetition,
  RepetitionMandatory,
  type Rule,
  Terminal,
  type TokenType,
} from "chevrotain";

interface Reader {
  LA(distance: number): IToken;
}

type Container = IProduction & { readonly definition: readonly IProduction[]; readonly idx?: number };

const OPTIONAL = { Option, Repetition, RepetitionMandatory } as const;

export class OneToken implements ILookaheadStrategy {
  private readonly known = new Map<Rule, ReadonlySet<TokenType>>();

  validate(): [] {
    return [];
  }

  buildLookaheadForAlternation({ rule, prodOccurrence }: { rule: Rule; prodOccurrence: number }): () => number {
    const choices: number[] = [];
    find(rule, Alternation, prodOccurrence).definition.forEach((alternative, choice) => {
      for (const index of indices(this.first(alternative))) choices[index] ??= choice;
    });
    return function (this: unknown): number {
      return choices[(this as Reader).LA(1).tokenTypeIdx] as number;
    };
  }

  buildLookaheadForOptional(options: { rule: Rule; prodOccurrence: number; prodType: string }): () => boolean {
    const type = OPTIONAL[options.prodType as keyof typeof OPTIONAL];
    const expected = indices(this.first(find(options.rule, type, options.prodOccurrence)));
    return function (this: unknown): boolean {
      return expected.has((this as Reader).LA(1).tokenTypeIdx);
    };
  }

  /** The tokens that a production can begin with. */
  private first(production: IProduction): ReadonlySet<TokenType> {
    if (production instanceof Terminal) return new Set([production.terminalType]);
    if (production instanceof NonTerminal) {
      let known = this.known.get(production.referencedRule);
      if (known === undefined) {
        known = this.first(production.referencedRule);
        this.known.set(production.referencedRule, known);
      }
      return known;
    }
    const tokens = new Set<TokenType>();
    for (const part of (production as Container).definition) {
      for (const type of this.first(part)) tokens.add(type);
      if (!(production instanceof Alternation) && !(part instanceof Option) && !(part instanceof Repetition)) break;
    }
    return tokens;
  }
}

/** Numbers of token types, those of a category's members too. */
function indices(types: ReadonlySet<TokenType>): Set<number> {
  const out = new Set<number>();
  for (const { tokenTypeIdx, categoryMatches } of types) {
    if (tokenTypeIdx !== undefined) out.add(tokenTypeIdx);
    for (const index of categoryMatches ?? []) out.add(index);
  }
  return out;
}

/** The production of a kind that has this number in its rule. */
function find<T extends Container>(rule: Rule, type: new (...options: never[]) => T, occurrence: number): T {
  const search = (production: IProduction): T | undefined => {
    if (production instanceof type && (production.idx ?? 0) === occurrence) return production;
    if (production instanceof Terminal || production instanceof NonTerminal) return undefined;
    for (const part of (production as Container).definition) {
      const found = search(part);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const found = search(rule);
  if (found === undefined) throw new Error(`the rule ${rule.name} has no ${type.name} ${occurrence}`);
  return found;
}
