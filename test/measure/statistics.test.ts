import { test } from "uvu";
import * as assert from "uvu/assert";
import { median, quantile, single, summarise } from "../../src/measure/statistics.js";

test("a quantile lies between its neighbours", () => {
  assert.is(quantile([1, 2, 3, 4], 0), 1);
  assert.is(quantile([1, 2, 3, 4], 1), 4);
  assert.is(quantile([1, 2, 3, 4], 0.5), 2.5);
  assert.is(quantile([10, 20], 0.25), 12.5);
  assert.is(quantile([7], 0.99), 7);
  assert.throws(() => quantile([], 0.5), /no measurements/);
});

test("the median is by size, not by text, and leaves its values as they are", () => {
  const values = [100, 9, 20];
  assert.is(median(values), 20);
  assert.equal(values, [100, 9, 20]);
});

test("a p99 needs a hundred measurements", () => {
  const few = summarise("few", "ms", [3, 1, 2]);
  assert.equal(few, { name: "few", unit: "ms", count: 3, median: 2, min: 1, max: 3 });
  const many = summarise(
    "many",
    "µs",
    Array.from({ length: 101 }, (_, i) => 100 - i),
  );
  assert.equal(many, { name: "many", unit: "µs", count: 101, median: 50, p99: 99, min: 0, max: 100 });
});

test("a number that isn't a measurement", () =>
  assert.equal(single("operations", 2), { name: "operations", unit: "", count: 1, median: 2, min: 2, max: 2 }));

test.run();
