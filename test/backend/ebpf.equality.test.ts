import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compareMaps } from "../support/compare-maps.js";
import { compileLenient } from "../support/compare.js";
import { statements } from "../support/random-policy.js";

const test = suite("ebpf plan");
const RUNS = Number(process.env["TSNET_POLICIES"] ?? 60);

test(`says what the evaluator says, for every packet class of ${RUNS} random policies`, () => {
  let packets = 0;
  fc.assert(
    fc.property(statements, (lines) => {
      const { policy, text } = compileLenient(lines);
      const result = compareMaps(policy);
      packets += result.packets;
      assert.equal(result.differences.slice(0, 5), [], text);
    }),
    { numRuns: RUNS, seed: Number(process.env["TSNET_SEED"] ?? 83) },
  );
  assert.ok(packets > RUNS * 100, `${packets} packets`);
  console.log(`${RUNS} policies, ${packets} packet classes`);
});

test("a publish's sources of one family say nothing of the other, whose addresses its prefixes may cover", () => {
  const { policy } = compileLenient([
    "network lan { subnet 10.90.1.0/24; subnet fd90:1::/64 }",
    "container a { network lan }",
    "container b { network lan }",
    "publish 8080 -> b:80 from any except {a, 2001:db8::7, world}",
    "publish 8081 -> b:80 from ::/0",
    "publish 8082 -> b:80 from 0.0.0.0/0",
  ]);
  assert.equal(compareMaps(policy).differences, []);
});

test.run();
