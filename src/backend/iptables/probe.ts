/** Whether iptables can carry a policy here, tried with its own rules, and by which variant of the tools. */
import type { Policy } from "../../ir/policy.js";
import { type Family, FAMILIES } from "../../net/address.js";
import { MissingTool } from "../../system/run.js";
import { isInstalled } from "../../system/tools.js";
import { triesRestore } from "../../system/try-rules.js";
import type { Part, ProbePlace } from "../backend.js";
import { plan } from "./plan.js";
import { toText } from "./text.js";
import { recordedVariant, settleVariant, tool, usualVariant, type Variant, VARIANTS } from "./tools.js";

const MODULES: Readonly<Record<Variant, string>> = {
  nft: "load the modules nf_tables and nft_compat, or use the other variant: update-alternatives --config iptables",
  legacy: "load the modules iptable_filter, iptable_nat, iptable_raw and their like of ip6tables",
};

/** A policy that is live stays with the variant that has its chains; else the usual one goes before the other. */
export async function probe(policy: Policy, { privileged, known, all = false }: ProbePlace): Promise<Part[]> {
  const recorded = recordedVariant(known);
  const usual = await usualVariant().catch(() => undefined);
  const order = [...VARIANTS].sort((a, b) => Number(b === usual) - Number(a === usual));
  const texts = plan(policy).families.map((rules) => ({ family: rules.family, text: toText(rules) }));
  const parts: Part[] = [];
  let working: Variant | undefined;
  for (const variant of recorded === undefined || all ? order : [recorded]) {
    const part = await probeVariant(variant, texts, privileged);
    parts.push(part);
    if (part.ok && (recorded ?? variant) === variant) working ??= variant;
    if (part.ok && !all) break;
  }
  if (working !== undefined) settleVariant(working);
  const failed = parts.filter(({ ok }) => !ok);
  const whole: Part = {
    name: "iptables",
    ok: working !== undefined,
    needed: true,
    what:
      working === undefined
        ? `no variant of iptables takes the rules: ${failed.map(({ what }) => what).join("; ")}`
        : `iptables can carry policies, by the ${working} variant of its tools`,
    mend: working === undefined ? [...new Set(failed.map(({ mend }) => mend))].join("; or ") : "",
  };
  return all ? [...parts, whole, ipset()] : [whole];
}

async function probeVariant(
  variant: Variant,
  texts: readonly { readonly family: Family; readonly text: string }[],
  privileged: boolean,
): Promise<Part> {
  const name = `iptables-${variant}`;
  const no = (what: string, mend: string): Part => ({ name, ok: false, needed: false, what, mend });
  try {
    for (const { family, text } of texts) {
      const command = await tool(variant, family, "restore");
      const refusal = await triesRestore(command, text, privileged);
      if (refusal !== undefined) return no(`${command} (${variant}) is refused: ${refusal}`, MODULES[variant]);
    }
  } catch (error) {
    if (!(error instanceof MissingTool)) throw error;
    return no(`${error.tool} is not installed`, `apt-get install ${error.package ?? "iptables"}`);
  }
  const tools = await Promise.all(FAMILIES.map((family) => tool(variant, family, "restore")));
  return {
    name,
    ok: true,
    needed: false,
    what: `the kernel takes the rules of ${tools.join(" and ")} (${variant})`,
    mend: "",
  };
}

/** Policies make no use of it; see ARCHITECTURE.md. */
function ipset(): Part {
  const ok = isInstalled("ipset");
  return {
    name: "ipset",
    ok,
    needed: false,
    what: ok
      ? "ipset is installed, and isn't needed: addresses are looked up in trees of rules"
      : "ipset is not installed, and isn't needed",
    mend: ok ? "" : "apt-get install ipset",
  };
}
