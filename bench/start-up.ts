/** Start-up: `tsnet check` of the one-line policy beside an empty Node. */
import { interleave } from "../src/measure/interleave.js";
import { ratio } from "../src/measure/report.js";
import { Stopwatch } from "../src/system/stopwatch.js";
import { type Bench, TSNET } from "./suite.js";

export const startUp: Bench = {
  name: "start-up",
  kernel: false,
  async run({ quick }) {
    const stopwatch = new Stopwatch();
    const [command, ...words] = TSNET as [string, ...string[]];
    const cases = [
      { name: "tsnet check", work: { command, args: [...words, "check", "policies/01-one-line.tsnet"] }, stopwatch },
      { name: "node -e 0", work: { command, args: ["-e", "0"] }, stopwatch },
    ];
    const { figures, missing } = await interleave(cases, quick ? 7 : 40);
    await stopwatch.end();
    const ratios = ratio(figures, "tsnet check", "node -e 0").map((one) => ({ ...one, limit: 1.5 }));
    return [{ name: "start-up, the one-line policy", figures, ratios, missing }];
  },
};
