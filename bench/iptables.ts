/**
 * iptables: connections through policies of several sizes, each in a world of its own, in turn; and loading one, the
 * rules alone and by a whole cold apply, beside a bare iptables-restore of rules written by hand, by the variant that
 * this host has for its usual one.
 */
import { writeFileSync } from "node:fs";
import { command, withBench } from "../src/measure/bench.js";
import { interleave } from "../src/measure/interleave.js";
import type { Suite } from "../src/measure/report.js";
import { type Figure, summarise } from "../src/measure/statistics.js";
import { addressOf, base, policy, statements, type Tuple, tuples } from "../src/measure/workload.js";
import { PORT } from "./groups.js";
import type { Setting } from "./packets.js";
import { type Bench, counts, runOrThrow, TSNET } from "./suite.js";
import { inWorld, inWorlds } from "./world.js";

const PACKETS = new URL("./packets.ts", import.meta.url).href;

/** Another policy's container is the world's to this one, so its packets go through the tree of all the statements. */
const BESIDE = "policy beside\nnetwork m { subnet 10.198.0.0/24 }\ncontainer x { network m ip 10.198.0.2 }\n";

function setting(count: number): Setting {
  const text = `${policy(tuples(count))}allow 10.198.0.2 -> c1:{${PORT}, ${PORT}/udp}\n`;
  return {
    name: statements(count),
    text,
    beside: BESIDE,
    from: "../beside/x",
    to: "c1",
    address: addressOf(1),
    backend: "iptables",
  };
}

export const iptables: Bench = {
  name: "iptables",
  kernel: true,
  async run(context) {
    const { quick, way, progress } = context;
    const all = counts(context, quick ? [10, 1_000] : [10, 1_000, 10_000]).map(setting);
    const [blocks, connections] = quick ? [3, 300] : [25, 2_000];
    const seen = all.map((): number[] => []);
    await inWorlds(way, all.length, async (worlds) => {
      for (const [i, world] of worlds.entries()) await world.call(PACKETS, "begin", all[i]);
      for (let block = -1; block < blocks; block++) {
        progress(`block ${block + 1} of ${blocks}`);
        for (const [i, world] of worlds.entries()) {
          const { rate } = await world.call<{ rate: number }>(PACKETS, "block", all[i], connections, 100);
          if (block >= 0) seen[i]?.push(rate);
        }
      }
      for (const world of worlds) await world.call(PACKETS, "end");
    });
    progress("loading");
    const loading = await inWorld(way, (world) =>
      world.call<Suite>(import.meta.url, "loadInWorld", Math.min(context.most, quick ? 1_000 : 10_000), quick ? 2 : 9),
    );
    const colds: Suite[] = [];
    for (const count of counts(context, quick ? [1_000] : [10_000, 100_000])) {
      progress(`cold apply, ${statements(count)}`);
      const rounds = quick ? 2 : count > 10_000 ? 9 : 15;
      colds.push(await inWorld(way, (world) => world.call<Suite>(import.meta.url, "coldInWorld", count, rounds)));
    }
    const figures = seen.map((rates, i) => summarise(`TCP connections, ${all[i]?.name}`, "per second", rates));
    const [first, last] = [figures[0] as Figure, figures.at(-1) as Figure];
    const name = `TCP, ${all.at(-1)?.name} / ${all[0]?.name}`;
    const note = "Time, so less is better.";
    const ratios = [{ name, value: first.median / last.median, limit: 1.5 }];
    return [{ name: "packet path, iptables", note, figures, ratios, missing: [] }, loading, ...colds];
  },
};

const byHand = ({ source, container, port }: Tuple): string =>
  `-A BENCH -s ${source}/32 -d ${addressOf(container)}/32 -p tcp -m tcp --dport ${port} -j ACCEPT\n`;

function handText(all: readonly Tuple[]): string {
  return `*filter\n:BENCH - [0:0]\n${all.map(byHand).join("")}COMMIT\n`;
}

/** The rules alone, by the same tool: what tsnet prints, and what a person would write. */
export function loadInWorld(count: number, rounds: number): Suite {
  const all = tuples(count);
  const [file, hand, own] = ["/run/bench.tsnet", "/run/bench.hand", "/run/bench.own"] as const;
  writeFileSync(file, policy(all));
  writeFileSync(hand, handText(all));
  writeFileSync(own, runOrThrow(TSNET[0] as string, [...TSNET.slice(1), "compile", file, "--backend", "iptables"]));
  const load = (from: string): number => {
    const started = performance.now();
    runOrThrow("unshare", ["--net", "--", "iptables-restore", from]);
    return performance.now() - started;
  };
  const times = { hand: [] as number[], own: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    times.hand.push(load(hand));
    times.own.push(load(own));
  }
  const figures = [
    summarise("iptables-restore of rules written by hand", "ms", times.hand),
    summarise("iptables-restore of what tsnet prints", "ms", times.own),
  ];
  const value = (figures[1] as Figure).median / (figures[0] as Figure).median;
  const ratios = [{ name: "tsnet's / by hand", value, limit: 2 }];
  return {
    name: `loading ${statements(count)}, iptables`,
    note: "Each in a namespace of its own.",
    figures,
    ratios,
    missing: [],
  };
}

/** A whole process from the text to the commit, where ten containers are up and no statement is. */
export function coldInWorld(count: number, rounds: number): Promise<Suite> {
  return withBench(TSNET, async (bench) => {
    const all = tuples(count);
    const carried = ["--apply", "--backend", "iptables"] as const;
    const apply = command(bench, "compile", bench.file("policy.tsnet", policy(all)), ...carried);
    const reset = command(bench, "compile", bench.file("base.tsnet", base()), ...carried);
    const [name, hand] = ["tsnet compile --apply --backend iptables", "iptables-restore of rules written by hand"];
    const { figures, missing } = await interleave(
      [
        { name, work: apply, stopwatch: bench.own, before: async () => void (await bench.own.time(reset)) },
        {
          name: hand,
          work: { command: "iptables-restore", args: [bench.file("hand.rules", handText(all))] },
          stopwatch: bench.others,
          before: async () => void (await bench.others.time({ command: "iptables", args: ["-F"] })),
        },
      ],
      rounds,
    );
    await bench.own.time(reset);
    const value = (figures[0] as Figure).median / (figures[1] as Figure).median;
    return {
      name: `cold apply, ${statements(count)}, iptables`,
      note: "The rules written by hand are one chain, without comments.",
      figures,
      ratios: [
        { name: "tsnet compile --apply / iptables-restore by hand", value, ...(count === 10_000 ? { limit: 2 } : {}) },
      ],
      missing,
    };
  });
}
