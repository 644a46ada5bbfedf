import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Interpreter } from "../../src/backend/iptables/interpret.js";
import { plan } from "../../src/backend/iptables/plan.js";
import { compareRoad, compileLenient } from "../support/compare.js";
import { statements } from "../support/random-policy.js";

const test = suite("iptables plan");
const RUNS = Number(process.env["TSNET_POLICIES"] ?? 150);

test(`says what the evaluator says, for every packet class of ${RUNS} random policies`, () => {
  let packets = 0;
  let rules = 0;
  fc.assert(
    fc.property(statements, (lines) => {
      const { policy, text } = compileLenient(lines);
      const result = compareRoad(policy, new Interpreter(plan(policy)));
      packets += result.packets;
      rules += policy.rules.length;
      assert.equal(result.differences.slice(0, 5), [], text);
    }),
    { numRuns: RUNS },
  );
  assert.ok(packets > RUNS * 100, `${packets} packets`);
  console.log(`${RUNS} policies, ${rules} rules, ${packets} packet classes`);
});

test("what a longer prefix doesn't decide doesn't fall to the shorter one around it", () => {
  for (const verb of ["allow", "deny", "reject"]) {
    const lines = [
      "icc off",
      `${verb} 10.0.0.0/8 except 10.0.0.7 -> a:22`,
      `${verb} 10.0.0.7 -> a:80`,
      `${verb} a -> 198.51.100.0/24 except 198.51.100.7:22`,
      `${verb} a -> 198.51.100.7:80`,
    ];
    const { policy, text } = compileLenient(lines);
    assert.is(policy.rules.length, 4, text);
    assert.equal(compareRoad(policy, new Interpreter(plan(policy))).differences, [], text);
  }
});

test.run();
