/** Published ports: a range of 10,000 beside a single one, and 1,000 single ones beside a DNAT map by hand. */
import { compile } from "../src/ir/compile.js";
import { type Bench as Throwaway, command, withBench } from "../src/measure/bench.js";
import { NODE } from "../src/measure/cold.js";
import { type Case, interleave } from "../src/measure/interleave.js";
import { ratio, type Suite } from "../src/measure/report.js";
import { single, summarise } from "../src/measure/statistics.js";
import { addressOf, base, CONTAINERS } from "../src/measure/workload.js";
import { open } from "../src/transaction/open.js";
import { type Bench, TSNET } from "./suite.js";
import { inWorld } from "./world.js";

const COUNT = 1_000;

export const publish: Bench = {
  name: "publish",
  kernel: true,
  run: ({ quick, way }) =>
    inWorld(way, async (world) => [
      await world.call(import.meta.url, "inHost", quick ? 2 : 15),
      await world.call(import.meta.url, "inProcess", quick ? 3 : 41),
    ]),
};

const containerOf = (i: number): number => i % CONTAINERS;

/** What someone writes who knows nft: one map, for packets from outside and from the host. No hairpin, no checks. */
function byHand(): string {
  const elements = Array.from(
    { length: COUNT },
    (_, i) => `tcp . ${20_000 + i} : ${addressOf(containerOf(i))} . ${1_000 + i}`,
  );
  return `table inet hand {
  map m {
    type inet_proto . inet_service : ipv4_addr . inet_service
    size ${2 * COUNT}
    elements = { ${elements.join(",\n")} }
  }
  chain in {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local dnat ip to meta l4proto . th dport map @m
  }
  chain here {
    type nat hook output priority -100; policy accept;
    fib daddr type local dnat ip to meta l4proto . th dport map @m
  }
}
`;
}

const HAND = "nft -f, DNAT map of 1,000";

function handMade(bench: Throwaway): Case {
  const clear = { command: "nft", args: ["delete", "table", "inet", "hand"] };
  return {
    name: HAND,
    work: { command: "nft", args: ["-f", bench.file("hand.nft", byHand())] },
    stopwatch: bench.others,
    before: () =>
      bench.others.time(clear).then(
        () => undefined,
        () => undefined,
      ),
    optional: true,
  };
}

/** Statements that publish a port each. */
function publishes(count: number): string {
  return Array.from({ length: count }, (_, i) => `publish ${20_000 + i} -> c${containerOf(i)}:${1_000 + i}\n`).join("");
}

/** In a process that runs already, from the text on: what neither Node's start nor the first run of the code is part of. */
export function inProcess(rounds: number): Promise<Suite> {
  return withBench(TSNET, async (bench) => {
    const net = await open();
    const times = { one: [] as number[], many: [] as number[], hand: [] as number[] };
    const apply = async (lines: string): Promise<number> => {
      await net.apply(compile(base()).policy);
      const started = performance.now();
      await net.apply(compile(base() + lines).policy);
      return performance.now() - started;
    };
    const { work, before } = handMade(bench);
    let first = 0;
    for (let round = -20; round < rounds; round++) {
      const many = await apply(publishes(COUNT));
      if (round === -20) first = many;
      if (round < 0) continue;
      times.many.push(many);
      times.one.push(await apply(publishes(1)));
      await before?.();
      times.hand.push((await bench.others.time(work)).ms);
    }
    await net.close();
    const many = "net.apply, 1,000 single ports";
    const figures = [
      summarise("net.apply, one port", "ms", times.one),
      summarise(many, "ms", times.many),
      single(`${many}, the first`, first, "ms"),
      summarise(HAND, "ms", times.hand),
    ];
    return { name: "published ports, in a process", figures, ratios: ratio(figures, many, HAND), missing: [] };
  });
}

export function inHost(rounds: number): Promise<Suite> {
  return withBench(TSNET, async (bench) => {
    const reset = command(bench, "compile", bench.file("base.tsnet", base()), "--apply");
    const clearing = async (): Promise<void> => void (await bench.own.time(reset));
    const apply = (name: string, lines: string): Case => ({
      name,
      work: command(bench, "compile", bench.file(`${name.replaceAll(" ", "-")}.tsnet`, base() + lines), "--apply"),
      stopwatch: bench.own,
      before: clearing,
    });
    const [one, range, many] = ["one port", "a range of 10,000 ports", "1,000 single ports"];
    const { figures, missing } = await interleave(
      [
        apply(one as string, "publish 20000 -> c1:20000\n"),
        apply(range as string, "publish 20000-29999 -> c1:20000-29999\n"),
        apply(many as string, publishes(COUNT)),
        handMade(bench),
        { name: NODE, work: { command: process.execPath, args: ["-e", "0"] }, stopwatch: bench.own },
      ],
      rounds,
    );
    const median = (name: string | undefined): number | undefined => figures.find((one) => one.name === name)?.median;
    const [ours, node, theirs] = [median(many), median(NODE), median(HAND)];
    const ratios = ratio(figures, range as string, one as string).map((two) => ({ ...two, limit: 1.2 }));
    if (ours !== undefined && node !== undefined && theirs !== undefined)
      ratios.push({ name: `(${many} - ${NODE}) / ${HAND}`, value: (ours - node) / theirs, limit: 1.2 });
    return { name: "published ports", figures, ratios, missing };
  });
}
