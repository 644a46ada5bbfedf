import { test } from "uvu";
import * as assert from "uvu/assert";
import { digits, ratio, type Suite, toMarkdown, toTable } from "../../src/measure/report.js";
import { single, summarise } from "../../src/measure/statistics.js";

const SUITE: Suite = {
  name: "cold apply, 10 statements",
  note: "A note.",
  figures: [summarise("tsnet", "ms", [10, 12, 20]), summarise("nft | pipe", "ms", [4]), single("operations", 12_345)],
  ratios: [
    { name: "tsnet / nft", value: 3, limit: 1.5 },
    { name: "small", value: 0.0123 },
  ],
  missing: ["ferm: ferm is not installed"],
};

test("three digits that matter", () => {
  const shown = [0.01234, 1.234, 12.34, 123.4, 1234.5, 1_234_567, 7, 0].map(digits);
  assert.equal(shown, ["0.012", "1.23", "12.3", "123", "1,235", "1,234,567", "7", "0"]);
});

test("the table: columns line up, an empty one is left out, and nothing is hidden", () => {
  assert.is(
    toTable([SUITE]),
    [
      "cold apply, 10 statements",
      "  A note.",
      "              median  min  max",
      "  tsnet           12   10   20  ms",
      "  nft | pipe       4            ms",
      "  operations  12,345",
      "  tsnet / nft: 3.00 (wanted: at most 1.5)",
      "  small: 0.012",
      "  not measured: ferm: ferm is not installed",
    ].join("\n"),
  );
});

test("Markdown has the same, and a name can't end a cell", () => {
  const text = toMarkdown([SUITE]);
  assert.ok(text.startsWith("### cold apply, 10 statements\n\nA note.\n\n| what |"));
  assert.ok(text.includes("| tsnet | 12 |  | 10 | 20 | ms |"));
  assert.ok(text.includes("| nft \\| pipe | 4 |"));
  assert.ok(text.endsWith("- not measured: ferm: ferm is not installed"));
});

test("a ratio is of medians, and none where one is missing", () => {
  assert.equal(ratio(SUITE.figures, "tsnet", "nft | pipe"), [{ name: "tsnet / nft | pipe", value: 3 }]);
  assert.equal(ratio(SUITE.figures, "tsnet", "ferm"), []);
});

test.run();
