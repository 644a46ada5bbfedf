/** `tsnet ls` */
import { readConfirmed } from "../transaction/confirmed.js";
import { cutOff, cutOffText } from "../transaction/cut-off.js";
import { hashTexts, newestEntry } from "../transaction/history.js";
import type { Journal } from "../transaction/journal.js";
import type { Applied } from "../transaction/state.js";
import { readTrial } from "../transaction/trial.js";
import { formatAddress } from "../net/address.js";
import { formatPrefix } from "../net/prefix.js";
import { livePolicies } from "./live.js";
import { print, printJson, shown } from "./output.js";
import { type Trial, trialJson, trialText } from "./trial.js";

export function ls(options: { json?: boolean }): void {
  const trial = readTrial();
  const policies = livePolicies().map(({ applied, policy }) => ({
    name: policy.name,
    appliedAt: applied.at,
    by: whoApplied(applied, trial),
    files: applied.roots,
    hash: hashTexts(applied),
    trial: trial?.policy === policy.name ? trialJson(trial) : null,
    networks: policy.networks.map((network) => ({
      name: network.name,
      bridge: network.bridge,
      subnets: network.subnets.map(formatPrefix),
      icc: network.icc,
      internal: network.internal,
    })),
    containers: policy.containers.map((container) => ({
      name: container.name,
      mode: container.sandbox.kind,
      endpoints: container.endpoints.map((endpoint) => ({
        network: endpoint.network,
        addresses: endpoint.addresses.map(formatAddress),
        device: endpoint.device,
      })),
    })),
  }));
  const left = cutOff();
  if (options.json) {
    const { policy, doing, at, steps } = left ?? {};
    const killed = left === undefined ? null : { policy, doing, at, step: steps?.at(-1) ?? null };
    return printJson({ policies, trial: trial === undefined ? null : trialJson(trial), cutOff: killed });
  }
  if (left !== undefined) print(`${shown(cutOffText(left))}: ${shown(mendOf(left))}`);
  if (trial !== undefined && !policies.some(({ name }) => name === trial.policy))
    print(`policy ${shown(trial.policy)}  (its first apply hasn't come to its end)\n  ${trialText(trial)}`);
  else if (policies.length === 0) return print("nothing is live here");
  for (const policy of policies) {
    const by = policy.by === null ? "" : ` by ${shown(policy.by)}`;
    const files = policy.files.map(shown).join(", ");
    print(`policy ${shown(policy.name)}  (${files}, applied ${policy.appliedAt}${by}, hash ${policy.hash})`);
    if (trial?.policy === policy.name) print(`  ${trialText(trial)}`);
    for (const network of policy.networks) {
      const flags = [network.internal ? "internal" : "", network.icc ? "" : "icc off"].filter((flag) => flag !== "");
      print(
        `  network    ${[shown(network.name).padEnd(16), network.subnets.join(" "), network.bridge, ...flags].join("  ")}`,
      );
    }
    for (const container of policy.containers) {
      const where = container.endpoints.map((e) => `${shown(e.network)} ${e.addresses.join(" ")}`).join("; ");
      print(`  container  ${shown(container.name).padEnd(16)}  ${where === "" ? `mode ${container.mode}` : where}`);
    }
  }
}

/** The lines that bring it to its end. */
function mendOf({ doing, policy }: Journal): string {
  const removal = `\`tsnet remove --policy ${policy}\``;
  if (doing === "remove") return `${removal} completes it`;
  return `\`tsnet compile FILE --apply\` completes it, ${removal} takes it away`;
}

/** Null when it isn't known: an apply that was killed before it could be written. */
function whoApplied(applied: Applied, trial: Trial | undefined): string | null {
  const hash = hashTexts(applied);
  if (trial?.policy === applied.policy && trial.hash === hash) return trial.by;
  const known = [newestEntry(applied.policy), readConfirmed(applied.policy)];
  return known.find((entry) => entry !== undefined && hashTexts(entry) === hash)?.by ?? null;
}
