/** Queries of `explain`: `SOURCE -> DESTINATION[:PORT]`, answered by evaluating every packet class that they cover. */
import { type Address, isEmptySet, LOOPBACK, subtractSet } from "../net/address.js";
import { hasPort } from "../net/ports.js";
import { packetClasses, type Query } from "./classes.js";
import { type Decision, evaluate, type Packet } from "./evaluate.js";
import { ANY } from "./peers.js";
import { type Policy, type Publish, ZONES } from "./policy.js";

/** A class of packets of the query and what becomes of it. */
export interface Answer {
  readonly packet: Packet;
  readonly decision: Decision;
}

export interface Explanation {
  readonly verdict: Decision["verdict"] | "mixed";
  readonly answers: readonly Answer[];
}

/**
 * What becomes of the packets of a query. A destination on this host whose port is published is followed through the
 * publish; everything else is the direct way.
 */
export function explain(policy: Policy, query: Query, limit = 5000): Explanation {
  const answers: Answer[] = [];
  const { packets, rules } = packetClasses(policy, query);
  for (const packet of packets) {
    if (packet.via !== undefined) continue;
    answers.push({ packet, decision: evaluate(policy, packet, rules) });
    if (answers.length >= limit) break;
  }
  for (const publish of policy.publishes) answers.push(...throughPublish(policy, query, publish));
  return { verdict: summary(answers), answers };
}

/** Whether a query asks for the host's loopback, and not for packets of the host: nothing from elsewhere arrives there. */
export function asksForLoopback({ from, to }: Query): boolean {
  if (isEmptySet(to.host) || !isEmptySet(from.host)) return false;
  return ZONES.every((zone) => isEmptySet(subtractSet(to[zone], LOOPBACK)));
}

/** The ways of a query's packets through one publish, if it asks for a published address and port of this host. */
function throughPublish(policy: Policy, query: Query, publish: Publish): Answer[] {
  const out: Answer[] = [];
  for (let port = publish.hostPorts[0]; port <= publish.hostPorts[1]; port++) {
    if (!hasPort(query.ports, publish.protocol, port)) continue;
    const inner = publish.port + port - publish.hostPorts[0];
    const scope: Query = {
      from: query.from,
      to: ANY,
      ports: { all: false, protocols: new Map([[publish.protocol, [inner, inner]]]) },
    };
    const { packets, rules } = packetClasses(policy, scope);
    for (const packet of packets) {
      if (packet.via !== publish) continue;
      if (!asksFor(query, publish, packet.destination.address)) continue;
      out.push({ packet, decision: evaluate(policy, packet, rules) });
    }
    // One port of a range speaks for the others: rules that tell them apart are met by asking for a single port.
    if (query.ports.all) break;
  }
  return out;
}

function asksFor(query: Query, publish: Publish, target: Address): boolean {
  const host = target.family === 4 ? query.to.host.v4 : query.to.host.v6;
  if (host.length === 0) return false;
  const { hostAddress } = publish;
  if (hostAddress === undefined) return true;
  for (let i = 0; i < host.length; i += 2)
    if (hostAddress.value >= (host[i] as number) && hostAddress.value <= (host[i + 1] as number)) return true;
  return false;
}

function summary(answers: readonly Answer[]): Explanation["verdict"] {
  const verdicts = new Set(answers.map((answer) => answer.decision.verdict));
  const [only] = verdicts;
  return verdicts.size === 1 && only !== undefined ? only : "mixed";
}

/** Answers that agree in verdict and reasons, folded: one case each, the first packet standing for it. */
export function cases(explanation: Explanation): Answer[] {
  const out = new Map<string, Answer>();
  for (const answer of explanation.answers) {
    const { decision, packet } = answer;
    const key = `${decision.verdict} ${decision.default} ${decision.by.map((o) => o.index).join(",")} ${packet.via?.origin.index ?? ""}`;
    if (!out.has(key)) out.set(key, answer);
  }
  return [...out.values()];
}
