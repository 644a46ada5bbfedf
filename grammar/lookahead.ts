/** One token of lookahead, which is all that the grammar needs: worked out of the rules that Chevrotain has recorded. */
import {
  Alternation,
  type IProduction,
  NonTerminal,
  Option,
  Repetition,
  RepetitionMandatory,
  type Rule,
  Terminal,
} from "chevrotain";
import type { Decisions, Ways } from "./recognizer.js";
import { TOKEN_TYPES } from "./token.js";

type Container = IProduction & { readonly definition: readonly IProduction[]; readonly idx?: number };

/** What Chevrotain's methods of a production are called; behind the name stands its number, from the second on. */
const METHODS = [
  [Alternation, "OR"],
  [Option, "OPTION"],
  [Repetition, "MANY"],
  [RepetitionMandatory, "AT_LEAST_ONE"],
] as const;

/** Every decision of a grammar in which one token tells alternatives apart: Chevrotain has made sure of that. */
export function decisionsOf(rules: readonly Rule[]): Decisions {
  return Object.fromEntries(rules.map((rule) => [rule.name, decisionsIn(rule)]));
}

function decisionsIn(rule: Rule): Record<string, Ways> {
  const found: Record<string, Ways> = {};
  const visit = (production: IProduction): void => {
    if (production instanceof Terminal || production instanceof NonTerminal) return;
    const { definition, idx = 0 } = production as Container;
    const method = METHODS.find(([type]) => production instanceof type)?.[1];
    const ways = production instanceof Alternation ? definition : [production];
    if (method !== undefined)
      found[`${method}${idx === 0 ? "" : idx}`] = ways.map((way) => [...first(way)].sort((a, b) => a - b));
    definition.forEach(visit);
  };
  visit(rule);
  return found;
}

/** Numbers of the token types that a production can begin with. */
function first(production: IProduction): ReadonlySet<number> {
  if (production instanceof Terminal) {
    const { name } = production.terminalType;
    const fitting = TOKEN_TYPES.filter((type) => type.name === name || type.category?.name === name);
    return new Set(fitting.map(({ index }) => index));
  }
  if (production instanceof NonTerminal) return first(production.referencedRule);
  const indices = new Set<number>();
  for (const part of (production as Container).definition) {
    for (const index of first(part)) indices.add(index);
    if (!(production instanceof Alternation) && !(part instanceof Option) && !(part instanceof Repetition)) break;
  }
  return indices;
}
