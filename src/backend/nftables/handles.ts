/** The kernel's handles of a plan's rules, by which nft(8) names them: `nft delete rule … handle N`. */
import type { Rule, Ruleset } from "./ruleset.js";
import { sizeOf } from "./values.js";
import { Kernel } from "./wire/kernel.js";
import { desiredState } from "./wire/state.js";

/**
 * Reads the tables of a plan. A rule that the kernel doesn't have as planned has no handle. Throws where the kernel
 * can't be asked.
 */
export function readHandles(ruleset: Ruleset): Map<Rule, number> {
  const tables = ruleset.tables.map(({ family, name }) => ({ family, name }));
  const kernel = new Kernel();
  const live = kernel.read(tables).tables;
  kernel.close();
  const out = new Map<Rule, number>();
  desiredState(ruleset, sizeOf).forEach(({ table, chains }, i) => {
    const there = live.find((one) => one.table.family === table.family && one.table.name === table.name);
    for (const chain of ruleset.tables[i]?.chains ?? []) {
      const have = there?.chains.get(chain.name);
      const left = new Map<string, bigint[]>();
      have?.rules.forEach((bytes, at) => {
        const handle = have.handles[at];
        if (handle !== undefined) left.set(bytes, [...(left.get(bytes) ?? []), handle]);
      });
      chain.rules.forEach((rule, at) => {
        const handle = left.get(chains.get(chain.name)?.rules[at] ?? "")?.shift();
        if (handle !== undefined) out.set(rule, Number(handle));
      });
    }
  });
  return out;
}
