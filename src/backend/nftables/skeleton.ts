/** What the parts of the plan share. */
import type { Origin } from "../../ir/policy.js";
import { ACCEPT, match, rule, then } from "./builder.js";
import type { Rule } from "./ruleset.js";

/** Priorities of the base chains (nft(8), "Standard priority names"). */
export const PRIORITY = { raw: -300, dstnat: -100, filter: 0, srcnat: 100 } as const;

export function originsOf(origin: Origin | undefined): readonly Origin[] {
  return origin === undefined ? [] : [origin];
}

/** Where the host rejects its own connection, the reset that it sends itself bears the container's address. */
export const HOME: Rule = rule([match("iifname", "lo"), then(ACCEPT)], "what this host says to itself");
