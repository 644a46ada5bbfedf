/** Churn at several N, each in a world of its own, in turn: so their figures can be compared. */
import type { BackendName } from "../src/backend/backend.js";
import { withBench } from "../src/measure/bench.js";
import { Churn, churnSuite, joined, type Samples } from "../src/measure/churn.js";
import { ratio, type Suite } from "../src/measure/report.js";
import { base, statements } from "../src/measure/workload.js";
import { command } from "../src/measure/bench.js";
import { Limit } from "./limit.js";
import { type Bench, counts, library, TSNET } from "./suite.js";
import { inWorlds } from "./world.js";

export const churn: Bench = {
  name: "churn",
  kernel: true,
  run(context) {
    const { quick, way, progress } = context;
    const all = counts(context, quick ? [1, 10_000] : [1, 1_000, 100_000]);
    const [blocks, updates, spawns] = quick ? [2, 600, 1] : [40, 500, 3];
    // eBPF needs the host's root.
    const carriers = process.geteuid?.() === 0 ? [undefined, "ebpf"] : [undefined];
    const settings = carriers.flatMap((carrier) => all.map((count) => ({ count, carrier })));
    return inWorlds(way, settings.length, async (worlds) => {
      const missing: string[][] = [];
      const samples: Samples[][] = settings.map(() => []);
      for (const [i, world] of worlds.entries()) {
        const { count, carrier } = settings[i] as (typeof settings)[number];
        progress(`${statements(count)}${carrier === undefined ? "" : `, ${carrier}`}, warming up`);
        missing.push(await world.call(import.meta.url, "begin", count, carrier));
        // V8 optimises what has run a few thousand times.
        await world.call(import.meta.url, "block", quick ? 1_000 : 5_000, 1);
      }
      for (let block = 0; block < blocks; block++) {
        progress(`block ${block + 1} of ${blocks}`);
        for (const [i, world] of worlds.entries())
          samples[i]?.push(await world.call(import.meta.url, "block", updates, spawns));
      }
      for (const world of worlds) await world.call(import.meta.url, "end");
      const suites = settings.map(({ count, carrier }, i) =>
        besideLimit(churnSuite(count, joined(samples[i] as Samples[]), missing[i] as string[], carrier && "eBPF")),
      );
      return [
        ...suites,
        ...carriers.map((carrier, i) =>
          grown(suites.slice(i * all.length, (i + 1) * all.length), all, carrier && "eBPF"),
        ),
      ];
    });
  },
};

const LIMIT = "the same messages, encoded beforehand";

/** The commit, and not the whole call, is what the kernel's own part is of. */
function besideLimit(suite: Suite): Suite {
  const ratios = suite.ratios.filter(({ name }) => !name.includes(LIMIT));
  return { ...suite, ratios: [...ratios, ...ratio(suite.figures, "update: commit", LIMIT)] };
}

/** The greatest N beside the least. */
function grown(suites: readonly Suite[], all: readonly number[], carrier?: string): Suite {
  const [first, last] = [suites[0], suites[suites.length - 1]];
  const names = ["update: commit", "update: the whole call"];
  const ratios = names.flatMap((name) => {
    const [a, b] = [last, first].map((suite) => suite?.figures.find((figure) => figure.name === name)?.median);
    if (a === undefined || b === undefined || all.length < 2) return [];
    const [least, most] = [all[0] as number, all[all.length - 1] as number];
    return [{ name: `${name}, ${statements(most)} / ${statements(least)}`, value: a / b, limit: 1.5 }];
  });
  return { name: `churn${carrier === undefined ? "" : ` by ${carrier}`}, growth`, figures: [], ratios, missing: [] };
}

// In a world ---------------------------------------------------------------------------------------------------------

let live: Churn | undefined;
/** By nftables alone. */
let limit: Limit | undefined;
let release: () => void = () => undefined;

export function begin(count: number, backend: BackendName | null = null): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    void withBench(TSNET, async (bench) => {
      await bench.own.time(command(bench, "compile", bench.file("base.tsnet", base()), "--apply"));
      live = await Churn.begin(bench, count, backend ?? undefined, library());
      if (backend === null) limit = await Limit.begin(count);
      resolve(live.missing);
      // The bench stays until `end`.
      await new Promise<void>((done) => (release = done));
    }).catch(reject);
  });
}

export async function block(updates: number, spawns: number): Promise<Samples> {
  if (live === undefined) throw new Error("nothing has begun");
  const samples = await live.block(updates, spawns);
  return limit === undefined ? samples : { ...samples, peers: { [LIMIT]: limit.block(updates), ...samples.peers } };
}

export async function end(): Promise<void> {
  await live?.end();
  await limit?.end();
  release();
}
