/** Applying again: by the command, and in a process through an open handle, also with a foreign table that changes. */
import { command, withBench } from "../src/measure/bench.js";
import type { Suite } from "../src/measure/report.js";
import { type Figure, single, summarise } from "../src/measure/statistics.js";
import { edits, measureUnchanged } from "../src/measure/unchanged.js";
import { base, statements } from "../src/measure/workload.js";
import { type Bench, counts, library, runOrThrow, TSNET } from "./suite.js";
import { inWorld } from "./world.js";

export const unchanged: Bench = {
  name: "unchanged",
  kernel: true,
  run: (context) =>
    inWorld(context.way, async (world) => {
      const { quick, progress } = context;
      const suites: Suite[] = [];
      for (const count of counts(context, quick ? [10_000] : [1, 1_000, 10_000, 100_000])) {
        progress(statements(count));
        suites.push(await world.call(import.meta.url, "processes", count, quick ? 2 : 9));
      }
      for (const count of counts(context, quick ? [10_000] : [1_000, 100_000])) {
        progress(`${statements(count)}, in a process`);
        suites.push(await world.call(import.meta.url, "inProcess", count, quick ? 3 : 21));
      }
      return suites;
    }),
};

export function processes(count: number, rounds: number): Promise<Suite> {
  return withBench(TSNET, async (bench) => {
    await bench.own.time(command(bench, "compile", bench.file("base.tsnet", base()), "--apply"));
    return measureUnchanged(bench, count, rounds);
  });
}

/** `net.apply(compile(text).policy)` of an edited text: what a program that keeps a file calls. */
export async function inProcess(count: number, rounds: number): Promise<Suite> {
  const { first, changed, inserted } = edits(count);
  const { compile, open } = library();
  const net = await open();
  const times = new Map<string, { all: number[]; commit: number[]; operations: number }>();
  const apply = async (name: string, text: string): Promise<void> => {
    const started = performance.now();
    const { operations, timings } = await net.apply(compile(text).policy);
    const took = performance.now() - started;
    const kept = times.get(name) ?? { all: [], commit: [], operations: 0 };
    times.set(name, { all: [...kept.all, took], commit: [...kept.commit, timings.commit], operations });
  };
  const foreign = (verb: "add" | "delete"): void => void runOrThrow("nft", [verb, "table", "inet", "foreign"]);
  await net.apply(compile(first).policy);
  for (let round = -1; round < rounds; round++) {
    if (round === 0) times.clear();
    await apply("one line changed", changed);
    await apply("one line inserted at the top", inserted);
    foreign("add");
    await apply("one line removed, a foreign table new", changed);
    foreign("delete");
    await apply("one line changed, a foreign table gone", first);
    await apply("the same policy again", first);
  }
  await net.close();
  const figures: Figure[] = [];
  const ratios: Suite["ratios"][number][] = [];
  for (const [name, { all, commit, operations }] of times) {
    const [whole, part] = [summarise(name, "ms", all), summarise(`${name}: commit`, "ms", commit)];
    figures.push(whole, part, single(`${name}: operations`, operations));
    if (count === 100_000)
      ratios.push(
        { name: `${name} / 400 ms`, value: whole.median / 400, limit: 1 },
        { name: `${name}: commit / 1 ms`, value: part.median, limit: 1 },
      );
  }
  return { name: `net.apply of an edited text, ${statements(count)}`, figures, ratios, missing: [] };
}
