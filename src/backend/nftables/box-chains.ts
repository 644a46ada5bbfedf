/** What may become of a packet somewhere in a chain, or in one that it leads to. For boxes.ts. */
import type { PerhapsRule } from "./box.js";
import type { Chain } from "./ruleset.js";

type Chains = ReadonlyMap<string, Chain>;

/** Chains are nested no deeper in the kernel. */
const DEEPEST = 16;

/** Whether a packet may be accepted in a chain. */
export function accepts(chains: Chains, name: string, depth = 0): boolean {
  if (depth > DEEPEST) return true;
  return (chains.get(name)?.rules ?? []).some(({ expressions }) =>
    expressions.some(
      (e) =>
        e.kind === "vmap" ||
        (e.kind === "verdict" &&
          ("chain" in e.target ? accepts(chains, e.target.chain, depth + 1) : e.target.verdict === "accept")),
    ),
  );
}

/** Whether a packet may fare otherwise for having met a chain: what only gives it another source is no such thing. */
export function matters(chains: Chains, chain: Chain, depth = 0): boolean {
  if (depth > DEEPEST) return true;
  return chain.rules.some(
    ({ expressions, uncertain, rewrites, copies }: PerhapsRule) =>
      uncertain === true ||
      rewrites === true ||
      copies !== undefined ||
      expressions.some((e) => {
        if (e.kind !== "verdict") return e.kind === "vmap" || e.kind === "reject";
        if (!("chain" in e.target)) return e.target.verdict === "drop";
        const called = chains.get(e.target.chain);
        return called === undefined || matters(chains, called, depth + 1);
      }),
  );
}
