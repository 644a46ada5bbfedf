/**
 * Published ports: a range of 10,000 beside a single one, 1,000 single ones beside a DNAT map by hand, and one more or less
 * among many.
 */
import { type Bench as Throwaway, command, withBench } from "../src/measure/bench.js";
import { NODE } from "../src/measure/cold.js";
import { type Case, interleave } from "../src/measure/interleave.js";
import { ratio, type Suite } from "../src/measure/report.js";
import { single, summarise } from "../src/measure/statistics.js";
import { addressOf, base, CONTAINERS } from "../src/measure/workload.js";
import { type Bench, library, TSNET } from "./suite.js";
import { inWorld } from "./world.js";

const COUNT = 1_000;

export const publish: Bench = {
  name: "publish",
  kernel: true,
  run: ({ quick, way }) =>
    inWorld(way, async (world) => [
      await world.call(import.meta.url, "inHost", quick ? 2 : 15),
      await world.call(import.meta.url, "inProcess", quick ? 3 : 41),
      ...(await world.call<Suite[]>(
        import.meta.url,
        "oneByOne",
        quick ? [COUNT] : [COUNT, 10 * COUNT],
        quick ? 50 : 500,
      )),
    ]),
};

const containerOf = (i: number): number => i % CONTAINERS;

/** What someone writes who knows nft: one map, for packets from outside and from the host. No hairpin, no checks. */
function byHand(count = COUNT): string {
  const elements = Array.from({ length: count }, (_, i) => elementByHand(i));
  return `table inet hand {
  map m {
    type inet_proto . inet_service : ipv4_addr . inet_service
    size ${2 * count}
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

const elementByHand = (i: number): string => `tcp . ${20_000 + i} : ${addressOf(containerOf(i))} . ${1_000 + i}`;

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
  return Array.from({ length: count }, (_, i) => `${publishOf(i)}\n`).join("");
}

const publishOf = (i: number): string => `publish ${20_000 + i} -> c${containerOf(i)}:${1_000 + i}`;

/** In a process that runs already, from the text on: what neither Node's start nor the first run of the code is part of. */
export function inProcess(rounds: number): Promise<Suite> {
  return withBench(TSNET, async (bench) => {
    const { compile, open } = library();
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

/** A port more and a port less through an open handle, so many published already; beside a process of nft. */
export async function oneByOne(counts: readonly number[], rounds: number): Promise<Suite[]> {
  const suites: Suite[] = [];
  for (const count of counts) suites.push(await withBench(TSNET, (bench) => portByPort(bench, count, rounds)));
  return suites;
}

async function portByPort({ others, file }: Throwaway, count: number, rounds: number): Promise<Suite> {
  const { compile, open } = library();
  const net = await open();
  const times = { more: [] as number[], commit: [] as number[], less: [] as number[], hand: [] as number[] };
  await net.apply(compile(base() + publishes(count)).policy);
  // V8 optimises what has run a few thousand times.
  for (let round = -4 * rounds; round < rounds; round++) {
    const one = publishOf(count + (round & 1023));
    const started = performance.now();
    const { timings } = await net.update({ add: one });
    const added = performance.now();
    await net.update({ remove: one });
    if (round < 0) continue;
    times.more.push((added - started) * 1000);
    times.commit.push(timings.commit * 1000);
    times.less.push((performance.now() - added) * 1000);
  }
  await net.close();
  const nft = (...args: readonly string[]): Promise<{ readonly ms: number }> => others.time({ command: "nft", args });
  const missing: string[] = [];
  try {
    await nft("-f", file("hand.nft", byHand(count)));
    for (let round = 0; round < Math.max(3, rounds / 20); round++) {
      const element = `{ ${elementByHand(count + round)} }`;
      times.hand.push((await nft("add", "element", "inet", "hand", "m", element)).ms * 1000);
    }
    await nft("delete", "table", "inet", "hand");
  } catch (error) {
    missing.push((error as Error).message);
  }
  const [more, hand] = ["update: a port more, the whole call", "a process of nft, one element"];
  const figures = [
    summarise(more, "µs", times.more),
    summarise("update: a port more, commit", "µs", times.commit),
    summarise("update: a port less, the whole call", "µs", times.less),
    ...(times.hand.length > 0 ? [summarise(hand, "µs", times.hand)] : []),
  ];
  const name = `published ports one by one, ${count.toLocaleString("en")} published`;
  return { name, figures, ratios: ratio(figures, more, hand), missing };
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
