/** Whether the kernel has what was committed: read back narrowly, or it would cost as much as the commit. */
import { count, textOf } from "./elements.js";
import type { SetState, TableState } from "./state.js";

/** Names what isn't as it was wanted; undefined when all is. Rules are compared whole, elements by their number. */
export function mismatch(want: readonly TableState[], have: readonly TableState[]): string | undefined {
  for (const { table, sets, chains } of want) {
    const there = have.find((state) => state.table.family === table.family && state.table.name === table.name);
    const name = `${table.family} ${table.name}`;
    if (there === undefined || there.flags !== 0) return `table ${name}`;
    for (const [set, state] of sets) {
      const other = there.sets.get(set);
      if (other === undefined || other.definition !== state.definition || !sameElements(state, other))
        return `set ${name} ${set}`;
    }
    for (const [chain, { hook, rules }] of chains) {
      const other = there.chains.get(chain);
      if (other === undefined || other.hook !== hook || other.rules.join() !== rules.join())
        return `chain ${name} ${chain}`;
    }
    for (const set of there.sets.keys()) if (!sets.has(set)) return `set ${name} ${set}`;
    for (const chain of there.chains.keys()) if (!chains.has(chain)) return `chain ${name} ${chain}`;
  }
  return undefined;
}

function sameElements(want: SetState, have: SetState): boolean {
  if (want.timeout) return true;
  const wanted = want.count ?? count(want.elements);
  // A tree's two ends of an interval count as one, and the end before the first not at all.
  if (have.count !== undefined) return have.count === wanted || have.count === wanted >> 1;
  if (count(have.elements) !== wanted) return false;
  const there = new Set<string>();
  for (let i = 0; i < wanted; i++) there.add(textOf(have.elements, i));
  for (let i = 0; i < wanted; i++) if (!there.has(textOf(want.elements, i))) return false;
  return true;
}
