/** The iptables backend, as the transaction knows it. */
import { inhabitedFamilies } from "../../ir/own.js";
import type { Policy } from "../../ir/policy.js";
import type { Family } from "../../net/address.js";
import { UDP } from "../../net/ports.js";
import { timestamp } from "../../text/clock.js";
import type { Backend, StoppedFlow } from "../backend.js";
import { approach, removeChains, variantOf } from "./apply.js";
import { inexpressible } from "./inexpressible.js";
import { entryName } from "./names.js";
import { protocolWord } from "./text.js";
import { probe } from "./probe.js";
import { restore, usualVariant, workingVariant } from "./tools.js";

export const iptables: Backend = {
  name: "iptables",
  beginsAhead: true,
  inexpressible,
  require: requireTools,
  requireRemoval: requireTools,
  probe,
  approach: (policy, known, source) => approach(policy, known, source),
  stop,
  remove: (policy) => removeChains(policy),
  tidy: () => undefined,
};

async function requireTools(): Promise<void> {
  await usualVariant().catch(workingVariant);
}

/** Writes both directions of the flows, as they are between the translations, into the chain that stops them; see members.ts. */
async function stop(policy: Policy, flows: readonly StoppedFlow[], anew: boolean): Promise<void> {
  for (const family of inhabitedFamilies(policy.containers)) {
    const rules = flows
      .filter(({ connection }) => connection.family === family)
      .flatMap((flow) => stopping(flow, family));
    if (rules.length === 0 && !anew) continue;
    const chain = entryName(policy.name, "cut");
    // Said of a chain that is there, this empties it: what was stopped and is allowed now goes on.
    const lines = ["*filter", `:${chain} - [0:0]`, ...new Set(rules.map((rule) => `-A ${chain} ${rule}`)), "COMMIT"];
    await restore(await variantOf(policy.name), family, `${lines.join("\n")}\n`);
  }
}

/** Rules that end by themselves: the kernel compares them with its clock, and the next apply takes them away. */
function stopping({ connection, until }: StoppedFlow, family: Family): string[] {
  const { original, reply, protocol } = connection;
  const end = timestamp(until + 999).slice(0, 19);
  const bits = family === 4 ? 32 : 128;
  const way = (from: string, to: string, ports: readonly [number, number]): string =>
    `-s ${from}/${bits} -d ${to}/${bits} -p ${protocolWord(protocol)}` +
    `${protocol === UDP ? ` -m udp --sport ${ports[0]} --dport ${ports[1]}` : ""} -m time --datestop ${end} -j DROP`;
  const { sourcePort: a = 0 } = original;
  const { sourcePort: b = 0 } = reply;
  return [way(original.source, reply.source, [a, b]), way(reply.source, original.source, [b, a])];
}
