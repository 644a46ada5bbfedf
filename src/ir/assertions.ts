/** Checks assertions for every packet that they cover, by packet classes; a failure comes with a counter-example. */
import type { Diagnostics, Extra } from "../text/diagnostic.js";
import { packetClasses } from "./classes.js";
import { DEFAULTS, type Decision, evaluate, type Packet } from "./evaluate.js";
import { packetText } from "./packet-text.js";
import type { Assertion, Policy } from "./policy.js";

export interface Failure {
  readonly packet: Packet;
  readonly decision: Decision;
}

/**
 * `assert deny`: no way at all leads there. `assert allow`: each packet can reach it, directly or through a publish.
 * Returns the first packet that contradicts the assertion, undefined when none does.
 */
export function check(policy: Policy, assertion: Assertion): Failure | undefined {
  const { packets, rules } = packetClasses(policy, assertion);
  if (assertion.verb === "deny") {
    for (const packet of packets) {
      const decision = evaluate(policy, packet, rules);
      if (decision.verdict === "allow") return { packet, decision };
    }
    return undefined;
  }
  const open = new Map<string, Failure>();
  const reached = new Set<string>();
  for (const packet of packets) {
    const key = `${endText(packet.source)} ${endText(packet.destination)} ${packet.protocol} ${packet.port ?? ""}`;
    const decision = evaluate(policy, packet, rules);
    if (decision.verdict === "allow") {
      reached.add(key);
      open.delete(key);
    } else if (packet.via === undefined && !reached.has(key)) open.set(key, { packet, decision });
  }
  return open.values().next().value;
}

function endText(end: Packet["source"]): string {
  return `${end.zone} ${end.address.family} ${end.address.value}`;
}

/** What is wrong, why, the mend, and the statements that decide it. */
export function explainFailure(policy: Policy, { verb }: Assertion, { packet, decision }: Failure): Explained {
  const decided =
    decision.default === null
      ? `decided by ${decision.by.map((origin) => `'${origin.text}'`).join(" and ")}`
      : `the default for ${DEFAULTS[decision.default as keyof typeof DEFAULTS]} decides`;
  return {
    message: `this doesn't hold: ${packetText(policy, packet)} is ${PAST[decision.verdict]}`,
    why: `${decided[0]?.toUpperCase()}${decided.slice(1)}.`,
    help:
      verb === "deny"
        ? `deny what must not pass, or narrow the statement that lets it through`
        : `allow it, or narrow the assertion to what should pass`,
    related: decision.by.map((origin) => ({ span: origin.span, message: "decides it" })),
  };
}

export interface Explained extends Extra {
  readonly message: string;
}

/** Reports every assertion that fails. */
export function checkAssertions(policy: Policy, diagnostics: Diagnostics): void {
  for (const assertion of policy.assertions) {
    const failure = check(policy, assertion);
    if (failure === undefined) continue;
    const { message, ...more } = explainFailure(policy, assertion, failure);
    diagnostics.error("assertion-failed", assertion.origin.span, message, more);
  }
}

export const PAST: Readonly<Record<Decision["verdict"], string>> = {
  allow: "allowed",
  deny: "denied",
  reject: "rejected",
  untouched: "untouched",
};
