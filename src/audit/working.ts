/** What was read of the kernel, as it works: for interpreting. Pure. */
import type { ReadChain, ReadTable } from "../backend/nftables/from-json.js";
import type { Chain, Rule, Ruleset } from "../backend/nftables/ruleset.js";

/** The chain as it works: what its policy does is its last rule. */
export function effective(chain: ReadChain): Chain {
  if (chain.hook === undefined || chain.policy === "accept") return chain;
  const last: Rule = { expressions: [{ kind: "verdict", target: { verdict: "drop" } }], from: [] };
  return { ...chain, rules: [...chain.rules, last] };
}

/** The kernel's tables as they work, for the proof: those that sleep do nothing. */
export function working(have: readonly ReadTable[]): Pick<Ruleset, "tables"> {
  const awake = have.filter(({ dormant }) => !dormant);
  return {
    tables: awake.map((table) => ({
      ...table,
      sets: table.sets.map((set) => (set.lasting === undefined ? set : { ...set, elements: set.lasting })),
      chains: table.chains.map(effective),
    })),
  };
}
