/** A group of 200 that may reach a group of 200 on ten ports: what it costs to apply, in time and in kernel objects. */
import { command, withBench } from "../src/measure/bench.js";
import { type Case, interleave } from "../src/measure/interleave.js";
import type { Suite } from "../src/measure/report.js";
import { single } from "../src/measure/statistics.js";
import { type Bench, runOrThrow, TSNET } from "./suite.js";
import { inWorld } from "./world.js";

/** The port that packets are measured on, TCP and UDP. */
export const PORT = 7000;

/** Twice `size` containers, which may not talk to each other. */
export function members(size: number): string {
  const address = (k: number): string => `10.199.${k >> 8}.${k & 255}`;
  const line = (k: number, name: string): string => `container ${name} { network n ip ${address(k + 2)} }`;
  const all = Array.from({ length: size }, (_, k) => [line(2 * k, `a${k}`), line(2 * k + 1, `b${k}`)]).flat();
  return `network n { subnet 10.199.0.0/16; icc off }\n${all.join("\n")}\n`;
}

/** Every a may reach every b on ten ports. */
export function product(size: number): string {
  const group = (letter: string): string => Array.from({ length: size }, (_, k) => `${letter}${k}`).join(", ");
  const ports = [...Array.from({ length: 8 }, (_, k) => PORT + k), `${PORT}/udp`, "53/udp"];
  return `let g1 = {${group("a")}}\nlet g2 = {${group("b")}}\nallow g1 -> g2:{${ports.join(", ")}}\n`;
}

/** The same for one of each. */
export const ONE = `allow a0 -> b0:{${PORT}, ${PORT}/udp}\n`;

export const groups: Bench = {
  name: "groups",
  kernel: true,
  run: ({ quick, way, progress }) =>
    inWorld(way, async (world) => {
      const size = quick ? 40 : 200;
      progress(`${size} × ${size} × 10`);
      return [await world.call(import.meta.url, "groupsInWorld", size, quick ? 2 : 25)];
    }),
};

export function groupsInWorld(size: number, rounds: number): Promise<Suite> {
  return withBench(TSNET, async (bench) => {
    const base = members(size);
    const reset = command(bench, "compile", bench.file("base.tsnet", base), "--apply");
    const clearing = async (): Promise<void> => void (await bench.own.time(reset));
    const apply = (name: string, text: string): Case => ({
      name,
      work: command(bench, "compile", bench.file(`${name.replaceAll(" ", "-")}.tsnet`, base + text), "--apply"),
      stopwatch: bench.own,
      before: clearing,
    });
    await clearing();
    const none = objects();
    const [many, one] = ["group product", "one pair"];
    const { figures, missing } = await interleave([apply(one, ONE), apply(many, product(size))], rounds);
    const all = objects();
    const [b, a] = figures.map(({ median }) => median) as [number, number];
    return {
      name: `group product, ${size} × ${size} × 10`,
      figures: [
        ...figures,
        single("more than one pair", a - b, "ms"),
        single("kernel objects of the rule", all - none),
      ],
      ratios: [
        { name: "more than one pair / 20 ms", value: (a - b) / 20, limit: 1 },
        { name: "kernel objects / 10,000", value: (all - none) / 10_000, limit: 1 },
      ],
      missing,
    };
  });
}

/** Chains, rules, sets and elements that are there. */
function objects(): number {
  const listed = JSON.parse(runOrThrow("nft", ["-j", "list", "ruleset"])) as {
    nftables: Record<string, { elem?: unknown[] }>[];
  };
  return listed.nftables.reduce(
    (sum, object) => sum + 1 + Object.values(object).reduce((more, { elem }) => more + (elem?.length ?? 0), 0),
    0,
  );
}
