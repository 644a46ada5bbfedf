/**
 * The packet path: connections and round trips between two sandboxes of a policy, at several N, each in a world of its
 * own, in turn.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { BackendName } from "../src/backend/backend.js";
import { compile } from "../src/ir/compile.js";
import type { Suite } from "../src/measure/report.js";
import { type Figure, summarise } from "../src/measure/statistics.js";
import { addressOf, policy, statements, tuples } from "../src/measure/workload.js";
import { open } from "../src/transaction/open.js";
import { members, ONE, PORT, product } from "./groups.js";
import { type Bench, type Context, counts, runOrThrow } from "./suite.js";
import { inWorlds } from "./world.js";

const PACKETS = fileURLToPath(new URL("./packets.pl", import.meta.url));

export interface Setting {
  readonly name: string;
  readonly text: string;
  readonly from: string;
  readonly to: string;
  readonly address: string;
  /** What carries the rules; the default unless given. */
  readonly backend?: BackendName;
  /** The rules are taken away: what is left are the containers and their network. */
  readonly bare?: boolean;
  /** Another policy that stands beside it. */
  readonly beside?: string;
}

/** The workload, and one way that its packets take: the last look-ups decide, not the default. */
function setting(count: number): Setting {
  const way = `allow c0 -> c1:{${PORT}, ${PORT}/udp}\n`;
  const text = policy(tuples(count)).replace("subnet 10.199.0.0/24", "subnet 10.199.0.0/24; icc off") + way;
  return { name: statements(count), text, from: "c0", to: "c1", address: addressOf(1) };
}

function settings(context: Context): Setting[] {
  const all = counts(context, context.quick ? [10, 10_000] : [10, 1_000, 100_000]).map(setting);
  if (context.quick) return all;
  const ends = { from: "a0", to: "b0", address: "10.199.0.3" };
  return [
    ...all,
    { name: "one pair of 200 × 200", text: members(200) + ONE, ...ends },
    { name: "group product 200 × 200 × 10", text: members(200) + product(200), ...ends },
  ];
}

export const packets: Bench = {
  name: "packets",
  kernel: true,
  run(context) {
    const { quick, way, progress } = context;
    const all = settings(context);
    const [blocks, connections, trips] = quick ? [5, 500, 2_000] : [25, 2_000, 10_000];
    return inWorlds(way, all.length, async (worlds) => {
      const seen = all.map((): Block[] => []);
      for (const [i, world] of worlds.entries()) {
        progress(`${all[i]?.name}, applying`);
        await world.call(import.meta.url, "begin", all[i]);
      }
      for (let block = -1; block < blocks; block++) {
        progress(`block ${block + 1} of ${blocks}`);
        for (const [i, world] of worlds.entries()) {
          const one = await world.call<Block>(import.meta.url, "block", all[i], connections, trips);
          if (block >= 0) seen[i]?.push(one);
        }
      }
      for (const world of worlds) await world.call(import.meta.url, "end");
      return [suiteOf(all, seen)];
    });
  },
};

export interface Block {
  /** Connections per second. */
  readonly rate: number;
  /** Microseconds of a round trip. */
  readonly trip: number;
}

function suiteOf(all: readonly Setting[], seen: readonly (readonly Block[])[]): Suite {
  const figures: Figure[] = all.flatMap(({ name }, i) => {
    const blocks = seen[i] as readonly Block[];
    return [
      summarise(
        `TCP connections, ${name}`,
        "per second",
        blocks.map(({ rate }) => rate),
      ),
      summarise(
        `UDP round trip, ${name}`,
        "µs",
        blocks.map(({ trip }) => trip),
      ),
    ];
  });
  const median = (i: number): number => (figures[i] as Figure).median;
  /** Cost of setting `a` beside setting `b`: time, so a rate is turned around. */
  const costs = (a: number, b: number, limit: number): Suite["ratios"] => [
    { name: `TCP, ${all[a]?.name} / ${all[b]?.name}`, value: median(2 * b) / median(2 * a), limit },
    { name: `UDP, ${all[a]?.name} / ${all[b]?.name}`, value: median(2 * a + 1) / median(2 * b + 1), limit },
  ];
  const plain = all.filter(({ from }) => from === "c0").length;
  const ratios = Array.from({ length: plain - 1 }, (_, i) => costs(i + 1, 0, 1.05)).flat();
  if (all.length > plain) ratios.push(...costs(plain + 1, plain, 1.15));
  const note = "Each measurement is a block of thousands; each world's blocks come in turn. Time, so less is better.";
  return { name: "packet path", note, figures, ratios, missing: [] };
}

// In a world ---------------------------------------------------------------------------------------------------------

const servers: ChildProcess[] = [];

/** On one processor: to wake the other side on another costs more than all rules do, and each time something else. */
const PINNED = ["taskset", "-c", String(availableParallelism() - 1)];

const inside = (container: string): string[] => [
  `--net=/run/tsnet/netns/tsnet/${container}`,
  "--",
  ...PINNED,
  "perl",
  PACKETS,
];

export async function begin({ text, to, address, backend, beside, bare }: Setting): Promise<void> {
  const net = await open(backend === undefined ? {} : { backend });
  if (beside !== undefined) await net.apply(compile(beside).policy);
  await net.apply(compile(text).policy);
  await net.close();
  if (bare === true) runOrThrow("nft", ["flush", "ruleset"]);
  for (const protocol of ["tcp", "udp"])
    await new Promise<void>((resolve, reject) => {
      const words = [...inside(to), "serve", protocol, address, String(PORT)];
      const server = spawn("nsenter", words, { stdio: ["ignore", "pipe", "inherit"] });
      servers.push(server);
      server.stdout.once("data", () => resolve());
      server.once("exit", (code) => reject(new Error(`the ${protocol} server ended with ${code}`)));
    });
}

export function block({ from, address }: Setting, connections: number, trips: number): Block {
  const seconds = (protocol: string, count: number): number =>
    Number(runOrThrow("nsenter", [...inside(from), protocol, address, String(PORT), String(count)]));
  return { rate: connections / seconds("tcp", connections), trip: (seconds("udp", trips) / trips) * 1e6 };
}

export function end(): void {
  for (const server of servers) {
    server.removeAllListeners("exit");
    server.kill();
  }
}
