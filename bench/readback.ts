/** Reading a live policy back from the kernel: whole, by the elements' number, and as nft lists it. */
import { command, withBench } from "../src/measure/bench.js";
import { ratio, type Suite } from "../src/measure/report.js";
import { summarise } from "../src/measure/statistics.js";
import { policy, statements, tuples } from "../src/measure/workload.js";
import { Kernel } from "../src/backend/nftables/wire/kernel.js";
import { type Bench, counts, TSNET } from "./suite.js";
import { inWorld } from "./world.js";

const TABLES = [
  { family: "inet", name: "tsnet-tsnet" },
  { family: "arp", name: "tsnet-tsnet" },
] as const;

export const readback: Bench = {
  name: "readback",
  kernel: true,
  run: (context) =>
    inWorld(context.way, async (world) => {
      const suites: Suite[] = [];
      for (const count of counts(context, context.quick ? [10_000] : [10_000, 100_000])) {
        context.progress(statements(count));
        suites.push(await world.call(import.meta.url, "readInWorld", count, context.quick ? 3 : 15));
      }
      return suites;
    }),
};

export function readInWorld(count: number, rounds: number): Promise<Suite> {
  return withBench(TSNET, async (bench) => {
    await bench.own.time(command(bench, "compile", bench.file("policy.tsnet", policy(tuples(count))), "--apply"));
    const kernel = new Kernel();
    const times: Record<"whole" | "narrow" | "nft" | "json", number[]> = { whole: [], narrow: [], nft: [], json: [] };
    const timed = (work: () => unknown): number => {
      const started = performance.now();
      work();
      return performance.now() - started;
    };
    for (let round = -1; round < rounds; round++) {
      const whole = timed(() => kernel.read(TABLES));
      const narrow = timed(() => kernel.read(TABLES, true));
      const list = ["list", "table", "inet", TABLES[0].name];
      const { ms: nft } = await bench.own.time({ command: "nft", args: list });
      const { ms: json } = await bench.own.time({ command: "nft", args: ["-j", ...list] });
      if (round < 0) continue;
      times.whole.push(whole);
      times.narrow.push(narrow);
      times.nft.push(nft);
      times.json.push(json);
    }
    kernel.close();
    const figures = [
      summarise("every element, in this process", "ms", times.whole),
      summarise("elements by their number", "ms", times.narrow),
      summarise("nft list table", "ms", times.nft),
      summarise("nft -j list table", "ms", times.json),
    ];
    const ratios = ratio(figures, "every element, in this process", "nft list table");
    return { name: `readback, ${statements(count)}`, figures, ratios, missing: [] };
  });
}
