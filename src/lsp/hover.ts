/** What a name is, and what becomes of the packets that a rule covers. Pure. */
import { formatStatement } from "../ast/format.js";
import { packetClasses } from "../ir/classes.js";
import { DEFAULTS, type Decision, evaluate } from "../ir/evaluate.js";
import { type Assertion, type Container, containersOn, type Network, type Policy, type Rule } from "../ir/policy.js";
import { formatAddress } from "../net/address.js";
import { formatPorts } from "../net/ports.js";
import { formatPrefix } from "../net/prefix.js";
import { location } from "../text/source.js";
import { type Analysis, occurrenceAt, placesOf, sameSpan, statementAt } from "./analysis.js";

/** Packet classes of a rule that are looked at: enough to see who else decides, and at once. */
const MOST_CLASSES = 2000;

/** Markdown; undefined where there is nothing to say. */
export function hoverText(analysis: Analysis, path: string, offset: number): string | undefined {
  const name = occurrenceAt(analysis, path, offset)?.name;
  if (name !== undefined) return nameText(analysis, name);
  const statement = statementAt(analysis, path, offset);
  const { policy, failed } = analysis.compiled;
  if (statement === undefined || failed) return undefined;
  const rule = [...policy.rules, ...policy.assertions].find(({ origin }) => sameSpan(origin.span, statement.span));
  return rule && ruleText(policy, rule);
}

function nameText(analysis: Analysis, name: string): string | undefined {
  const { policy, failed } = analysis.compiled;
  const [declared] = placesOf(analysis, name);
  const statement = declared && statementAt(analysis, declared.span.file.name, declared.span.start);
  if (declared?.declares && statement?.kind === "let")
    return `${code(formatStatement(statement))}\n\n${letText(policy, name)}`.trim();
  if (failed) return undefined;
  const container = policy.containers.find((one) => one.name === name);
  if (container !== undefined) return containerText(policy, container);
  const network = policy.networks.find((one) => one.name === name);
  return network && networkText(policy, network);
}

function letText(policy: Policy, name: string): string {
  const value = policy.lets.get(name);
  if (value === undefined) return "";
  if (value.kind === "ports") return `ports: ${formatPorts(value.ports)}`;
  const { containers } = value.peers;
  return containers.length === 0 ? "" : `containers: ${containers.join(", ")}`;
}

function containerText(policy: Policy, { name, sandbox, endpoints, expose }: Container): string {
  const lines = endpoints.map(
    ({ network, addresses, inside }) => `- ${inside} on \`${network}\`: ${addresses.map(formatAddress).join(", ")}`,
  );
  if (sandbox.kind !== "own") lines.push(`- mode: ${sandbox.kind}`);
  if (expose.all || expose.protocols.size > 0) lines.push(`- exposes ${formatPorts(expose)}`);
  const published = policy.publishes.filter(({ targets }) => targets.some(({ container }) => container === name));
  for (const publish of new Set(published.map(({ origin }) => origin))) lines.push(`- \`${publish.text}\``);
  return [`**container** \`${name}\``, "", ...lines].join("\n");
}

function networkText(policy: Policy, network: Network): string {
  const members = containersOn(policy, network.name);
  const words = [`icc ${network.icc ? "on" : "off"}`, ...(network.internal ? ["internal"] : [])];
  return [
    `**network** \`${network.name}\``,
    "",
    `- ${network.driver}, ${words.join(", ")}`,
    ...network.subnets.map((subnet, i) => {
      const gateway = network.gateways[i];
      return `- ${formatPrefix(subnet)}${gateway === undefined ? "" : `, gateway ${formatAddress(gateway)}`}`;
    }),
    `- containers: ${members.map(({ name }) => name).join(", ") || "none"}`,
  ].join("\n");
}

/** Who decides the packets that a rule or an assertion covers: itself, or what comes before it. */
function ruleText(policy: Policy, rule: Rule | Assertion): string {
  const { packets, rules } = packetClasses(policy, rule);
  const deciders = new Map<string, number>();
  let count = 0;
  for (const packet of packets) {
    if (packet.via !== undefined) continue;
    if (++count > MOST_CLASSES) break;
    const text = decisionText(evaluate(policy, packet, rules), rule);
    deciders.set(text, (deciders.get(text) ?? 0) + 1);
  }
  const [only] = deciders.keys();
  const lines = [...deciders].map(([text, n]) =>
    deciders.size === 1 ? `- ${only}` : `- ${text} (${n} of ${count} kinds of packets)`,
  );
  return [code(rule.origin.text), "", ...lines].join("\n");
}

function decisionText(decision: Decision, rule: Rule | Assertion): string {
  const { verdict, by } = decision;
  if (by.some((origin) => origin === rule.origin)) return `${verdict}: this line decides`;
  const reasons = by.map((origin) => `\`${origin.text}\` (${location(origin.span)})`);
  if (decision.default !== null)
    reasons.unshift(`the default for ${DEFAULTS[decision.default as keyof typeof DEFAULTS]}`);
  return `${verdict}: ${reasons.join(", ")}`;
}

/** A line of the language; nothing in it can end the block. */
function code(text: string): string {
  return `~~~tsnet\n${text.replace(/[\r\n]/g, " ")}\n~~~`;
}
