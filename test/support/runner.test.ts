// The runner itself: it must fail each file that uvu would let pass.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inspectSource, parseSummary, runFile } from "../../scripts/runner.mjs";

const fixture = (name: string, timeoutMs = 60_000) => runFile(`test/fixtures/runner/${name}.ts`, { timeoutMs });

test("a passing file passes, with its skips counted and their reasons kept", async () => {
  const result = await fixture("passing");
  assert.equal(result.problems, []);
  assert.equal([result.passed, result.failed, result.skipped], [1, 0, 1]);
  assert.equal(result.reasons, ["SKIP ebpf: clang"]);
});

test("a failing test fails, and the others still count", async () => {
  const result = await fixture("failing");
  assert.equal([result.passed, result.failed], [1, 1]);
  assert.match(result.output, "FAIL");
});

const silent: [string, RegExp][] = [
  ["no-run", /never called/],
  ["no-test", /registered no test/],
  ["one-suite-forgotten", /second\.run\(\) is never called/],
  ["throwing-before", /only 0 of 1 tests passed/],
  ["throwing-after-each", /only 0 of 1 tests passed|exit status/],
  ["early-exit", /no summary/],
  ["only", /leaves the others out/],
];

for (const [name, why] of silent) {
  test(`${name}: fails although uvu says nothing`, async () => {
    const result = await fixture(name);
    assert.is(result.failed, 1);
    assert.match(result.problems.join("\n"), why);
  });
}

test("a file that never ends is ended", async () => {
  const result = await fixture("endless", 1_500);
  assert.is(result.failed, 1);
  assert.match(result.problems.join("\n"), /time limit/);
});

test("no summary is not a summary of zeros", () => {
  assert.is(parseSummary("Total: 3"), undefined);
  assert.equal(parseSummary("  Total:     3\n  Passed:    2\n  Skipped:   1\n"), { total: 3, passed: 2, skipped: 1 });
});

test("a suite that runs has nothing against it", () => {
  assert.equal(inspectSource("const a = suite('a'); a('t', f); a.run();"), []);
});

test.run();
