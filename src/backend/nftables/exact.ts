/** Exact keys as sets, and the rules that look them up. */
import type { Rule as PolicyRule } from "../../ir/policy.js";
import type { Family } from "../../net/address.js";
import { goto, IN, lookup, rule, type TableBuilder, targetOf, then } from "./builder.js";
import { counterOf, counting, counts } from "./counting.js";
import type { ExactSets } from "../shape/exact.js";
import type { Lane } from "../shape/lanes.js";
import type { Key, Rule } from "./ruleset.js";
import { ruleText } from "./text.js";
import type { Tuples, Way } from "../shape/tuples.js";

export const WAYS: Readonly<Record<Lane, Way>> = {
  cc: "both",
  cw: "source",
  ch: "source",
  wc: "destination",
  hc: "destination",
};

/** An exact set, how it is looked up, and where that is worth it. */
export interface Exact {
  readonly name: string;
  readonly keys: readonly Key[];
  readonly ways: Readonly<Record<Way, number>>;
}

/** Sets of exact tuples: every protocol, protocols without ports, and ports. Each is looked up only if it exists. */
export function planExact(
  table: TableBuilder,
  verb: "deny" | "reject" | "allow",
  family: Family,
  sets: ExactSets,
): Exact[] {
  const { source, destination, type } = IN[family];
  const planned: Exact[] = [];
  const add = (
    kind: string,
    tuples: Tuples,
    extra: readonly Key[],
    types: readonly ("inet_proto" | "inet_service")[],
  ): void => {
    if (tuples.length === 0) return;
    const name = `${kind}${family}`;
    const comment = `${verb}: source, destination${types.length > 0 ? ", protocol" : ""}`;
    table.exact(name, [type, type, ...types], tuples, comment);
    table.counting(counterOf(name), [type, type, ...types], "packets decided");
    planned.push({ name, keys: [source, destination, ...extra], ways: tuples.ways });
  };
  add(`${verb}-pair`, sets.pairs, [], []);
  add(`${verb}-protocol`, sets.protocols, ["meta l4proto"], ["inet_proto"]);
  add(`${verb}-port`, sets.ports, ["meta l4proto", "th dport"], ["inet_proto", "inet_service"]);
  return planned;
}

/**
 * The look-ups of a verb's sets in one lane, and what finds a tuple: it counts that one and, as every statement that
 * decides a packet is to count it, the tuples of later sets; then `rest`, the look-up of the classes, may decide it as
 * well; else it is decided here.
 */
export function exactRules(
  table: TableBuilder,
  verb: PolicyRule["verb"],
  family: Family,
  sets: readonly Exact[],
  rest: readonly Rule[],
): Rule[] {
  const target = targetOf(verb);
  return sets.map(({ name, keys }, i) => {
    const later = sets.slice(i + 1);
    const content = [name, ...later.map((other) => other.name), ...rest.map(ruleText)].join("\n");
    const chain = table.generate(`${verb}-found${family}`, content, () => [
      counting(target, counterOf(name), keys),
      ...later.map((other) => counting(target, counterOf(other.name), other.keys, [lookup(other.name, ...other.keys)])),
      ...rest.map(({ expressions }) => rule(counts(target, expressions))),
      rule([then(target)]),
    ]);
    return rule([lookup(name, ...keys), then(goto(chain))]);
  });
}
