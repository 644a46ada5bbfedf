/** `tsnet compile --backend iptables`: what iptables-restore and ip6tables-restore take. */
import { inexpressible } from "../backend/iptables/inexpressible.js";
import { plan } from "../backend/iptables/plan.js";
import { sourceMap } from "../backend/iptables/source-map.js";
import { toText } from "../backend/iptables/text.js";
import type { Compiled } from "../ir/compile.js";
import type { Topology } from "../topology/topology.js";
import { failInexpressible } from "./inexpressible.js";
import { diagnosticsJson, printExactly, printJson } from "./output.js";

export function printRestore(
  { policy, diagnostics }: Compiled,
  topology: Topology,
  { json = false, family = "4" }: { readonly json?: boolean; readonly family?: "4" | "6" },
): void {
  const obstacle = inexpressible(policy);
  if (obstacle !== undefined) failInexpressible(obstacle, json);
  const ruleset = plan(policy);
  const [v4, v6] = ruleset.families;
  if (!json) return printExactly(toText(family === "6" ? v6 : v4, { locations: true }));
  printJson({
    policy: policy.name,
    ruleset: { 4: toText(v4), 6: toText(v6) },
    topology,
    sourceMap: sourceMap(ruleset),
    diagnostics: diagnosticsJson(diagnostics),
  });
}
