/** What the transaction adds to an apply: lock, journal, records, history and reading back. */
import { compile } from "../src/ir/compile.js";
import type { Suite } from "../src/measure/report.js";
import { ratio } from "../src/measure/report.js";
import { summarise } from "../src/measure/statistics.js";
import { base, policy, statements, tuples } from "../src/measure/workload.js";
import { applyPolicy } from "../src/transaction/apply.js";
import { survey } from "../src/transaction/survey.js";
import { type Bench, counts } from "./suite.js";
import { inWorld } from "./world.js";

/** The whole may take so much of the bare apply. */
const LIMIT = 1.25;

export const transaction: Bench = {
  name: "transaction",
  kernel: true,
  run: (context) =>
    inWorld(context.way, async (world) => {
      const suites: Suite[] = [];
      for (const count of counts(context, context.quick ? [10_000] : [1_000, 10_000, 100_000])) {
        context.progress(statements(count));
        suites.push(await world.call(import.meta.url, "inProcess", count, context.quick ? 5 : 31));
      }
      return suites;
    }),
};

/** Both from the text, in turn, in a process that has run a while; what stood before is put back each time. */
export async function inProcess(count: number, rounds: number): Promise<Suite> {
  const text = policy(tuples(count));
  const empty = compile(base());
  const cases: readonly (readonly [string, () => Promise<void>])[] = [
    ["apply", async () => void (await applyPolicy(compile(text)))],
    ["read, plan and commit", bare],
  ];
  async function bare(): Promise<void> {
    const { rules } = await survey(compile(text));
    await rules?.commit();
  }
  const times = new Map<string, number[]>(cases.map(([name]) => [name, []]));
  for (let round = -3; round < rounds; round++)
    for (const [name, work] of cases) {
      await applyPolicy(empty);
      const started = performance.now();
      await work();
      if (round >= 0) times.get(name)?.push(performance.now() - started);
    }
  const figures = [...times].map(([name, values]) => summarise(name, "ms", values));
  const ratios = ratio(figures, "apply", "read, plan and commit").map((one) => ({ ...one, limit: LIMIT }));
  return { name: `the transaction, ${statements(count)}`, figures, ratios, missing: [] };
}
