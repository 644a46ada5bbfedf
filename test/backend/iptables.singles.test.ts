/** Many statements between single addresses: trees of several chains, from columns. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Interpreter } from "../../src/backend/iptables/interpret.js";
import { plan } from "../../src/backend/iptables/plan.js";
import { linesOf, printed, ruleText } from "../../src/backend/iptables/text.js";
import type { Policy } from "../../src/ir/policy.js";
import { compareRoad, compileLenient } from "../support/compare.js";
import { statements } from "../support/random-policy.js";

const test = suite("iptables: single addresses");

const NETWORK = [
  "network n { subnet 10.1.0.0/24; subnet fd00:1::/64; icc off }",
  "container a { network n ip 10.1.0.2 ip fd00:1::2 }",
  "container b { network n ip 10.1.0.3 ip fd00:1::3 }",
];
const PORTS = ["22", "80", "443/udp", "tcp", "gre", ""] as const;

/** `count` statements that each name one address; some share an address, and a prefix lies around others. */
function singles(count: number, far: (i: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => {
    const ports = PORTS[i % PORTS.length] as string;
    const verb = i % 7 === 0 ? "deny" : i % 11 === 0 ? "reject" : "allow";
    const [from, to] = i % 5 === 0 ? ["b", far(i)] : [far(i), "a"];
    return `${verb} ${from} -> ${to}${ports === "" ? "" : `:${ports}`}`;
  });
}

const v4 = (i: number): string => `198.${18 + (i % 2)}.${(i * 37) % 256}.${1 + ((i * 91) % 5)}`;
const v6 = (i: number): string => `2001:db8:${((i * 37) % 256).toString(16)}::${(1 + (i % 6)).toString(16)}`;

for (const [family, far] of [
  ["IPv4", v4],
  ["IPv6", v6],
] as const)
  for (const around of [[], [`allow ${family === "IPv4" ? "198.18.0.0/16" : "2001:db8::/33"} -> a:25`]]) {
    const name = `${family}${around.length > 0 ? ", with a prefix around some" : ""}`;
    test(`many of ${name}: trees of several chains say what the evaluator says`, () => {
      const { policy, text } = compileLenient([...NETWORK, ...singles(260, far), ...around]);
      assert.ok(policy.rules.length > 150, `${policy.rules.length} rules`);
      const ruleset = plan(policy);
      const trees = ruleset.families.flatMap(({ tables }) => tables.flatMap(({ chains }) => chains));
      assert.ok(trees.filter(({ name }) => name.includes("-allw-")).length > 4, "the tree was cut");
      const { packets, differences } = compareRoad(policy, new Interpreter(ruleset));
      assert.ok(packets > 1000, `${packets} packets`);
      assert.equal(differences.slice(0, 5), [], text);
    });
  }

test("prefixes in a prefix, more than a chain holds: what none of them allows isn't allowed by the end of a chain", () => {
  const inner = Array.from({ length: 120 }, (_, i) => `allow 198.18.${2 * i}.0/24 -> a:${80 + (i % 3)}`);
  const { policy, text } = compileLenient([...NETWORK, ...inner, "allow 198.18.0.0/16 -> a:25"]);
  assert.is(policy.rules.length, 121);
  assert.equal(compareRoad(policy, new Interpreter(plan(policy))).differences.slice(0, 5), [], text);
});

test("a chain holds few rules, however the addresses lie", () => {
  // Each twice as far from the one before: a tree of prefixes as deep as they are many.
  const far = (i: number): string => {
    const value = 2 ** (i % 29) + Math.floor(i / 29);
    return `11.${(value >> 16) % 256}.${(value >> 8) % 256}.${value % 256}`;
  };
  const lines = Array.from({ length: 2000 }, (_, i) => `allow ${i % 2 === 0 ? far(i) : v4(i)} -> a:${1 + i}`);
  const { policy } = compileLenient([...NETWORK, ...lines]);
  assert.ok(policy.rules.length > 1900);
  const filter = plan(policy).families[0].tables.find(({ name }) => name === "filter");
  const lengths = filter?.chains.filter(({ name }) => name.includes("-allw-")).map(({ rules }) => rules.length) ?? [];
  assert.ok(lengths.length > 40, `${lengths.length} chains`);
  // A part has less than two shares, what is left less than one more.
  assert.ok(Math.max(...lengths) <= 100, `${Math.max(...lengths)} rules in a chain`);
});

/** Chains that were printed before their rules were made, whose rules print otherwise. */
function misprinted(policy: Policy): string[] {
  return plan(policy).families.flatMap(({ family, tables }) =>
    tables.flatMap(({ chains }) =>
      chains.flatMap((chain) => {
        const rules = chain.rules.map((rule) => ruleText(rule, family));
        const { count, leads } = printed(chain, family);
        const targets = chain.rules.flatMap(({ target }) => ("chain" in target ? [target.chain] : []));
        const isRight =
          count === rules.length &&
          linesOf(printed(chain, family)).join("\n") === rules.join("\n") &&
          [...leads].every(([to, ways]) => targets.filter((target) => target === to).length === ways) &&
          targets.every((target) => leads.has(target));
        return isRight ? [] : [`${chain.name}: ${rules.join("\n")}`];
      }),
    ),
  );
}

test("what is printed from columns is what the values say, of random policies and of many singles", () => {
  fc.assert(
    fc.property(statements, (lines) => {
      assert.equal(misprinted(compileLenient(lines).policy), []);
    }),
    { numRuns: 40 },
  );
  for (const far of [v4, v6])
    for (const count of [20, 400, 900])
      assert.equal(misprinted(compileLenient([...NETWORK, ...singles(count, far)]).policy), []);
});

test("of many, a rule that says what its statement says has no comment, and what leads there says whose it is", () => {
  const many = Array.from({ length: 300 }, (_, i) => `allow ${v4(i * 7)} -> a:${1000 + i}`);
  const odd = ["allow 192.0.2.1 ->  a:80", "let db = 192.0.2.2", "allow db -> a:5432", "allow 192.0.2.3 -> a:53/udp"];
  const { policy } = compileLenient([...NETWORK, ...many, ...odd]);
  const filter = plan(policy).families[0].tables.find(({ name }) => name === "filter");
  const lines = (filter?.chains ?? []).flatMap((chain) => linesOf(printed(chain, 4)));
  const of = (address: string): string[] => lines.filter((line) => line.startsWith(`-s ${address}/32 `));
  assert.match(of(v4(0)).join("\n"), /^-s \S+ -p tcp -m tcp --dport 1000 -j /);
  assert.match(of("192.0.2.1").join("\n"), /--dport 80 -j /);
  assert.match(of("192.0.2.2").join("\n"), /--dport 5432 -m comment --comment "allow db -> a:5432" -j /);
  assert.match(of("192.0.2.3").join("\n"), /-p udp -m udp --dport 53 -j /);
  assert.ok(lines.some((line) => /^-d 10\.1\.0\.2\/\d+ -m comment --comment a -g /.test(line)));
  const few = plan(compileLenient([...NETWORK, ...many.slice(0, 50)]).policy).families[0].tables;
  const said = few.flatMap(({ chains }) => chains.flatMap((chain) => linesOf(printed(chain, 4))));
  assert.is(said.filter((line) => line.includes(`--comment "${many[3] as string}"`)).length, 1);
});

test.run();
