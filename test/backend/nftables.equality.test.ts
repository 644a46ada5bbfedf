import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { comparePlan, compileLenient } from "../support/compare.js";
import { statements } from "../support/random-policy.js";

const test = suite("nftables plan");
const RUNS = Number(process.env["TSNET_POLICIES"] ?? 120);

test(`says what the evaluator says, for every packet class of ${RUNS} random policies`, () => {
  let packets = 0;
  let rules = 0;
  fc.assert(
    fc.property(statements, (lines) => {
      const { policy, text } = compileLenient(lines);
      const result = comparePlan(policy);
      packets += result.packets;
      rules += policy.rules.length;
      assert.equal(result.differences.slice(0, 5), [], text);
    }),
    { numRuns: RUNS },
  );
  assert.ok(packets > RUNS * 100, `${packets} packets`);
  console.log(`${RUNS} policies, ${rules} rules, ${packets} packet classes`);
});

test.run();
