import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/ir/compile.js";
import { evaluate, type Packet } from "../../src/ir/evaluate.js";
import { idleRules } from "../../src/ir/idle-rules.js";
import { OverlapIndex } from "../../src/ir/overlap-index.js";
import { addressesIn } from "../../src/ir/own.js";
import { ANY, HOST, inContainers, NOBODY, overlapsPeers } from "../../src/ir/peers.js";
import type { Policy, Publish, Rule } from "../../src/ir/policy.js";
import { PublishIndex } from "../../src/ir/publish-index.js";
import { single } from "../../src/net/address.js";
import { ALL_PORTS, overlapsPorts, type PortSet, portSet, TCP, UDP } from "../../src/net/ports.js";
import { compileLenient } from "../support/compare.js";
import { packetsOf } from "../support/every-packet.js";
import { statements } from "../support/random-policy.js";

const test = suite("idle rules");
const RUNS = Number(process.env["TSNET_LINTS"] ?? 40);

/**
 * The rules whose leaving out changes nothing, by trying: from the last, those that went before left out. Of links those by
 * which nothing passes.
 */
function idleByTrying(policy: Policy): Set<Rule> {
  const links = new Set(policy.links.map(({ origin }) => origin));
  const idle = new Set<Rule>();
  for (const rule of [...policy.rules].reverse()) {
    if (rule.log !== undefined) continue;
    const rules = policy.rules.filter((other) => !idle.has(other) || other.verb !== rule.verb);
    const others = rules.filter((other) => other !== rule);
    let some = false;
    let useful = false;
    const verdict = (packet: Packet, list: readonly Rule[]): string => evaluate(policy, packet, list).verdict;
    for (const packet of packetsOf(policy, rule)) {
      some = true;
      useful = links.has(rule.origin)
        ? verdict(packet, rules) === "allow"
        : verdict(packet, rules) !== verdict(packet, others);
      if (useful) break;
    }
    if (some && !useful) idle.add(rule);
  }
  return idle;
}

test(`are those without which nothing changes, in ${RUNS} random policies`, () => {
  const counts = { rules: 0, idle: 0 };
  fc.assert(
    fc.property(statements, fc.array(fc.nat({ max: 20 }), { maxLength: 2 }), (lines, again) => {
      // Some rules are there twice.
      const rules = lines.filter((line) => /^(allow|deny|reject)/.test(line));
      const { policy, text } = compileLenient([...lines, ...again.flatMap((i) => rules[i] ?? [])]);
      const found = idleRules(policy);
      const names = (rules: Iterable<Rule>): string[] => [...rules].map(({ origin }) => origin.id).sort();
      const idle = [...found].flatMap(([rule, { kind }]) => (kind === "nothing" ? [] : [rule]));
      counts.rules += policy.rules.length;
      counts.idle += idle.length;
      assert.equal(names(idle), names(idleByTrying(policy)), text);
    }),
    { numRuns: RUNS },
  );
  assert.ok(counts.idle > RUNS / 10, JSON.stringify(counts));
  console.log(JSON.stringify(counts));
});

test("each has the statements that decide in its place", () => {
  const { policy } = compileLenient(["icc off", "deny any -> c1:22", "allow c2 -> c1:22", "allow c1 -> world"]);
  const found = [...idleRules(policy)].map(([rule, idleness]) => [rule.origin.text, idleness] as const);
  assert.is(found.length, 2);
  const [[world, defaults], [ssh, shadowed]] = found as [(typeof found)[0], (typeof found)[0]];
  assert.is(world, "allow c1 -> world");
  assert.equal(defaults, { kind: "idle", by: [], against: [], defaults: ["out"] });
  assert.is(ssh, "allow c2 -> c1:22");
  assert.is(shadowed.kind === "idle" && shadowed.by.map(({ text }) => text).join(), "deny any -> c1:22");
});

test("of a statement that is there again and again the first has its say, and the others point to it", () => {
  const lines = ["icc off", "allow c2 -> c1:{22, 80}", "allow c2 -> c1:{80, 22}", "deny c1 -> c1", "deny c1 -> c1"];
  const { policy } = compileLenient([...lines, "allow c2 -> c1:{22, 80}", 'allow c2 -> c1:22 log "x"']);
  const found = [...idleRules(policy)].map(([{ origin }, idleness]) => {
    const by = idleness.kind === "nothing" ? [] : idleness.by.map(({ index }) => index);
    return [origin.index, idleness.kind, ...by].join(" ");
  });
  assert.equal(found.sort(), ["2 idle 1 6", "3 nothing", "4 nothing", "5 repeated 1"]);
});

test("what is said twice is told as that", () => {
  const { diagnostics } = compile("icc off\nallow c2 -> c1:22\nallow c2->c1:22", { file: "p.tsnet" });
  assert.equal(
    diagnostics.map(({ code, why, span }) => [code, span.file.position(span.start).line, why]),
    [["rule-shadowed", 3, "'allow c2 -> c1:22' (p.tsnet:2:1) says the same; order doesn't matter."]],
  );
});

function warnings(text: string): string[] {
  const { diagnostics } = compile(text, { file: "p.tsnet" });
  return diagnostics.map(({ code, span }) => `${code} ${span.file.position(span.start).line}`);
}

test("who contradicts it is named, though a default agrees with him about the rest", () => {
  // The address may be this host's, whom the default admits.
  const text = "container c1 {}\ncontainer c2 {}\ndeny world -> c1\nallow 192.0.2.1 -> c1:22";
  assert.equal(warnings(text), ["rule-shadowed 4"]);
  assert.match(compile(text).diagnostics[0]?.why ?? "", /'deny world -> c1' \(\S+:3:1\) decides against it/);
});

test("a rule of which something else was said is not told again, however long the text", () => {
  const text = `container c1 {}
container c2 { expose 8080 }
deny c1 -> host:80
publish 80 -> c2:8080
${Array.from({ length: 90 }, (_, i) => `allow 192.0.2.${i + 1} -> c1:${i + 1}`).join("\n")}`;
  assert.ok(text.length > 2000);
  assert.equal(warnings(text), ["host-rule-on-published 3"]);
  assert.equal(warnings(text.slice(0, 1000).replace(/\n[^\n]*$/, "")), ["host-rule-on-published 3"]);
});

test("an index finds exactly the rules that share a packet", () => {
  fc.assert(
    fc.property(statements, (lines) => {
      const { policy } = compileLenient(lines);
      const index = new OverlapIndex(policy.rules);
      for (const rule of policy.rules) {
        const all = policy.rules.filter(
          (other) =>
            overlapsPeers(other.from, rule.from) &&
            overlapsPeers(other.to, rule.to) &&
            overlapsPorts(other.ports, rule.ports),
        );
        assert.equal(index.overlapping(rule), all);
      }
    }),
    { numRuns: 30 },
  );
});

test("so it does where addresses tell no rule from another, and ports do", () => {
  const port = fc.integer({ min: 0, max: 20 });
  const ranges = fc.tuple(port, port).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  const sets = fc.oneof(
    fc.constant(ALL_PORTS),
    fc.tuple(fc.constantFrom(TCP, UDP, 47), fc.option(ranges)).map(([protocol, some]) => portSet(protocol, some)),
    fc.tuple(ranges, ranges).map(([tcp, udp]): PortSet => ({
      all: false,
      protocols: new Map([
        [TCP, tcp],
        [UDP, udp],
      ]),
    })),
  );
  fc.assert(
    fc.property(fc.array(sets, { minLength: 100, maxLength: 150 }), fc.array(sets, { minLength: 5 }), (have, asked) => {
      const rules = have.map((ports) => ({ from: ANY, to: ANY, ports }));
      const index = new OverlapIndex(rules);
      for (const ports of [...have, ...asked]) {
        const all = rules.filter((rule) => overlapsPorts(rule.ports, ports));
        assert.equal(index.overlapping({ from: ANY, to: ANY, ports }), all);
      }
    }),
    { numRuns: 30 },
  );
});

test("an index finds exactly the publishes that concern a rule's packets, or a publish's", () => {
  let some = 0;
  fc.assert(
    fc.property(statements, (lines) => {
      const { policy } = compileLenient(lines);
      const index = new PublishIndex(policy.publishes);
      const of = (publish: Publish): Pick<Rule, "to" | "ports"> => ({
        to: inContainers(addressesIn(publish.targets)),
        ports: portSet(publish.protocol, [publish.port, publish.port + publish.hostPorts[1] - publish.hostPorts[0]]),
      });
      for (const query of [...policy.rules, ...policy.publishes.map(of)]) {
        const concerning = policy.publishes.filter((publish) => {
          const inside = of(publish);
          const leads = overlapsPeers(inside.to, query.to) && overlapsPorts(inside.ports, query.ports);
          const host = publish.hostAddress === undefined ? HOST.host : single(publish.hostAddress);
          const asked = overlapsPorts(portSet(publish.protocol, publish.hostPorts), query.ports);
          return leads || (asked && overlapsPeers({ ...NOBODY, host }, query.to));
        });
        some += concerning.length;
        assert.equal(index.concerning(query), concerning);
      }
    }),
    { numRuns: 100 },
  );
  assert.ok(some > 50, String(some));
});

test.run();
