/** The chains that count and decide the packets of some ports, or write them to the log: what a class's cell leads to. */
import type { Rule as PolicyRule } from "../../ir/policy.js";
import type { Family } from "../../net/address.js";
import { type PortSet, protocolIn, unionOfPorts } from "../../net/ports.js";
import { jump, lookup, match, rule, type TableBuilder, targetOf, then } from "./builder.js";
import { counts, tally } from "./counting.js";
import type { Action } from "../shape/lanes.js";
import type { Element, Expression, Part, Rule } from "./ruleset.js";

const ANY: readonly (readonly Expression[])[] = [[]];

/**
 * What holds of the packets of a port set, in as many ways as there are shapes of it. ICMP has no port, and a load of one
 * would end the rule. Several ports are a set, which all rules about the same ones share.
 */
function portMatches(table: TableBuilder, family: Family, ports: PortSet): readonly (readonly Expression[])[] {
  if (ports.all) return ANY;
  const bare: number[] = [];
  const elements: Element[] = [];
  for (const [number, set] of ports.protocols) {
    const protocol = protocolIn(family, number);
    if (set === null) bare.push(protocol);
    else
      for (let i = 0; i < set.length; i += 2)
        elements.push({
          key: [
            protocol,
            set[i] === set[i + 1] ? (set[i] as number) : { from: set[i] as number, to: set[i + 1] as number },
          ],
          from: [],
        });
  }
  const out: Expression[][] = [];
  const [protocol] = bare;
  if (bare.length > 1) out.push([{ kind: "among", key: "meta l4proto", values: bare }]);
  else if (protocol !== undefined) out.push([match("meta l4proto", protocol)]);
  const [first] = elements;
  if (elements.length === 1 && first !== undefined)
    out.push([match("meta l4proto", first.key[0] as number), match("th dport", first.key[1] as Part)]);
  else if (elements.length > 1) {
    const name = table.nameOf(`ports${family}`, portsText(ports));
    table.setOnce(name, ["inet_proto", "inet_service"], elements, "profile of ports");
    out.push([lookup(name, "meta l4proto", "th dport")]);
  }
  return out;
}

function portsText(ports: Extract<PortSet, { all: false }>): string {
  return [...ports.protocols]
    .sort((a, b) => a[0] - b[0])
    .map(([protocol, set]) => `${protocol}:${set === null ? "*" : set.join("-")}`)
    .join(" ");
}

/** Statements that one rule counts at most: a rule holds 128 expressions (NFT_RULE_MAXEXPRS), and a count is three. */
const AT_ONCE = 32;
/** More rules that count are no matter of packets that aren't counted. */
const IN_PLACE = 4;

/** A chain that counts a packet for each of the statements whose ports cover it, and decides those that one covers. */
export function decidingChain(
  table: TableBuilder,
  verb: PolicyRule["verb"],
  family: Family,
  statements: readonly PolicyRule[],
): string {
  const target = targetOf(verb);
  const content = statements.map(({ origin }) => origin.id).join("\n");
  return table.generate(`${verb}-by${family}`, content, () => {
    const ports = unionOfPorts(statements.map((statement) => statement.ports));
    const last = portMatches(table, family, ports).map((packets) => rule([...packets, then(target)]));
    const rules = countRules(table, verb, family, statements);
    if (rules.length <= IN_PLACE) return [...rules, ...last];
    const chain = table.generate(`${verb}-count${family}`, content, () => rules);
    return [rule(counts(target, [then(jump(chain))])), ...last];
  });
}

function countRules(
  table: TableBuilder,
  verb: PolicyRule["verb"],
  family: Family,
  statements: readonly PolicyRule[],
): Rule[] {
  const byPorts = new Map<string, PolicyRule[]>();
  for (const statement of statements) {
    const text = statement.ports.all ? "" : portsText(statement.ports);
    byPorts.set(text, [...(byPorts.get(text) ?? []), statement]);
  }
  const rules: Rule[] = [];
  for (const alike of byPorts.values()) {
    const shapes = portMatches(table, family, (alike[0] as PolicyRule).ports);
    for (let i = 0; i < alike.length; i += AT_ONCE) {
      const some = alike.slice(i, i + AT_ONCE).map(({ origin }) => origin);
      for (const packets of shapes) rules.push(tally(targetOf(verb), some, packets));
    }
  }
  return rules;
}

/** A chain that logs for each of the statements whose ports cover the packet, and returns. */
export function logChain(
  table: TableBuilder,
  action: Action,
  family: Family,
  statements: readonly PolicyRule[],
): string {
  const content = statements.map((statement) => statement.origin.id).join("\n");
  return table.generate(`${action}${family}`, content, () =>
    statements.flatMap((statement) => {
      const { log, origin, ports } = statement;
      // What is limited is limited in one place, however many chains lead there.
      const writes =
        log?.limit === undefined ? logLine(action, statement) : [then(jump(limited(table, action, statement)))];
      return portMatches(table, family, ports).map((packets) => rule([...packets, ...writes], origin.text, [origin]));
    }),
  );
}

/** A chain that writes one statement's log lines as its limit lets it. */
function limited(table: TableBuilder, action: Action, statement: PolicyRule): string {
  const { origin } = statement;
  return table.generate("log", `${action}\n${origin.id}`, () => [
    rule(logLine(action, statement), origin.text, [origin]),
  ]);
}

/** What writes a log line: of an allowed connection for its first packet, of a denied one for each. */
function logLine(action: Action, { log }: PolicyRule): Expression[] {
  const { prefix = "", limit } = log ?? {};
  return [
    ...(action === "log-allow" ? [match("ct state", "new")] : []),
    ...(limit === undefined ? [] : [{ kind: "limit" as const, ...limit }]),
    { kind: "log", prefix: prefix === "" ? "tsnet: " : prefix.endsWith(" ") ? prefix : `${prefix} ` },
  ];
}
