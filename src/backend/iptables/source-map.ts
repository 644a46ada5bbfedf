/** Which statement each rule comes from, both ways: the kernel carries text, this carries places. */
import type { Origin } from "../../ir/policy.js";
import { location } from "../../text/source.js";
import type { Ruleset } from "./ruleset.js";
import { ruleText } from "./text.js";

export interface MapEntry {
  readonly statement: string;
  readonly at: string;
  readonly objects: readonly string[];
}

/** One entry for each statement that some rule comes from, in the policy's order. */
export function sourceMap({ families }: Ruleset): MapEntry[] {
  const objects = new Map<Origin, string[]>();
  for (const { family, tables } of families)
    for (const table of tables)
      for (const chain of table.chains)
        for (const rule of chain.rules) {
          if (rule.from.length === 0) continue;
          const object = `${toolOf(family)} -t ${table.name} -A ${chain.name} ${ruleText(rule, family)}`;
          for (const origin of rule.from) {
            const list = objects.get(origin);
            if (list === undefined) objects.set(origin, [object]);
            else list.push(object);
          }
        }
  return [...objects]
    .sort(([a], [b]) => a.index - b.index)
    .map(([origin, list]) => ({ statement: origin.id, at: location(origin.span), objects: list }));
}

/** The command that speaks of a family. */
export function toolOf(family: 4 | 6): string {
  return family === 4 ? "iptables" : "ip6tables";
}
