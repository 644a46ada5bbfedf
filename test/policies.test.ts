import { test } from "uvu";
import * as assert from "uvu/assert";
import { compilePolicy, expected, found, policiesIn } from "./support/policies.js";

const valid = [...policiesIn("."), ...policiesIn("adopt")];
const invalid = policiesIn("invalid");

function says(name: string): void {
  const { diagnostics } = compilePolicy(name);
  assert.equal(diagnostics.map(found).sort(), expected(name).sort());
}

test("there are enough examples", () => {
  assert.ok(policiesIn(".").length >= 16);
  assert.ok(invalid.length >= 40);
});

for (const name of valid)
  test(`policies/${name} compiles as it says`, () => {
    says(name);
    const { policy, failed } = compilePolicy(name);
    assert.not(failed);
    assert.ok(policy.containers.length <= 8, "an example that 'tsnet try' probes pair by pair stays small");
  });

for (const name of invalid)
  test(`policies/${name} is wrong as it says`, () => {
    assert.ok(expected(name).length > 0, "it says nothing");
    says(name);
  });

test("each invalid policy begins with what is wrong, and each valid one with what it is about", () => {
  for (const name of [...valid, ...invalid]) {
    const { files } = compilePolicy(name);
    assert.match(files[0]?.text ?? "", /^# [A-Z\d`]/, name);
  }
});

test.run();
