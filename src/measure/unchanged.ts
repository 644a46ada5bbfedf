/** Applying again: the same policy, one with a line changed, one with a line more at its top, and going back. */
import { type Bench, command } from "./bench.js";
import { TSNET } from "./cold.js";
import { type Case, interleave } from "./interleave.js";
import { PEERS } from "./peers.js";
import { ratio, type Suite } from "./report.js";
import { single } from "./statistics.js";
import { another, base, policy, statement, statements, tuples } from "./workload.js";

export const SAME = "the same policy again";
export const CHANGED = "one line changed";
export const INSERTED = "one line inserted at the top";

/** The policy of N statements, and what becomes of it. */
export function edits(count: number): { first: string; changed: string; inserted: string } {
  const all = tuples(count);
  const first = policy(all);
  all[count >> 1] = another(1);
  const changed = policy(all);
  return { first, changed, inserted: `${statement(another(2))}\n${changed}` };
}

/** Processes of the command, in the order of the table: each finds what the one before has left. Leaves the base. */
export async function measureUnchanged(bench: Bench, count: number, rounds: number): Promise<Suite> {
  const { first, changed, inserted } = edits(count);
  const operations = new Map<string, number>();
  const reset = command(bench, "compile", bench.file("base.tsnet", base()), "--apply");
  const clearing = async (): Promise<void> => void (await bench.own.time(reset));
  // One file that is edited: under another name it would be another policy file.
  const path = "policy.tsnet";
  const work = command(bench, "compile", bench.file(path, first), "--apply", "--json");
  const apply = (name: string, text: string, prepare?: () => Promise<void>): Case => ({
    name,
    work,
    before: async () => {
      await prepare?.();
      bench.file(path, text);
    },
    stopwatch: bench.own,
    said: (stdout) => operations.set(name, (JSON.parse(stdout) as { operations: number }).operations),
  });
  const nft = PEERS[0] as (typeof PEERS)[number];
  const cases: Case[] = [
    apply(TSNET, first, clearing),
    apply(SAME, first),
    apply(CHANGED, changed),
    apply(INSERTED, inserted),
    { name: "tsnet rollback", work: command(bench, "rollback", "--json"), stopwatch: bench.own },
    {
      name: nft.name,
      work: nft.load(bench.file("hand.nft", nft.text(tuples(count)))),
      stopwatch: bench.others,
      before: () =>
        bench.others
          .time(nft.clear)
          .then(undefined, () => undefined)
          .then(() => undefined),
      optional: true,
    },
  ];
  const { figures, missing } = await interleave(cases, rounds);
  await bench.others.time(nft.clear).catch(() => undefined);
  await clearing();
  const sent = [SAME, CHANGED, INSERTED].map((name) =>
    single(`operations, ${name}`, operations.get(name) ?? Number.NaN),
  );
  return {
    name: `nothing or little changed, ${statements(count)}`,
    figures: [...figures, ...sent],
    ratios: [
      ...ratio(figures, SAME, TSNET),
      ...ratio(figures, CHANGED, TSNET),
      ...ratio(figures, INSERTED, TSNET),
      ...ratio(figures, SAME, nft.name),
    ],
    missing,
  };
}
