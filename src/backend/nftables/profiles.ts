/** Profiles of ports, and the chains that write to the log: what a class's cell leads to. */
import type { Origin, Rule as PolicyRule } from "../../ir/policy.js";
import type { Family } from "../../net/address.js";
import { type PortSet, protocolIn } from "../../net/ports.js";
import { jump, lookup, match, rule, type TableBuilder, then } from "./builder.js";
import type { Action } from "../shape/lanes.js";
import type { Element, Part, Rule, Target } from "./ruleset.js";

/** Rules that apply `target` to the packets of a port set. ICMP has no port, and a load of one would end the rule. */
export function portRules(
  table: TableBuilder,
  setName: string,
  family: Family,
  ports: Extract<PortSet, { all: false }>,
  target: Target,
  from: readonly Origin[],
): Rule[] {
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
  const rules: Rule[] = [];
  if (bare.length > 0)
    rules.push(
      rule(
        [
          bare.length === 1
            ? match("meta l4proto", bare[0] as number)
            : { kind: "among", key: "meta l4proto", values: bare },
          then(target),
        ],
        undefined,
        from,
      ),
    );
  const [first] = elements;
  if (elements.length === 1 && first !== undefined)
    rules.push(
      rule(
        [match("meta l4proto", first.key[0] as number), match("th dport", first.key[1] as Part), then(target)],
        undefined,
        from,
      ),
    );
  else if (elements.length > 1) {
    table.set(setName, ["inet_proto", "inet_service"], elements, "profile of ports");
    rules.push(rule([lookup(setName, "meta l4proto", "th dport"), then(target)], undefined, from));
  }
  return rules;
}

function portsText(ports: Extract<PortSet, { all: false }>): string {
  return [...ports.protocols]
    .sort((a, b) => a[0] - b[0])
    .map(([protocol, set]) => `${protocol}:${set === null ? "*" : set.join("-")}`)
    .join(" ");
}

/** A chain that applies the target to the packets of a port set; equal sets share one. */
export function profile(
  table: TableBuilder,
  prefix: string,
  family: Family,
  ports: Extract<PortSet, { all: false }>,
  target: Target,
): string {
  return table.generate(prefix, portsText(ports), (name) => portRules(table, name, family, ports, target, []));
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
      const writer = logWriter(table, action, statement);
      if (statement.ports.all) return [rule([then(jump(writer))], undefined, [statement.origin])];
      const name = `${action}-ports${family}`;
      const inner = profile(table, `${name}-${writer}`, family, statement.ports, jump(writer));
      return [rule([then(jump(inner))], undefined, [statement.origin])];
    }),
  );
}

/** Writes one statement's log line: of an allowed connection its first packet, of a denied one each. */
function logWriter(table: TableBuilder, action: Action, statement: PolicyRule): string {
  const { log, origin } = statement;
  return table.generate("log", `${action}\n${origin.id}`, () => [
    rule(
      [
        ...(action === "log-allow" ? [match("ct state", "new")] : []),
        ...(log?.limit === undefined ? [] : [{ kind: "limit" as const, ...log.limit }]),
        {
          kind: "log",
          prefix:
            log === undefined || log.prefix === ""
              ? "tsnet: "
              : log.prefix.endsWith(" ")
                ? log.prefix
                : `${log.prefix} `,
        },
      ],
      origin.text,
      [origin],
    ),
  ]);
}
