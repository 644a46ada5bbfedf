/** Holds the contents of the dataplane's maps against the evaluator, packet class by packet class. */
import { Interpreter } from "../../src/backend/ebpf/interpret.js";
import type { Maps } from "../../src/backend/ebpf/maps.js";
import { plan } from "../../src/backend/ebpf/plan.js";
import { frameOf, hostOf } from "../../src/backend/shape/frames.js";
import { packetClasses } from "../../src/ir/classes.js";
import { evaluate } from "../../src/ir/evaluate.js";
import { packetText } from "../../src/ir/packet-text.js";
import { ANY } from "../../src/ir/peers.js";
import type { Policy } from "../../src/ir/policy.js";
import { sameAddress } from "../../src/net/address.js";
import { ALL_PORTS } from "../../src/net/ports.js";
import type { Comparison } from "./compare.js";

/** `maps` may be others than the policy's. */
export function compareMaps(policy: Policy, maps: Maps = plan(policy)): Comparison {
  const interpreter = new Interpreter(maps);
  const { packets, rules } = packetClasses(policy, { from: ANY, to: ANY, ports: ALL_PORTS }, { merge: false });
  const differences: string[] = [];
  let count = 0;
  for (const packet of packets) {
    count++;
    const { verdict, by } = evaluate(policy, packet, rules);
    const { address } = packet.destination;
    const targets = packet.via?.targets.flatMap((t) => t.addresses.filter((a) => a.family === address.family)) ?? [];
    const pick = Math.max(
      0,
      targets.findIndex((target) => sameAddress(target, address)),
    );
    const outcome = interpreter.run(frameOf(policy, packet), hostOf(policy, packet), pick);
    const arrived = outcome.destination === address.value && outcome.port === packet.port;
    // A network's default has an origin too, which no map carries.
    const known = outcome.by === undefined || by.includes(outcome.by);
    if (outcome.verdict !== verdict || (verdict === "allow" && !arrived) || !known)
      differences.push(
        `${packetText(policy, packet)}: policy ${verdict}, maps ${outcome.verdict}${arrived ? "" : " (elsewhere)"}`,
      );
  }
  return { packets: count, differences };
}
