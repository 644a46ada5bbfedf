/** Whether nftables can carry a policy here, tried with its own rules. */
import type { Policy } from "../../ir/policy.js";
import { probe as probeFeature } from "../../system/features.js";
import { isInstalled } from "../../system/tools.js";
import { triesRules } from "../../system/try-rules.js";
import type { Part, ProbePlace } from "../backend.js";
import { plan } from "./plan.js";
import { toText } from "./text.js";

/** Up to the first that isn't there: the others need it. */
export async function probe(policy: Policy, { privileged, all = false }: ProbePlace): Promise<Part[]> {
  const tryRules = async (): Promise<Part> => rulesPart(await triesRules(toText(plan(policy)), privileged));
  // Where the rules are taken, all that they need is there.
  const rules = !all && isInstalled("nft") ? await tryRules() : undefined;
  if (rules?.ok === true) return [rules];
  const parts: Part[] = [];
  for (const feature of ["nft", "nf_tables"] as const) {
    const { name, ok, what, mend } = await probeFeature(feature);
    parts.push({ name, ok, needed: true, what, mend });
    if (!ok) return parts;
  }
  return [...parts, rules ?? (await tryRules())];
}

function rulesPart(refusal: string | undefined): Part {
  const ok = refusal === undefined;
  return {
    name: "rules",
    ok,
    needed: true,
    what: ok ? "the kernel takes every kind of rule" : `the kernel refuses rules: ${refusal}`,
    mend: ok
      ? ""
      : "load the modules nft_ct, nft_fib_inet, nft_nat, nft_masq, nft_reject_inet and nft_log, or use a newer kernel",
  };
}
