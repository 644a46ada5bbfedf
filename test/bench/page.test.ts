import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { limited, overLimit } from "../../bench/limits.js";
import { mixed } from "../../bench/mixed.js";
import { PAGE, withFigures } from "../../bench/page.js";
import { compile } from "../../src/ir/compile.js";
import { summarise } from "../../src/measure/statistics.js";

const page = readFileSync(path.join(import.meta.dirname, "../..", PAGE), "utf8");

test("figures take the place of the former ones, and nothing else changes", () => {
  const once = withFigures(page, "FIRST");
  const twice = withFigures(once, "SECOND");
  assert.ok(once.includes("\n\nFIRST\n\n"));
  assert.not.match(twice, /FIRST/);
  assert.is(twice.replace("SECOND", "FIRST"), once);
  assert.is(once.slice(0, once.indexOf("<!-- figures")), page.slice(0, page.indexOf("<!-- figures")));
  assert.throws(() => withFigures("no place", "x"), /no place/);
});

test("the mix compiles, and has publishes", () => {
  const { failed, policy, diagnostics } = compile(mixed(300));
  assert.is(failed, false, diagnostics.find(({ severity }) => severity === "error")?.message);
  assert.is(policy.publishes.length, 3);
});

test("limits are put on their suite's ratios alone, and what is over them is named", () => {
  const figures = [summarise("tsnet compile --apply", "ms", [400]), summarise("nft -f", "ms", [100])];
  const ratios = [{ name: "tsnet compile --apply / nft -f", value: 4 }];
  const suite = (count: string) => ({ name: `cold apply, ${count}`, figures, ratios, missing: [] });
  assert.equal(limited([suite("1,000 statements")])[0]?.ratios, ratios);
  const over = limited([suite("10,000 statements"), suite("1 statement")]);
  assert.equal(over[0]?.ratios, [{ ...ratios[0], limit: 1.5 }]);
  assert.equal(over[1]?.ratios[1], { name: "tsnet compile --apply / (nft -f + 60 ms)", value: 2.5, limit: 1 });
  assert.is(overLimit(over).length, 2);
  assert.match(overLimit(over)[0] ?? "", /^cold apply, 10,000 statements: .* is 4.00, wanted at most 1.5$/);
});

test.run();
