/** How often a second a warm process parses, compiles, plans and encodes 1,000 statements. */
import benny from "benny";
import { parse } from "../grammar/parser.js";
import { plan } from "../src/backend/nftables/plan.js";
import { desiredState } from "../src/backend/nftables/wire/state.js";
import { compile } from "../src/ir/compile.js";
import type { Suite } from "../src/measure/report.js";
import { policy, tuples } from "../src/measure/workload.js";
import { Diagnostics } from "../src/text/diagnostic.js";
import { SourceFile } from "../src/text/source.js";
import { mixed } from "./mixed.js";
import type { Bench } from "./suite.js";

export const throughput: Bench = {
  name: "throughput",
  kernel: false,
  async run({ quick }): Promise<Suite[]> {
    const texts = { "one shape": policy(tuples(1_000)), mixed: mixed(1_000) };
    const options = { minSamples: quick ? 5 : 30, maxTime: quick ? 0.1 : 2 };
    const cases = Object.entries(texts).flatMap(([shape, text]) => {
      const compiled = compile(text).policy;
      const planned = plan(compiled);
      return [
        benny.add(
          `parse, ${shape}`,
          () => void parse(new SourceFile("policy.tsnet", text), new Diagnostics()),
          options,
        ),
        benny.add(`parse and lower, ${shape}`, () => void compile(text), options),
        benny.add(`plan, ${shape}`, () => void plan(compiled), options),
        benny.add(`encode, ${shape}`, () => void desiredState(planned, () => undefined), options),
      ];
    });
    const { results } = await benny.suite("throughput", ...cases);
    const figures = results.map(({ name, ops, samples, details }) => ({
      name,
      unit: "per second" as const,
      count: samples,
      median: details.median > 0 ? 1 / details.median : ops,
      min: 1 / details.max,
      max: 1 / details.min,
    }));
    return [{ name: "throughput, 1,000 statements, warm", figures, ratios: [], missing: [] }];
  },
};
