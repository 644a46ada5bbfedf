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

/** What tells a parser which alternative to take, or whether to go into an optional part, by the next token's number. */
export type Choice = (this: unknown) => number;
export type Entrance = (this: unknown) => boolean;

const tables = new WeakMap<Choice | Entrance, ReadonlyMap<number, number> | ReadonlySet<number>>();

/** What a function of this file was made of. */
export function tableOf(made: Choice | Entrance): ReadonlyMap<number, number> | ReadonlySet<number> | undefined {
  return tables.get(made);
}

export function choiceOf(table: ReadonlyMap<number, number>): Choice {
  const choices: number[] = [];
  for (const [index, choice] of table) choices[index] = choice;
  const choose = function (this: unknown): number {
    return choices[(this as Reader).LA(1).tokenTypeIdx] as number;
  };
  tables.set(choose, table);
  return choose;
}

export function entranceOf(expected: ReadonlySet<number>): Entrance {
  const enter = function (this: unknown): boolean {
    return expected.has((this as Reader).LA(1).tokenTypeIdx);
  };
  tables.set(enter, expected);
  return enter;
}

type Container = IProduction & { readonly definition: readonly IProduction[]; readonly idx?: number };

const OPTIONAL = { Option, Repetition, RepetitionMandatory } as const;

export class OneToken implements ILookaheadStrategy {
  private readonly known = new Map<Rule, ReadonlySet<TokenType>>();

  validate(): [] {
    return [];
  }

  buildLookaheadForAlternation({ rule, prodOccurrence }: { rule: Rule; prodOccurrence: number }): Choice {
    const choices = new Map<number, number>();
    find(rule, Alternation, prodOccurrence).definition.forEach((alternative, choice) => {
      for (const index of indices(this.first(alternative))) if (!choices.has(index)) choices.set(index, choice);
    });
    return choiceOf(choices);
  }

  buildLookaheadForOptional(options: { rule: Rule; prodOccurrence: number; prodType: string }): Entrance {
    const type = OPTIONAL[options.prodType as keyof typeof OPTIONAL];
    return entranceOf(indices(this.first(find(options.rule, type, options.prodOccurrence))));
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
