/** Text to the kernel's bytes, each run in a process of its own: what a user waits for is always the first run. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Suite } from "../src/measure/report.js";
import { summarise } from "../src/measure/statistics.js";
import { policy, statements, tuples } from "../src/measure/workload.js";
import { MIX, mixed } from "./mixed.js";
import { bundleScript, type Bench, type Context, counts, runOrThrow } from "./suite.js";

const SCRIPT = `
import { readFileSync } from "node:fs";
import { compile, compileFiles } from ${JSON.stringify(resolve("src/ir/compile.ts"))};
import { SourceFile } from ${JSON.stringify(resolve("src/text/source.ts"))};
import { plan } from ${JSON.stringify(resolve("src/backend/nftables/plan.ts"))};
import { desiredState } from ${JSON.stringify(resolve("src/backend/nftables/wire/state.ts"))};
const text = readFileSync(process.argv[2], "utf8");
const a = performance.now();
const { policy, timings, failed } = compile(text);
if (failed) throw new Error("the workload doesn't compile");
const b = performance.now();
const ruleset = plan(policy);
const c = performance.now();
const memory = process.resourceUsage().maxRSS / 1024;
desiredState(ruleset, () => undefined);
const d = performance.now();
if (process.argv[3] === "full") compileFiles([new SourceFile("p", text)], () => "", { full: true });
const full = performance.now() - d;
console.log(JSON.stringify({ parse: timings.parse, lower: b - a - timings.parse, plan: c - b, all: c - a, encode: d - c, full, memory }));
`;

const PARTS = {
  parse: "parse",
  lower: "lower and check",
  plan: "plan",
  all: "text to plan",
  encode: "encode",
  full: "compiled with every warning and note, as by check",
} as const;

/** Where more are compiled, nobody waits for every note of them. */
const FULL = 100_000;

function inProcesses(name: string, text: string, rounds: number, options: { full: boolean; note?: string }): Suite {
  const directory = mkdtempSync(join(tmpdir(), "tsnet-bench-"));
  try {
    const [entry, bundle, file] = ["front-end.ts", "front-end.cjs", "policy.tsnet"].map((one) =>
      join(directory, one),
    ) as [string, string, string];
    writeFileSync(entry, SCRIPT);
    writeFileSync(file, text);
    bundleScript(entry, bundle);
    const runs = Array.from(
      { length: rounds },
      () =>
        JSON.parse(runOrThrow(process.execPath, [bundle, file, options.full ? "full" : ""])) as Record<
          keyof typeof PARTS | "memory",
          number
        >,
    );
    const of = (part: keyof typeof PARTS | "memory"): number[] => runs.map((run) => run[part]);
    const figures = Object.entries(PARTS)
      .filter(([part]) => part !== "full" || options.full)
      .map(([part, what]) => summarise(what, "ms", of(part as keyof typeof PARTS)));
    figures.push(summarise("peak memory up to the plan", "MB", of("memory")));
    const { note } = options;
    return { name, ...(note === undefined ? {} : { note }), figures, ratios: [], missing: [] };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export const frontEnd: Bench = {
  name: "front-end",
  kernel: false,
  async run(context: Context) {
    const { quick, progress } = context;
    const all = quick ? [1_000, 10_000] : [1_000, 10_000, 100_000, 1_000_000];
    const suites = counts(context, all).map((count) => {
      progress(statements(count));
      const suite = inProcesses(
        `front end, ${statements(count)}`,
        policy(tuples(count)),
        quick ? 2 : count > 100_000 ? 3 : 7,
        { full: count <= FULL },
      );
      return count === 100_000 ? wanted(suite) : suite;
    });
    progress("mixed");
    suites.push(inProcesses("front end, the mix of 10,000", mixed(10_000), quick ? 2 : 7, { full: true, note: MIX }));
    return Promise.resolve([...suites, ...growth(suites)]);
  },
};

/** 350 ms and 350 MB for 100,000 statements. */
function wanted(suite: Suite): Suite {
  const median = (name: string): number => suite.figures.find((figure) => figure.name === name)?.median ?? Number.NaN;
  const ratios = [
    { name: "text to plan / 350 ms", value: median("text to plan") / 350, limit: 1 },
    { name: "memory / 350 MB", value: median("peak memory up to the plan") / 350, limit: 1 },
  ];
  return { ...suite, ratios };
}

/** Time per statement at the greatest N, beside a tenth of it: 1 is linear. */
function growth(suites: readonly Suite[]): Suite[] {
  const at = suites.flatMap(({ name, figures }) => {
    const count = /, ([\d,]+) statements$/.exec(name)?.[1]?.replaceAll(",", "");
    const figure = figures.find((one) => one.name === "text to plan");
    return count === undefined || figure === undefined ? [] : [{ count: Number(count), median: figure.median }];
  });
  const ratios = at.slice(1).map(({ count, median }, i) => {
    const less = at[i] as (typeof at)[number];
    const name = `time per statement, ${count.toLocaleString("en")} / ${less.count.toLocaleString("en")}`;
    return { name, value: median / count / (less.median / less.count) };
  });
  return [{ name: "front end, growth", figures: [], ratios, missing: [] }];
}
