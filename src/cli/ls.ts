/** `tsnet ls` */
import { formatAddress } from "../net/address.js";
import { formatPrefix } from "../net/prefix.js";
import { livePolicies } from "./live.js";
import { print, printJson, shown } from "./output.js";

export function ls(options: { json?: boolean }): void {
  const policies = livePolicies().map(({ applied, policy }) => ({
    name: policy.name,
    appliedAt: applied.at,
    files: applied.roots,
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
  if (options.json) return printJson({ policies });
  if (policies.length === 0) return print("nothing is live here");
  for (const policy of policies) {
    print(`policy ${shown(policy.name)}  (${policy.files.map(shown).join(", ")}, applied ${policy.appliedAt})`);
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
