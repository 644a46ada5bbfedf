/** Cold apply: a whole process from the text to the commit, where ten containers are up and no statement is. */
import { type Bench, command } from "./bench.js";
import { type Case, interleave } from "./interleave.js";
import { PEERS } from "./peers.js";
import { ratio, type Suite } from "./report.js";
import { base, policy, statements, tuples } from "./workload.js";

export const TSNET = "tsnet compile --apply";
export const NODE = "node -e 0";

/** `rounds` times each, in turn. Leaves the ten containers up; tsnet's policy must be theirs. */
export async function measureCold(bench: Bench, count: number, rounds: number): Promise<Suite> {
  const all = tuples(count);
  const without = bench.file("base.tsnet", base());
  const path = bench.file("policy.tsnet", policy(all));
  const apply = command(bench, "compile", path, "--apply");
  const reset = command(bench, "compile", without, "--apply");
  const clearing = async (): Promise<void> => void (await bench.own.time(reset));
  const cases: Case[] = [
    { name: TSNET, work: apply, stopwatch: bench.own, before: clearing },
    ...PEERS.map(({ name, text, load, clear }): Case => {
      const work = load(bench.file(`${name.replace(/\W+/g, "-")}.txt`, text(all)));
      const before = (): Promise<void> =>
        bench.others.time(clear).then(
          () => undefined,
          () => undefined,
        );
      return { name, work, stopwatch: bench.others, before, optional: true };
    }),
    { name: NODE, work: { command: process.execPath, args: ["-e", "0"] }, stopwatch: bench.own },
  ];
  const { figures, missing } = await interleave(cases, rounds);
  await clearing();
  // What a peer has left would be in the way of the next one's edits.
  for (const { clear } of PEERS) await bench.others.time(clear).catch(() => undefined);
  const ratios = PEERS.flatMap(({ name }) => ratio(figures, TSNET, name));
  return { name: `cold apply, ${statements(count)}`, figures, ratios, missing };
}
