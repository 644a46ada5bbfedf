/** What of the rules would change, rule by rule, each with its statements. */
import type { Origin } from "../../ir/policy.js";
import type { ObjectChange } from "../backend.js";
import { TABLES, type Rules, type Ruleset } from "./ruleset.js";
import { toolOf } from "./source-map.js";
import type { State } from "./standing.js";
import { ruleText } from "./text.js";

/** `before` is the plan of what was committed last, which names the statements of what goes away. */
export function objectChanges(
  wanted: Ruleset,
  states: readonly [State, State],
  before: Ruleset | undefined,
): ObjectChange[] {
  return wanted.families.flatMap((rules, i) => familyChanges(rules, states[i] as State, before?.families[i]));
}

function familyChanges(rules: Rules, state: State, before: Rules | undefined): ObjectChange[] {
  const changes: ObjectChange[] = [];
  for (const name of TABLES) {
    const there = state[name].chains;
    const table = rules.tables.find((one) => one.name === name);
    const object = (chain: string, text: string): string => `${toolOf(rules.family)} -t ${name} -A ${chain} ${text}`;
    const old = new Map<string, readonly Origin[]>();
    for (const chain of before?.tables.find((one) => one.name === name)?.chains ?? [])
      for (const rule of chain.rules) old.set(`${chain.name} ${ruleText(rule, rules.family)}`, rule.from);
    const planned = new Map<string, Set<string>>();
    for (const chain of table?.chains ?? []) {
      const standing = new Set(there.get(chain.name));
      const texts = new Set<string>();
      planned.set(chain.name, texts);
      for (const rule of chain.rules) {
        const text = ruleText(rule, rules.family);
        texts.add(text);
        if (!standing.has(text)) changes.push({ verb: "add", object: object(chain.name, text), from: rule.from });
      }
      if (chain.timed === true) standing.forEach((text) => texts.add(text));
    }
    for (const [chain, texts] of there)
      for (const text of texts)
        if (planned.get(chain)?.has(text) !== true)
          changes.push({ verb: "remove", object: object(chain, text), from: old.get(`${chain} ${text}`) ?? [] });
  }
  return changes;
}
