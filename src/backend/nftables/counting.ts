/**
 * What is counted, for `stats`: packets by the statement that decides them, of an allowed connection the first.
 *
 * Counters are elements that packets make, in sets of their own. So an apply neither sends nor touches them, whatever
 * becomes of the rules and sets beside them, and what was never decided costs nothing. A look-up that finds a tuple counts
 * that tuple; what has no tuple (groups, defaults) counts a number made of the statement. The verdict is always in a rule
 * behind: a counter that can't be made must not change it.
 */
import { hash32 } from "../../net/hash.js";
import type { Origin } from "../../ir/policy.js";
import { ACCEPT, goto, rule, type TableBuilder, then } from "./builder.js";
import type { Expression, Key, Rule, Target, Type } from "./ruleset.js";

/** Counters by number and protocol. */
export const TALLY = "tally";

/** A packet whose connection isn't in the table yet, though packets before it may have been new as well. */
const FIRST: Expression = { kind: "match", key: "ct status", not: true, value: "confirmed" };

/** The name of the counting set, and of the chain, behind a set of tuples or a map. */
export const counterOf = (name: string): string => `count-${name}`;

/** A statement's number in the tally; made of what no edit elsewhere changes. */
export const statementNumber = (id: string): number => hash32("statement", id);

/** The number of a default; `network`: whose containers it is about, where it is one network's. */
export const defaultNumber = (name: string, network = ""): number => hash32("default", name, network);

export function planTally(table: TableBuilder): void {
  table.counting(TALLY, ["mark", "inet_proto"], "packets decided: number of a statement or default, protocol");
}

/** What is asked of a packet that is to be counted: of an allowed connection only the first is. */
export function counts(target: Target, packets: readonly Expression[]): readonly Expression[] {
  return target === ACCEPT ? [FIRST, ...packets] : packets;
}

/** Counts each of these packets by its tuple. */
export function counting(target: Target, set: string, keys: readonly Key[], packets: readonly Expression[] = []): Rule {
  return rule(counts(target, [...packets, { kind: "count", keys, set }]));
}

const tallied = (number: number): Expression => ({ kind: "count", number, keys: ["meta l4proto"], set: TALLY });

/** Counts these packets for each of the statements. */
export function tally(target: Target, statements: readonly Origin[], packets: readonly Expression[]): Rule {
  const all = statements.map(({ id }) => tallied(statementNumber(id)));
  return rule(counts(target, [...packets, ...all]), undefined, statements);
}

/** Counts each of these packets under one number, then decides them. */
export function decide(
  target: Target,
  number: number,
  comment?: string,
  packets: readonly Expression[] = [],
): readonly Rule[] {
  const count = rule(counts(target, [...packets, tallied(number)]));
  return [count, rule([...packets, then(target)], comment)];
}

/** Where the elements of a map lead to: a chain that counts packets by their key, and decides them. */
export function counted(
  table: TableBuilder,
  name: string,
  type: readonly Type[],
  keys: readonly Key[],
  target: Target,
  needs: readonly Expression[] = [],
): Target {
  const counter = counterOf(name);
  table.counting(counter, type, "packets decided");
  const chain = target === ACCEPT ? counter : `${counter}-${"chain" in target ? target.chain : target.verdict}`;
  if (!table.chains.some((other) => other.name === chain))
    table.chain(chain, [counting(target, counter, keys, needs), rule([then(target)])]);
  return goto(chain);
}
