import { test } from "uvu";
import * as assert from "uvu/assert";
import { growth } from "../../src/measure/growth.js";
import { plot } from "../../src/measure/plot.js";
import { summarise } from "../../src/measure/statistics.js";

const panel = (points: [number, number][], name = "tsnet") => ({
  title: "Cold apply",
  x: "statements",
  y: "milliseconds",
  series: [{ name, points }],
});

/** Pairs of the first line that is drawn. */
function line(svg: string): number[][] {
  const [, pairs] = /<polyline points="([^"]*)"/.exec(svg) ?? [];
  return (pairs ?? "").split(" ").map((pair) => pair.split(",").map(Number));
}

test("both axes are logarithmic: ten times as much is the same step anywhere", () => {
  const at = line(
    plot(
      [
        panel([
          [1, 10],
          [10, 100],
          [100, 1_000],
        ]),
      ],
      "",
    ),
  );
  assert.is(at.length, 3);
  const [a, b, c] = at as [number[], number[], number[]];
  for (const axis of [0, 1]) {
    const [first, second] = [(b[axis] ?? 0) - (a[axis] ?? 0), (c[axis] ?? 0) - (b[axis] ?? 0)];
    assert.ok(Math.abs(first - second) <= 0.2, `${first} ${second}`);
    assert.ok(axis === 0 ? first > 0 : first < 0);
  }
});

test("one point is drawn too, and a label of each power of ten", () => {
  const svg = plot([panel([[10, 0.05]])], "");
  assert.match(svg, /<circle/);
  for (const label of ["10", "100", "0.01", "0.1"]) assert.ok(svg.includes(`>${label}</text>`), label);
  assert.not.match(svg, /NaN|Infinity|undefined/);
});

test("names become text, never markup", () => {
  const svg = plot([panel([[1, 1]], 'a <b> & "c"')], "<script>");
  assert.ok(svg.includes("a &#60;b&#62; &#38; &#34;c&#34;"));
  assert.not.match(svg, /<script>|<b>/);
});

test("a panel without points is left out", () => {
  const svg = plot([panel([]), panel([[1, 1]])], "");
  assert.is(svg.match(/<g /g)?.length, 1);
});

test("growth draws each figure over the statements of its suites, in order", () => {
  const suite = (count: string, ms: number) => ({
    name: `cold apply, ${count}`,
    figures: [summarise("tsnet", "ms", [ms]), summarise("peak", "MB", [7])],
    ratios: [],
    missing: [],
  });
  const svg = growth([suite("10,000 statements", 30), suite("1 statement", 3)], "here");
  assert.is(line(svg).length, 2);
  const [first, second] = line(svg) as [number[], number[]];
  assert.ok((first[0] ?? 0) < (second[0] ?? 0));
  assert.not.match(svg, />peak</);
  assert.match(svg, />here</);
});

test.run();
