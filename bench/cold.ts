/** Cold apply at several N, and of the mix; libnftables inside a process; peak memory. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { command, withBench } from "../src/measure/bench.js";
import { measureCold, TSNET as NAME } from "../src/measure/cold.js";
import { type Case, interleave } from "../src/measure/interleave.js";
import { PEERS } from "../src/measure/peers.js";
import { ratio, type Suite } from "../src/measure/report.js";
import { type Figure, summarise } from "../src/measure/statistics.js";
import { base, policy, statements, tuples } from "../src/measure/workload.js";
import { MIX, mixed } from "./mixed.js";
import { type Bench, counts, TSNET } from "./suite.js";
import { inWorld } from "./world.js";

const LIBNFTABLES = fileURLToPath(new URL("./libnftables.mjs", import.meta.url));
const PEAK = fileURLToPath(new URL("./peak-memory.pl", import.meta.url));

export const cold: Bench = {
  name: "cold",
  kernel: true,
  run: (context) =>
    inWorld(context.way, async (world) => {
      const { quick, progress } = context;
      const suites: Suite[] = [];
      for (const count of counts(context, quick ? [1, 10_000] : [1, 1_000, 10_000, 100_000])) {
        progress(statements(count));
        const rounds = quick ? 2 : count > 10_000 ? 9 : 15;
        suites.push(await world.call(import.meta.url, "coldInWorld", count, rounds, quick ? 1 : 3));
      }
      progress("the mix");
      suites.push(await world.call(import.meta.url, "mixInWorld", quick ? 1_000 : 10_000, quick ? 2 : 15));
      return suites;
    }),
};

export function coldInWorld(count: number, rounds: number, peaks: number): Promise<Suite> {
  return withBench(TSNET, async (bench) => {
    const suite = await measureCold(bench, count, rounds);
    const all = tuples(count);
    const hand = bench.file("hand.nft", PEERS[0]?.text(all) ?? "");
    const figures: Figure[] = [...suite.figures];
    const missing = [...suite.missing];
    try {
      const times = Array.from({ length: rounds }, () => libnftables(hand));
      figures.push(
        summarise(
          "libnftables in a process, the call alone",
          "ms",
          times.map(({ ms }) => ms),
        ),
      );
    } catch (error) {
      missing.push(`libnftables in a process: ${(error as Error).message.split("\n")[0]}`);
    }
    // Each tool's peak of memory, from processes that aren't timed.
    const path = bench.file("policy.tsnet", policy(all));
    const works: [string, readonly string[]][] = [[NAME, [...TSNET, "compile", path, "--apply"]]];
    if (count > 1) works.push(["nft -f", ["nft", "-f", hand]]);
    for (const [name, words] of works) {
      const values: number[] = [];
      for (let i = 0; i < peaks; i++) {
        await bench.own.time(command(bench, "compile", bench.file("base.tsnet", base()), "--apply"));
        values.push(
          Number(
            execFileSync("perl", [PEAK, ...words], { encoding: "utf8" })
              .trim()
              .split("\n")
              .pop(),
          ) / 1024,
        );
        if (name === "nft -f") execFileSync("nft", ["delete", "table", "inet", "hand"]);
      }
      figures.push(summarise(`${name}, peak memory`, "MB", values));
    }
    return { ...suite, figures, missing };
  });
}

/** Loads a file as libnftables' users do, in a network namespace of its own. */
function libnftables(path: string): { ms: number } {
  if (!existsSync(LIBNFTABLES)) throw new Error("its program is missing");
  const options = { encoding: "utf8" as const, stdio: "pipe" as const };
  return JSON.parse(execFileSync("unshare", ["--net", process.execPath, LIBNFTABLES, path], options)) as { ms: number };
}

export function mixInWorld(count: number, rounds: number): Promise<Suite> {
  return withBench(TSNET, async (bench) => {
    const text = mixed(count);
    const none = mixed(0);
    const [path, without] = [bench.file("mix.tsnet", text), bench.file("none.tsnet", none)];
    const reset = command(bench, "compile", without, "--apply");
    const clearing = async (): Promise<void> => void (await bench.own.time(reset));
    const cases: Case[] = [
      { name: NAME, work: command(bench, "compile", path, "--apply"), stopwatch: bench.own, before: clearing },
    ];
    const loads = "nft -f of what tsnet compiles it to";
    const { stdout } = await bench.own.time(command(bench, "compile", path, "--format", "text"));
    const flush = { command: "nft", args: ["flush", "ruleset"] };
    cases.push({
      name: loads,
      work: { command: "nft", args: ["-f", bench.file("mix.nft", stdout)] },
      stopwatch: bench.others,
      before: async () => void (await bench.others.time(flush)),
      optional: true,
    });
    const { figures, missing } = await interleave(cases, rounds);
    const name = `cold apply, the mix of ${count.toLocaleString("en")}`;
    return { name, note: MIX, figures, ratios: ratio(figures, NAME, loads), missing };
  });
}
