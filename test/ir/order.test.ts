import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/ir/compile.js";
import { packetClasses } from "../../src/ir/classes.js";
import { evaluate, type Packet } from "../../src/ir/evaluate.js";
import { packetText } from "../../src/ir/packet-text.js";
import { ANY } from "../../src/ir/peers.js";
import type { Policy } from "../../src/ir/policy.js";
import { ALL_PORTS } from "../../src/net/ports.js";
import { compileLenient } from "../support/compare.js";
import { statements } from "../support/random-policy.js";

const test = suite("order");

/** Packet classes of one policy on which another of the same statements says something else. */
function disagreements(a: Policy, b: Policy): string[] {
  const { packets } = packetClasses(a, { from: ANY, to: ANY, ports: ALL_PORTS });
  const out: string[] = [];
  for (const packet of packets) {
    const via = b.publishes.find(
      (one) => one.origin.text === packet.via?.origin.text && one.hostPorts[0] === packet.via.hostPorts[0],
    );
    const say = (policy: Policy, asked: Packet): string => {
      const { verdict, by, default: fallback } = evaluate(policy, asked);
      return `${verdict} ${fallback} ${by
        .map((origin) => origin.text)
        .sort()
        .join("; ")}`;
    };
    const [first, second] = [say(a, packet), say(b, { ...packet, via })];
    if (first !== second) out.push(`${packetText(a, packet)}: ${first} / ${second}`);
  }
  return out;
}

test("shuffled statements mean the same, for every packet class", () => {
  fc.assert(
    fc.property(
      statements.chain((lines) =>
        fc.tuple(fc.constant(lines), fc.shuffledSubarray(lines, { minLength: lines.length })),
      ),
      ([lines, shuffled]) => {
        const { text } = compileLenient(lines);
        const kept = text.split("\n");
        const a = compile(kept.join("\n"));
        const b = compile(shuffled.filter((line) => kept.includes(line)).join("\n"));
        // An address collision is the one place where order is looked at.
        if (a.diagnostics.some((d) => d.code === "address-moved")) return;
        assert.not(b.failed, b.diagnostics.map((d) => d.message).join("; "));
        assert.equal(disagreements(a.policy, b.policy).slice(0, 3), [], text);
      },
    ),
    { numRuns: 60 },
  );
});

test("adding, removing or moving other containers never renumbers one", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/), { minLength: 1, maxLength: 30 }), (names) => {
      const usable = names.filter(
        (name) => !["host", "world", "any", "tcp", "udp", "sctp", "icmp", "default"].includes(name),
      );
      const address = (list: readonly string[]): Map<string, string> => {
        const { policy, diagnostics } = compile(list.map((name) => `container ${name} { }`).join("\n"));
        if (diagnostics.some((d) => d.code === "address-moved")) return new Map();
        return new Map(
          policy.containers.map((c) => [c.name, JSON.stringify(c.endpoints[0]?.addresses.map((a) => `${a.value}`))]),
        );
      };
      const all = address(usable);
      for (const [name, value] of address([...usable].reverse().slice(0, Math.ceil(usable.length / 2))))
        if (all.size > 0) assert.is(value, all.get(name), name);
    }),
    { numRuns: 200 },
  );
});

test.run();
