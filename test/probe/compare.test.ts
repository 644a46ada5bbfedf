import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Cell } from "../../src/probe/cells.js";
import { planCells } from "../../src/probe/cells.js";
import { compare, type Result } from "../../src/probe/compare.js";
import { planPlace } from "../../src/probe/place.js";
import { type Answer, NO_PING } from "../../src/probe/protocol.js";
import { cellJson, count, differs } from "../../src/probe/summary.js";
import { policyOf } from "./text.js";

const test = suite("compare");

const TEXT =
  "icc off; allow c2 -> c1:22; reject c2 -> c1:23; publish 49153 -> c1:8080; publish 80 -> {c1, c2}:80; deny c3 -> c1:80";
const policy = policyOf(TEXT);
const { cells } = planCells(policy, planPlace(policy));

function cell(from: string, to: string, port: number): Cell {
  const found = cells.find((one) => one.from === from && one.to === to && one.port === port && one.proto === "tcp");
  if (found === undefined) throw new Error(`no cell ${from} -> ${to}:${port}`);
  return found;
}

function judge(one: Cell, ...answers: Partial<Answer>[]): Result {
  const full = answers.map((answer, id): Answer => ({ id, outcome: "silent", ms: 1, ...answer }));
  return compare(one, { answers: full });
}

const ADDRESS = "10.83.211.102";

test("an open port, silence and a refusal are what the policy says", () => {
  assert.ok(judge(cell("c2", "c1", 22), { outcome: "open", by: "c1", peer: ADDRESS }).agrees);
  assert.ok(judge(cell("c2", "c1", 40404), { outcome: "silent" }).agrees);
  assert.ok(judge(cell("c2", "c1", 23), { outcome: "refused" }).agrees);
});

test("each other outcome is a difference", () => {
  const table: [Cell, Partial<Answer>, string][] = [
    [cell("c2", "c1", 22), { outcome: "silent" }, "deny"],
    [cell("c2", "c1", 22), { outcome: "refused" }, "reject"],
    [cell("c2", "c1", 40404), { outcome: "open", by: "c1", peer: ADDRESS }, "allow"],
    [cell("c2", "c1", 40404), { outcome: "unreachable" }, "reject"],
    [cell("c2", "c1", 23), { outcome: "silent" }, "deny"],
  ];
  for (const [one, answer, measured] of table) {
    const result = judge(one, answer);
    assert.equal([result.measured, differs(result)], [measured, true]);
  }
});

test("an answer from somebody else, or seen from a wrong address", () => {
  const other = judge(cell("world", "host", 49153), { outcome: "open", by: "host", peer: "198.51.100.2" });
  assert.ok(differs(other));
  assert.match(other.remark ?? "", "host answered instead of c1");
  const masked = judge(cell("c2", "c1", 22), { outcome: "open", by: "c1", peer: "10.83.0.1" });
  assert.ok(differs(masked));
  assert.match(masked.remark ?? "", "10.83.0.1 instead of 10.83.211.102");
  const naked = judge(cell("c2", "world", 40404), { outcome: "open", by: "world", peer: ADDRESS });
  assert.match(naked.remark ?? "", "instead of 198.51.100.1");
  assert.ok(judge(cell("c2", "world", 40404), { outcome: "open", by: "world", peer: "198.51.100.1" }).agrees);
});

test("connections that are spread may end as any of the targets' verdicts, and as no other", () => {
  const mixed = cell("c3", "host", 80);
  assert.is(mixed.expected, "mixed");
  const peer = "10.83.81.22";
  assert.ok(judge(mixed, { outcome: "silent" }, { outcome: "silent" }).agrees);
  assert.not.ok(judge(mixed, { outcome: "refused" }, { outcome: "silent" }).agrees);
  const both = judge(mixed, { outcome: "silent" }, { outcome: "open", by: "c1", peer });
  assert.is(both.measured, "mixed");
});

test("silence without a proof that an answer could have come is not measured; an answer is", () => {
  const one = cell("c2", "c1", 40404);
  const unmeasured = "nothing answers";
  const silent = compare(one, { answers: [{ id: 0, outcome: "silent", ms: 400 }], unmeasured });
  assert.equal([silent.measured, silent.unproven, silent.remark], [undefined, true, unmeasured]);
  const answers: Answer[] = [{ id: 0, outcome: "open", ms: 1, by: "c1", peer: ADDRESS }];
  assert.ok(differs(compare(one, { answers, unmeasured })));
});

test("what this machine can't ask is not measured, and proves nothing either way", () => {
  const missing = judge(cell("c2", "c1", 40404), { outcome: "failed", error: NO_PING });
  assert.equal([missing.measured, missing.unproven], [undefined, false]);
  assert.ok(judge(cell("c2", "c1", 40404), { outcome: "failed", error: "EMFILE" }).unproven);
  const results = [missing, judge(cell("c2", "c1", 40404), {}), judge(cell("c2", "c1", 22), {})];
  assert.equal(count(results), { cells: 3, measured: 2, agreeing: 1, differing: 1 });
});

test("a cell as JSON", () => {
  const json = cellJson(judge(cell("c2", "c1", 22), { outcome: "open", by: "c1", peer: ADDRESS }));
  const { from, to, port, proto, expected, measured, agrees } = json;
  assert.equal([from, to, port, proto, expected, measured, agrees], ["c2", "c1", 22, "tcp", "allow", "allow", true]);
  assert.equal(json["by"], [{ text: "allow c2 -> c1:22", file: "policy.tsnet", line: 1, column: 10 }]);
  const through = cellJson(judge(cell("world", "host", 49153), {}));
  assert.equal(through["targets"], [{ name: "c1", address: "10.83.28.122", port: 8080 }]);
});

test.run();
