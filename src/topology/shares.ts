/** Which directories containers share: of the statements of a policy, one for each path. */
import type { Policy } from "../ir/policy.js";
import { location } from "../text/source.js";
import { shareDirectory } from "./names.js";
import type { SharePlan } from "./topology.js";

/** In the order of their paths. */
export function planShares(policy: Policy): SharePlan[] {
  const plans = new Map<string, { readonly containers: Set<string>; readonly from: string }>();
  for (const { path, containers, origin } of policy.shares) {
    const plan = plans.get(path) ?? { containers: new Set(), from: location(origin.span) };
    for (const name of containers) plan.containers.add(name);
    plans.set(path, plan);
  }
  return [...plans]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, { containers, from }]) => ({
      path,
      directory: shareDirectory(policy.name, path),
      containers: [...containers],
      from,
    }));
}
