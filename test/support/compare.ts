/** Holds a plan against the evaluator, packet class by packet class. */
import { compile } from "../../src/ir/compile.js";
import { type Frame, frameOf, type Host, hostOf } from "../../src/backend/shape/frames.js";
import { Interpreter, type Outcome } from "../../src/backend/nftables/interpret.js";
import { plan } from "../../src/backend/nftables/plan.js";
import type { Ruleset } from "../../src/backend/nftables/ruleset.js";
import { packetClasses } from "../../src/ir/classes.js";
import { evaluate, type Packet } from "../../src/ir/evaluate.js";
import { ANY } from "../../src/ir/peers.js";
import { packetText } from "../../src/ir/packet-text.js";
import type { Policy, Rule } from "../../src/ir/policy.js";
import { ALL_PORTS } from "../../src/net/ports.js";

/**
 * A policy from statements, those left out that make it wrong: one error costs one statement and not the policy.
 */
export function compileLenient(statements: readonly string[]): { policy: Policy; text: string } {
  let kept = [...statements];
  for (let round = 0; round < 40; round++) {
    const text = kept.join("\n");
    const { policy, diagnostics, failed } = compile(text);
    if (!failed) return { policy, text };
    const bad = new Set(
      diagnostics.filter((d) => d.severity === "error").map((d) => d.span.file.position(d.span.start).line - 1),
    );
    kept = kept.filter((_, line) => !bad.has(line));
  }
  throw new Error("no policy was left");
}

export interface Comparison {
  readonly packets: number;
  readonly differences: readonly string[];
}

/** Every class of packets of the policy, uncut by merging, through interpreter and evaluator. */
export function comparePlan(policy: Policy): Comparison {
  return compareRuleset(policy, plan(policy));
}

/** The same with a ruleset that may be another than the policy's. */
export function compareRuleset(policy: Policy, ruleset: Ruleset): Comparison {
  return compareRoad(policy, new Interpreter(ruleset));
}

/** What follows packets through a backend's plan. */
export interface Road {
  run(frame: Frame, host: Host, pick: number): Pick<Outcome, "verdict" | "destination" | "port">;
}

/** The same through any backend's interpreter. */
export function compareRoad(policy: Policy, interpreter: Road): Comparison {
  const { packets, rules } = packetClasses(policy, { from: ANY, to: ANY, ports: ALL_PORTS }, { merge: false });
  const differences: string[] = [];
  let count = 0;
  for (const packet of packets) {
    count++;
    const difference = comparePacket(policy, interpreter, packet, rules);
    if (difference !== undefined) differences.push(difference);
  }
  return { packets: count, differences };
}

/** How a packet fares otherwise in the ruleset than the policy says; undefined where it doesn't. */
export function comparePacket(
  policy: Policy,
  interpreter: Road,
  packet: Packet,
  rules: readonly Rule[] = policy.rules,
): string | undefined {
  const expected = evaluate(policy, packet, rules).verdict;
  const { family, value } = packet.destination.address;
  // A publish over several containers is a packet each; the one that this packet means is whose turn it is.
  const pick = packet.via?.targets
    .flatMap((target) => target.addresses.filter((address) => address.family === family))
    .findIndex((address) => address.value === value);
  const outcome = interpreter.run(frameOf(policy, packet), hostOf(policy, packet), pick ?? 0);
  const arrived = outcome.destination === value && outcome.port === packet.port;
  if (outcome.verdict === expected && (expected !== "allow" || arrived)) return undefined;
  return `${packetText(policy, packet)}: policy ${expected}, plan ${outcome.verdict}${arrived ? "" : " (elsewhere)"}`;
}
