/** What the project wants of its figures: each ratio at most so much. */
import { type Ratio, ratio, type Suite } from "../src/measure/report.js";
import { NODE, TSNET } from "../src/measure/cold.js";
import { CHANGED, INSERTED, SAME } from "../src/measure/unchanged.js";

/** Milliseconds of one statement that may be Node's own start. */
const START = 60;

/** Of the suite with this name: which ratio, and its limit. */
const LIMITS: readonly (readonly [RegExp, string, number])[] = [
  [/^cold apply, 100,000 statements$/, `${TSNET} / nft -f`, 0.75],
  [/^cold apply, 10,000 statements$/, `${TSNET} / nft -f`, 1.5],
  [/^nothing .* 100,000 statements$/, `${SAME} / ${TSNET}`, 0.7],
  [/^nothing .* 100,000 statements$/, `${CHANGED} / ${TSNET}`, 0.75],
  [/^nothing .* 100,000 statements$/, `${INSERTED} / ${TSNET}`, 0.75],
];

/** The suites with their limits, and with the ratios that only limits ask for. */
export function limited(suites: readonly Suite[]): Suite[] {
  return suites.map((suite) => {
    const ratios = [...suite.ratios, ...derived(suite)].map((one): Ratio => {
      const limit = LIMITS.find(([name, which]) => name.test(suite.name) && which === one.name)?.[2];
      return limit === undefined ? one : { ...one, limit };
    });
    return { ...suite, ratios };
  });
}

function derived(suite: Suite): Ratio[] {
  const { name, figures } = suite;
  const figure = (wanted: string) => figures.find((one) => one.name === wanted);
  const ratios: Ratio[] = [];
  const [own, nft] = [figure(TSNET), figure("nft -f")];
  if (name === "cold apply, 1 statement" && own !== undefined && nft !== undefined)
    ratios.push({ name: `${TSNET} / (nft -f + ${START} ms)`, value: own.median / (nft.median + START), limit: 1 });
  if (name.startsWith("cold apply")) ratios.push(...ratio(figures, TSNET, NODE));
  const [commit, call] = [figure("update: commit"), figure("update: the whole call")];
  if (commit !== undefined) ratios.push({ name: "commit, median / 10 µs", value: commit.median / 10, limit: 1 });
  if (commit?.p99 !== undefined) ratios.push({ name: "commit, p99 / 60 µs", value: commit.p99 / 60, limit: 1 });
  if (call !== undefined) ratios.push({ name: "whole call, median / 100 µs", value: call.median / 100, limit: 1 });
  return ratios;
}

/** Everything that is over its limit, a line each. */
export function overLimit(suites: readonly Suite[]): string[] {
  return suites.flatMap(({ name, ratios }) =>
    ratios.flatMap(({ name: which, value, limit }) =>
      limit !== undefined && !(value <= limit)
        ? [`${name}: ${which} is ${value.toFixed(2)}, wanted at most ${limit}`]
        : [],
    ),
  );
}
