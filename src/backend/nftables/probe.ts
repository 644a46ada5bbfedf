/** Whether nftables can carry a policy here, tried with its own rules. */
import type { Policy } from "../../ir/policy.js";
import { probe as probeFeature } from "../../system/features.js";
import { triesRules } from "../../system/try-rules.js";
import type { Part, ProbePlace } from "../backend.js";
import { plan } from "./plan.js";
import { toText } from "./text.js";

/** Up to the first that isn't there: the others need it. */
export async function probe(policy: Policy, { privileged }: ProbePlace): Promise<Part[]> {
  const parts: Part[] = [];
  for (const feature of ["nft", "nf_tables"] as const) {
    const { name, ok, what, mend } = await probeFeature(feature);
    parts.push({ name, ok, needed: true, what, mend });
    if (!ok) return parts;
  }
  const refusal = await triesRules(toText(plan(policy)), privileged);
  const ok = refusal === undefined;
  return [
    ...parts,
    {
      name: "rules",
      ok,
      needed: true,
      what: ok ? "the kernel takes every kind of rule" : `the kernel refuses rules: ${refusal}`,
      mend: ok
        ? ""
        : "load the modules nft_ct, nft_fib_inet, nft_nat, nft_masq, nft_reject_inet and nft_log, or use a newer kernel",
    },
  ];
}
