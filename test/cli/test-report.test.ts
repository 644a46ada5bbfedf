import { suite } from "uvu";
import * as assert from "uvu/assert";
import { junitReport, resultJson, tapReport, type TestResult, totals } from "../../src/cli/test-report.js";
import { check, explainFailure } from "../../src/ir/assertions.js";
import { compile } from "../../src/ir/compile.js";
import { readSuites } from "../../src/ir/tests.js";
import { Diagnostics } from "../../src/text/diagnostic.js";
import { SourceFile } from "../../src/text/source.js";

const test = suite("test reports");

const { policy } = compile(`icc off
container "a#<b" { network default ip 10.83.0.9 }
container c { network default ip 10.83.0.8 }`);

function results(): TestResult[] {
  const text = 'assert deny c -> "a#<b"\nassert allow c -> "a#<b":22\nassert deny world -> c';
  const [suite] = readSuites(policy, [new SourceFile("t.tsnet", text)], { read: () => "" }, new Diagnostics());
  return (suite?.assertions ?? []).map((assertion, i): TestResult => {
    const { origin } = assertion;
    const failure = check(policy, assertion);
    if (failure !== undefined) {
      const { message, why, help } = explainFailure(policy, assertion, failure);
      return { file: "t.tsnet", origin, outcome: "fail", message, why, help, counterexample: failure };
    }
    const measured = { ways: i === 0 ? 5 : 0, missing: ["no way\u0007 out"] };
    if (i === 2) return { file: "t.tsnet", origin, outcome: "skip", message: "no way\u0007 out", measured };
    return { file: "t.tsnet", origin, outcome: "pass", measured };
  });
}

test("TAP 13: a line each, the details of a failure as YAML, no directive from a name", () => {
  assert.equal(tapReport(results()).split("\n"), [
    "TAP version 13",
    "1..3",
    'ok 1 - t.tsnet:1:1 assert deny c -> "a\\#<b"',
    "# not measured: no way\u0007 out",
    'not ok 2 - t.tsnet:2:1 assert allow c -> "a\\#<b":22',
    "  ---",
    `  message: "this doesn't hold: c (10.83.0.8) -> a#<b (10.83.0.9):22/tcp is denied"`,
    '  why: "The default for containers of one network decides."',
    '  help: "allow it, or narrow the assertion to what should pass"',
    '  by: ["policy.tsnet:1:1 icc off"]',
    "  ...",
    "ok 3 - t.tsnet:3:1 assert deny world -> c # SKIP no way\u0007 out",
    "# 1 passed, 1 failed, 1 skipped",
  ]);
});

test("JUnit: every character that XML takes, and none that it doesn't", () => {
  const xml = junitReport(["t.tsnet"], results());
  assert.match(xml, '<testsuites name="tsnet" tests="3" failures="1" errors="0" skipped="1">');
  assert.match(
    xml,
    '<testcase name="assert deny c -&gt; &quot;a#&lt;b&quot;" classname="t.tsnet" file="t.tsnet" line="1"/>',
  );
  assert.match(xml, '<skipped message="no way\uFFFD out"/>');
  assert.match(
    xml,
    /<failure type="assertion-failed" message="this doesn't hold: [^"<>]+">The default [^<>]+<\/failure>/,
  );
  assert.is(xml.match(/<testcase /g)?.length, 3);
});

test("JSON: the counter-example in full", () => {
  const all = results();
  assert.equal(totals(all), { passed: 1, failed: 1, skipped: 1 });
  const failed = resultJson(policy, all[1] as TestResult) as { counterexample: Record<string, unknown> };
  assert.equal(failed.counterexample["source"], { zone: "container", address: "10.83.0.8", container: "c" });
  assert.equal(failed.counterexample["destination"], { zone: "container", address: "10.83.0.9", container: "a#<b" });
  assert.equal([failed.counterexample["port"], failed.counterexample["proto"]], [22, "tcp"]);
  assert.equal([failed.counterexample["verdict"], failed.counterexample["default"]], ["deny", "icc"]);
});

test.run();
