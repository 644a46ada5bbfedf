/** Which directories containers share: of the statements of a policy, one for each path. */
import type { Policy } from "../ir/policy.js";
import { location } from "../text/source.js";
import { shareDirectory } from "./names.js";
import type { SharePlan } from "./topology.js";

/** In the order of their paths, so that one inside another comes behind it. */
export function planShares(policy: Policy): SharePlan[] {
  const plans = new Map<string, SharePlan>();
  for (const { path, containers, origin } of policy.shares) {
    const before = plans.get(path);
    plans.set(path, {
      path,
      directory: shareDirectory(policy.name, path),
      containers: [...new Set([...(before?.containers ?? []), ...containers])],
      from: before?.from ?? location(origin.span),
    });
  }
  return [...plans.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
