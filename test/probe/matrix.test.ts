import { suite } from "uvu";
import * as assert from "uvu/assert";
import { planCells } from "../../src/probe/cells.js";
import type { Result } from "../../src/probe/compare.js";
import { foldPairs } from "../../src/probe/fold.js";
import { renderMatrix, summaryLines } from "../../src/probe/matrix.js";
import { planPlace } from "../../src/probe/place.js";
import { serviceText } from "../../src/probe/rows.js";
import { unnamedPorts } from "../../src/probe/services.js";
import { policyOf } from "./text.js";

const test = suite("matrix");

function folded(...pairs: [string, string][]): string[] {
  return foldPairs(pairs).map(({ text }) => text);
}

test("pairs fold into as few lines as say the same", () => {
  assert.equal(folded(["a", "b"]), ["a -> b"]);
  assert.equal(folded(["a", "x"], ["b", "x"], ["a", "y"], ["b", "y"]), ["a, b -> x, y"]);
  assert.equal(folded(["a", "b"], ["b", "a"]), ["a, b -> each other"]);
  assert.equal(folded(["a", "b"], ["b", "a"], ["a", "x"], ["b", "x"]), ["a, b -> each other, x"]);
  assert.equal(folded(["a", "b"], ["b", "c"]), ["a -> b", "b -> c"]);
  assert.equal(folded(["a", "w (1)"], ["a", "w (2)"]), ["a -> w (1, 2)"]);
  const many = folded(...Array.from({ length: 9 }, (_, i): [string, string] => ["a", `c${i}`]));
  assert.equal(many, ["a -> c0, c1, c2, c3, c4 and 4 others"]);
});

function trial(text: string, change: (result: Result) => Result = (result) => result) {
  const policy = policyOf(text);
  const results = planCells(policy, planPlace(policy)).cells.map((cell): Result => {
    const measured = cell.expected;
    return change({ cell, measured, agrees: true, unproven: false, remark: undefined, answer: undefined });
  });
  return { results, shown: renderMatrix(results, { color: false, unnamed: unnamedPorts(policy) }) };
}

const LINE = "allow c2 -> c1:22, icc off, publish 49153->8080";
const NOTHING = { left: 0, represented: 0, ranges: 0 };

test("the one-line policy fits on nine lines", () => {
  const { results, shown } = trial(LINE);
  assert.is(
    shown,
    `from -> to                   service               policy  measured     probes  decided by
c2 -> c1                     22/tcp                allow   allow     ✓  1       allow c2 -> c1:22  policy.tsnet:1:1
                             anything else         deny    deny      ✓  5       icc off  policy.tsnet:1:20
c2, c1 -> host               anything else         allow   allow     ✓  12      default: container to world or host
c2, c1, host, world -> host  49153/tcp -> c1:8080  allow   allow     ✓  9       publish 49153 -> 8080  policy.tsnet:1:29
c2, c1 -> world              anything              allow   allow     ✓  6       default: container to world or host
c1 -> c2                     anything              deny    deny      ✓  4       icc off  policy.tsnet:1:20
host -> c2, c1               anything              allow   allow     ✓  8       default: host to container
world -> c2, c1              anything              deny    deny      ✓  8       default: world to container`,
  );
  assert.equal(summaryLines(results, NOTHING), ["53 of 53 probes measured what the policy says"]);
});

test("a difference comes first, with the statement behind it", () => {
  const { shown, results } = trial(LINE, (result) =>
    result.cell.from === "c2" && result.cell.to === "c1" && serviceText(result.cell) === "22/tcp"
      ? { ...result, measured: "deny", agrees: false }
      : result,
  );
  const [first, second] = shown.split("\n");
  const said = "the policy says allow, measured deny";
  assert.is(first, `DIFFERS  c2 (10.83.211.102) -> c1 (10.83.28.122) 22/tcp: ${said}`);
  assert.is(second, "         allow c2 -> c1:22  policy.tsnet:1:1");
  assert.match(shown, /22\/tcp +allow +deny +✗/);
  assert.equal(summaryLines(results, NOTHING), ["52 of 53 probes measured what the policy says"]);
});

test("addresses are named where they make a difference, and only there", () => {
  const { shown } = trial("deny c -> 192.0.2.0/24");
  assert.match(shown, "c -> host, world (198.51.100.2)");
  assert.match(shown, "c -> world (192.0.2.9)");
  assert.match(shown, "world -> c ");
});

test("nothing measured: the matrix all the same, and why", () => {
  const remark = "nft is not installed";
  const { shown, results } = trial(LINE, (result) => ({ ...result, measured: undefined, agrees: false, remark }));
  assert.match(shown, /c2 -> c1 +22\/tcp +allow +not measured/);
  const omitted = { left: 1, represented: 2, ranges: 0 };
  assert.equal(summaryLines(results, omitted), [
    "53 of 53 not measured: nft is not installed",
    "1 further probe left out: to keep it short",
    "2 containers left out: of others the policy says the same",
  ]);
});

test("colour only where it is asked for", () => {
  const policy = policyOf(LINE);
  const { results } = trial(LINE);
  const painted = renderMatrix(results, { color: true, unnamed: unnamedPorts(policy) });
  assert.ok(painted.includes("\u001b[32m✓\u001b[0m"));
});

test.run();
