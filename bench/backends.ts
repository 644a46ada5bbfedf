/**
 * The backends beside each other: what a packet costs through each and without any rules, and how long a policy takes to
 * become live by nftables and by eBPF.
 */
import type { BackendName } from "../src/backend/backend.js";
import { command, withBench } from "../src/measure/bench.js";
import { type Case, interleave } from "../src/measure/interleave.js";
import { ratio, type Suite } from "../src/measure/report.js";
import { median, summarise } from "../src/measure/statistics.js";
import { addressOf, base, policy, statements, tuples } from "../src/measure/workload.js";
import { PORT } from "./groups.js";
import type { Block, Setting } from "./packets.js";
import { type Bench, counts, TSNET } from "./suite.js";
import { inWorld, inWorlds } from "./world.js";

const PACKETS = new URL("./packets.ts", import.meta.url).href;

const BACKENDS = ["nft", "ebpf", "iptables"] as const;
const LABELS: Readonly<Record<BackendName, string>> = { nft: "nftables", ebpf: "eBPF", iptables: "iptables" };

/** Of N statements and the way that the packets take, which only the last look-ups allow. */
function setting(backend: BackendName, count: number): Setting {
  const text =
    policy(tuples(count)).replace("subnet 10.199.0.0/24", "subnet 10.199.0.0/24; icc off") +
    `allow c0 -> c1:{${PORT}, ${PORT}/udp}\n`;
  const name = `${LABELS[backend]}, ${statements(count)}`;
  return { name, text, from: "c0", to: "c1", address: addressOf(1), backend };
}

/** The same containers without a rule. */
const BARE: Setting = { ...setting("nft", 1), name: "no rules", bare: true };

export const backends: Bench = {
  name: "backends",
  kernel: true,
  async run(context) {
    const { quick, way, progress } = context;
    const sizes = counts(context, quick ? [1_000] : [10, 10_000]);
    const all = [BARE, ...BACKENDS.flatMap((name) => sizes.map((size) => setting(name, size)))];
    const [blocks, connections, trips] = quick ? [3, 300, 1_000] : [60, 1_500, 3_000];
    const seen = all.map((): Block[] => []);
    await inWorlds(way, all.length, async (worlds) => {
      for (const [i, world] of worlds.entries()) {
        progress(`${all[i]?.name}, applying`);
        await world.call(PACKETS, "begin", all[i]);
      }
      for (let block = -1; block < blocks; block++) {
        progress(`block ${block + 1} of ${blocks}`);
        for (const [i, world] of worlds.entries()) {
          const one = await world.call<Block>(PACKETS, "block", all[i], connections, trips);
          if (block >= 0) seen[i]?.push(one);
        }
      }
      for (const world of worlds) await world.call(PACKETS, "end");
    });
    progress("cold apply");
    const cold = await inWorld(way, (world) =>
      world.call<Suite>(import.meta.url, "coldInWorld", sizes.at(-1), quick ? 2 : 15),
    );
    return [packetPath(all, seen, sizes), cold];
  },
};

function packetPath(all: readonly Setting[], seen: readonly (readonly Block[])[], sizes: readonly number[]): Suite {
  // Both as the time of one, so that all ratios are read the same way.
  const connections = all.map(({ name }, i) =>
    summarise(
      `a TCP connection, ${name}`,
      "µs",
      (seen[i] ?? []).map(({ rate }) => 1e6 / rate),
    ),
  );
  const trips = all.map(({ name }, i) =>
    summarise(
      `a UDP round trip, ${name}`,
      "µs",
      (seen[i] ?? []).map(({ trip }) => trip),
    ),
  );
  const names = sizes.map(statements);
  const [least, most] = [names[0] as string, names.at(-1) as string];
  const ratios = (
    [
      ["TCP", ({ rate }: Block) => 1 / rate],
      ["UDP", ({ trip }: Block) => trip],
    ] as const
  ).flatMap(([protocol, cost]) => {
    const blocks = (name: string): readonly Block[] => seen[all.findIndex((one) => one.name === name)] ?? [];
    /** Of blocks of the same turn, so that a machine that drifts hits both. */
    const over = (name: string, other: string): number => {
      const others = blocks(other);
      return median(blocks(name).map((block, i) => cost(block) / cost(others[i] as Block)));
    };
    return [
      ...(most === least ? [] : BACKENDS).map((backend) => ({
        name: `${protocol}, ${LABELS[backend]}, ${most} / ${least}`,
        value: over(`${LABELS[backend]}, ${most}`, `${LABELS[backend]}, ${least}`),
        limit: backend === "iptables" ? 1.5 : 1.1,
      })),
      ...names.map((size) => ({
        name: `${protocol}, eBPF / nftables, ${size}`,
        value: over(`eBPF, ${size}`, `nftables, ${size}`),
        limit: 1,
      })),
      ...BACKENDS.map((backend) => ({
        name: `${protocol}, ${LABELS[backend]}, ${most} / no rules`,
        value: over(`${LABELS[backend]}, ${most}`, BARE.name),
      })),
    ];
  });
  const note =
    "Each measurement is a block of thousands; each world's blocks come in turn. Ratios are medians of those of a turn.";
  return { name: "packet path by backend", note, figures: [...connections, ...trips], ratios, missing: [] };
}

/** A whole process from the text to the commit by each, where the containers are up and the same backend carries them. */
export function coldInWorld(count: number, rounds: number): Promise<Suite> {
  return withBench(TSNET, async (bench) => {
    const path = bench.file("policy.tsnet", policy(tuples(count)));
    const without = bench.file("base.tsnet", base());
    const name = (backend: BackendName): string => `tsnet compile --apply --backend ${backend}`;
    const cases = (["nft", "ebpf"] as const).map((backend): Case => {
      const apply = (file: string) => command(bench, "compile", file, "--apply", "--backend", backend);
      const before = async (): Promise<void> => {
        // What carries the policy isn't switched in what is timed.
        await bench.own.time(apply(without));
        await bench.own.time(apply(without));
      };
      return { name: name(backend), work: apply(path), stopwatch: bench.own, before };
    });
    const { figures, missing } = await interleave(cases, rounds);
    const ratios = ratio(figures, name("ebpf"), name("nft")).map((one) => ({ ...one, limit: 1 }));
    return { name: `cold apply by backend, ${statements(count)}`, figures, ratios, missing };
  });
}
