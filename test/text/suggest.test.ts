import { suite } from "uvu";
import * as assert from "uvu/assert";
import { editDistance, suggest } from "../../src/text/suggest.js";

const test = suite("did you mean");

test("counts insertions, deletions, replacements and swaps", () => {
  const cases: [string, string, number][] = [
    ["", "", 0],
    ["a", "", 1],
    ["", "abc", 3],
    ["alow", "allow", 1],
    ["publsh", "publish", 1],
    ["dney", "deny", 1],
    ["kitten", "sitting", 3],
  ];
  for (const [a, b, distance] of cases) {
    assert.is(editDistance(a, b), distance, `${a} ${b}`);
    assert.is(editDistance(b, a), distance, `${b} ${a}`);
  }
  assert.is(editDistance("abcdef", "uvwxyz", 2), 3);
});

test("suggests the nearest word, and of equals the first in the alphabet", () => {
  assert.is(suggest("alow", ["deny", "allow"]), "allow");
  assert.is(suggest("ALLOW", ["allow"]), "allow");
  assert.is(suggest("c3", ["c2", "c1"]), "c1");
  assert.is(suggest("c3", ["c1", "c2"]), "c1");
  assert.is(suggest("zebra", ["allow", "deny"]), undefined);
  assert.is(suggest("x", []), undefined);
  assert.is(suggest("web", ["web"]), undefined);
});

test.run();
