/**
 * What leaves a container is decided before it is translated, and others translate too: a port that another policy or
 * another program publishes on this host leads elsewhere than it was asked at. Rules speak of where packets go, so what
 * denies that is said again behind the translation, by the table beside the programs, to such packets alone.
 */
import { ownAddresses } from "../../ir/own.js";
import { isInternal, type Policy, type Rule } from "../../ir/policy.js";
import { isRun } from "../../ir/rule-list.js";
import { type Address, type AddressSet, FAMILIES, type Family, formatValue, intersectSet } from "../../net/address.js";
import { type PortSet, protocolIn } from "../../net/ports.js";
import { VERBS } from "../../ast/plain-rules.js";

/** The rules that deny or reject what some containers send to others than containers, on the same ports. */
export interface Diverted {
  readonly verb: "deny" | "reject";
  readonly zone: "world" | "host";
  readonly family: Family;
  /** Containers' addresses, and where to: ranges as nft writes them. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly ports: PortSet;
}

/** In the order in which they decide. Pure. */
export function planDiverted(policy: Policy): { rules: readonly Diverted[]; confined: readonly Address[] } {
  const own = ownAddresses(policy.containers);
  const groups = new Map<string, Diverted & { to: string[] }>();
  for (const verb of ["deny", "reject"] as const)
    for (const rule of rulesOf(policy, verb))
      for (const family of FAMILIES) {
        const from = written(intersectSet(rule.from.container, own), family);
        for (const zone of ["world", "host"] as const) {
          const to = written(rule.to[zone], family);
          if (from.length === 0 || to.length === 0) continue;
          const key = JSON.stringify([verb, zone, family, from, wordsOf(rule.ports, family)]);
          const group = groups.get(key);
          if (group === undefined) groups.set(key, { verb, zone, family, from, to: [...to], ports: rule.ports });
          else group.to.push(...to);
        }
      }
  const confined = policy.containers
    .filter((container) => isInternal(policy, container))
    .flatMap(({ endpoints }) => endpoints.flatMap(({ addresses }) => addresses));
  return { rules: [...groups.values()], confined };
}

function rulesOf({ ruleList }: Policy, verb: "deny" | "reject"): readonly Rule[] {
  const number = VERBS.indexOf(verb);
  const has = ruleList.parts.some((part) => (isRun(part) ? part.plain.counts[number] !== 0 : part.verb === verb));
  return has ? ruleList.pick((one) => one === verb) : [];
}

function written(set: AddressSet, family: Family): string[] {
  const ranges: readonly (number | bigint)[] = family === 4 ? set.v4 : set.v6;
  const out: string[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const [first, last] = [ranges[i], ranges[i + 1]].map((value) => formatValue(family, value as number | bigint));
    out.push(first === last ? (first as string) : `${first}-${last}`);
  }
  return out;
}

/** A condition each; no condition is all. */
function wordsOf(ports: PortSet, family: Family): string[] {
  if (ports.all) return [""];
  return [...ports.protocols].map(([protocol, ranges]) => {
    const of = `meta l4proto ${protocolIn(family, protocol)} `;
    if (ranges === null) return of;
    const all = Array.from({ length: ranges.length / 2 }, (_, i) => `${ranges[2 * i]}-${ranges[2 * i + 1]}`);
    return `${of}th dport { ${all.join(", ")} } `;
  });
}

/** The chains, as nft text; empty where nothing denies. The table has the sets `veths` and `own4`, `own6`. */
export function divertedText(policy: ReturnType<typeof planDiverted>, families: readonly Family[]): string {
  const IP = { 4: "ip", 6: "ip6" } as const;
  let refuses = false;
  const chains = (["world", "host"] as const).map((zone) => {
    const rules = policy.rules.filter((rule) => rule.zone === zone);
    let lines = "";
    for (const { verb, family, from, to, ports } of rules)
      for (const condition of wordsOf(ports, family)) {
        const ip = IP[family];
        const ends = `${ip} saddr { ${from.join(", ")} } ${ip} daddr { ${[...new Set(to)].join(", ")} } `;
        lines += `    ${ends}${condition}${verb === "deny" ? "drop" : "goto refuse"}\n`;
        refuses ||= verb === "reject";
      }
    for (const family of families) {
      const some = policy.confined.filter((address) => address.family === family);
      const addresses = some.map(({ value }) => formatValue(family, value));
      if (some.length > 0) lines += `    ${IP[family]} saddr { ${addresses.join(", ")} } drop\n`;
    }
    if (lines === "") return "";
    // Between containers the receiver's program decides, after translation.
    const own =
      zone === "host" ? "" : families.map((family) => `    ${IP[family]} daddr @own${family} return\n`).join("");
    const hook = zone === "host" ? "input" : "forward";
    return (
      `  chain diverted_${zone} {\n${own}${lines}  }\n` +
      `  chain ${hook} {\n    type filter hook ${hook} priority 0; policy accept;\n` +
      `    iifname @veths ct status dnat ct direction original jump diverted_${zone}\n  }\n`
    );
  });
  const refuse =
    "  chain refuse {\n    meta l4proto tcp reject with tcp reset\n    reject with icmpx type port-unreachable\n  }\n";
  return `${refuses ? refuse : ""}${chains.join("")}`;
}
