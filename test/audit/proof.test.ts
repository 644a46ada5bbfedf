/** The proof over boxes of packets against the interpreter, packet class by packet class. */
import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { prove } from "../../src/audit/proof.js";
import { Interpreter } from "../../src/backend/nftables/interpret.js";
import { plan } from "../../src/backend/nftables/plan.js";
import type { Ruleset, Table } from "../../src/backend/nftables/ruleset.js";
import { packetText } from "../../src/ir/packet-text.js";
import type { Policy } from "../../src/ir/policy.js";
import { comparePacket, compareRuleset, compileLenient } from "../support/compare.js";
import { compilePolicy, policiesIn } from "../support/policies.js";
import { statements } from "../support/random-policy.js";

const test = suite("audit: proof");
const RUNS = Number(process.env["TSNET_POLICIES"] ?? 60);

const told = (policy: Policy, ruleset: Ruleset): string[] =>
  prove(policy, ruleset).differences.map(
    ({ packet, expected, actual, translation }) =>
      `${packetText(policy, packet)}: policy ${expected.verdict}, ruleset ${actual} ${translation ?? ""}`,
  );

test(`${RUNS} random policies do what they say`, () => {
  fc.assert(
    fc.property(statements, (lines) => {
      const { policy, text } = compileLenient(lines);
      assert.equal(told(policy, plan(policy)), [], text);
    }),
    { numRuns: RUNS },
  );
});

test("every example does what it says", () => {
  for (const name of policiesIn("")) {
    const { policy } = compilePolicy(name);
    assert.equal(told(policy, plan(policy)), [], name);
    assert.ok(prove(policy, plan(policy)).classes > 5, name);
  }
});

/** Takes an element or a rule away, or turns a verdict; undefined where the place has nothing of the kind. */
function damaged(ruleset: Ruleset, at: number, how: number): Ruleset {
  const [first, ...rest] = ruleset.tables;
  if (first === undefined) return ruleset;
  const { sets, chains } = first;
  const table: Table =
    how === 0
      ? {
          ...first,
          sets: sets.map((set, i) => (i === at % sets.length ? { ...set, elements: set.elements.slice(1) } : set)),
        }
      : how === 1
        ? { ...first, chains: chains.map((c, i) => (i === at % chains.length ? { ...c, rules: c.rules.slice(1) } : c)) }
        : {
            ...first,
            chains: chains.map((c, i) => (i === at % chains.length ? { ...c, rules: [...c.rules].reverse() } : c)),
          };
  return { ...ruleset, tables: [table, ...rest] };
}

test(`what is damaged is found exactly where the interpreter finds it, ${RUNS} times`, () => {
  let found = 0;
  fc.assert(
    fc.property(statements, fc.nat(1000), fc.nat(2), (lines, at, how) => {
      const { policy, text } = compileLenient(lines);
      const ruleset = damaged(plan(policy), at, how);
      const { differences } = compareRuleset(policy, ruleset);
      // A packet that the policy denies and that isn't translated reaches no container, whatever this host does with it.
      const certain = differences.filter((one) => !/policy (deny|reject), plan allow \(elsewhere\)$/.test(one));
      const mine = prove(policy, ruleset).differences;
      if (certain.length > 0) found++;
      const about = `${text}\n${at} ${how}\n${differences[0]}`;
      if (certain.length > 0) assert.ok(mine.length > 0, about);
      // The other way by the proof's own packets: what is damaged may be one port of a class that the policy knows as one.
      const interpreter = new Interpreter(ruleset);
      for (const { packet } of mine)
        assert.ok(comparePacket(policy, interpreter, packet) !== undefined, `${about}\n${packetText(policy, packet)}`);
    }),
    { numRuns: RUNS },
  );
  assert.ok(found > RUNS / 10, `${found} of ${RUNS} made a difference`);
});

/** A table of somebody else's whose one chain is where packets leave. */
function leaving(expressions: Table["chains"][number]["rules"][number]["expressions"]): Table {
  const hook = { type: "filter", hook: "postrouting", priority: 0 } as const;
  return { family: "inet", name: "other", sets: [], chains: [{ name: "c", hook, rules: [{ expressions, from: [] }] }] };
}

test("what is dropped where packets leave is found, and only that", () => {
  const { policy } = compileLenient(["icc off", "allow c2 -> c1:22", "allow c2 -> c3"]);
  const ruleset = plan(policy);
  const drop = { kind: "verdict", target: { verdict: "drop" } } as const;
  const ports = (value: { from: number; to: number }): Table =>
    leaving([{ kind: "match", key: "meta l4proto", value: 6 }, { kind: "match", key: "th dport", value }, drop]);
  const differing = { ...ruleset, tables: [...ruleset.tables, ports({ from: 20, to: 22 })] };
  const found = prove(policy, differing).differences.filter(({ packet }) => packet.destination.zone === "container");
  assert.ok(found.some(({ expected }) => expected.by.some(({ text }) => text.includes("c2 -> c1"))));
  const interpreter = new Interpreter(differing);
  for (const { packet, expected, actual } of found) {
    assert.equal([expected.verdict, actual], ["allow", "deny"]);
    assert.ok(packet.port !== undefined && packet.port >= 20 && packet.port <= 22, packetText(policy, packet));
    assert.ok(comparePacket(policy, interpreter, packet) !== undefined, packetText(policy, packet));
  }
});

test.run();
