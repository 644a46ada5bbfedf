/** Which statement each kernel object comes from, both ways: the kernel carries text, this carries places. */
import { location } from "../../text/source.js";
import type { Origin } from "../../ir/policy.js";
import type { Ruleset } from "./ruleset.js";
import { elementText, ruleText } from "./text.js";

export interface MapEntry {
  readonly statement: string;
  readonly at: string;
  readonly objects: readonly string[];
}

/** One entry for each statement that something in the ruleset comes from, in the policy's order. */
export function sourceMap(ruleset: Ruleset): MapEntry[] {
  const objects = new Map<Origin, string[]>();
  const add = (from: readonly Origin[], object: string): void => {
    for (const origin of from) {
      const list = objects.get(origin);
      if (list === undefined) objects.set(origin, [object]);
      else list.push(object);
    }
  };
  for (const table of ruleset.tables) {
    const where = `${table.family} ${table.name}`;
    for (const set of table.sets)
      for (const element of set.elements)
        if (element.from.length > 0) add(element.from, `${where} ${set.name} { ${elementText(set, element)} }`);
    for (const chain of table.chains)
      for (const rule of chain.rules)
        if (rule.from.length > 0) add(rule.from, `${where} ${chain.name} ${ruleText(rule)}`);
  }
  return [...objects]
    .sort(([a], [b]) => a.index - b.index)
    .map(([origin, list]) => ({ statement: origin.id, at: location(origin.span), objects: list }));
}
