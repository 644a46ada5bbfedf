/**
 * `npm run bench [-- OPTIONS]`: everything that the project measures itself by, each beside its peers in the same run.
 *
 *     --quick            fewer rounds and smaller numbers: under 2 minutes
 *     --only=NAME,NAME   these suites
 *     --most=N           no more than N statements (1000000 unless given; 100000 everywhere but in the front end)
 *     --markdown         print the tables as Markdown
 *     --docs             write the tables and the plot into docs/performance.md
 *     --out=FILE         where the JSON goes (bench/results/latest.json); the plot goes beside it, as .svg
 *
 * What changes a network happens in throwaway namespaces, so it needs root or user namespaces. The results of each suite
 * are written as soon as they are there.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { environment, environmentText } from "../src/measure/environment.js";
import { growth } from "../src/measure/growth.js";
import { type Suite, toMarkdown, toTable } from "../src/measure/report.js";
import { waysIn } from "../src/probe/arena.js";
import { backends } from "./backends.js";
import { churn } from "./churn.js";
import { cold } from "./cold.js";
import { frontEnd } from "./front-end.js";
import { groups } from "./groups.js";
import { iptables } from "./iptables.js";
import { limited, overLimit } from "./limits.js";
import { PAGE, withFigures } from "./page.js";
import { packets } from "./packets.js";
import { publish } from "./publish.js";
import { readback } from "./readback.js";
import { startUp } from "./start-up.js";
import type { Bench } from "./suite.js";
import { throughput } from "./throughput.js";
import { topology } from "./topology.js";
import { transaction } from "./transaction.js";
import { unchanged } from "./unchanged.js";

const BENCHES: readonly Bench[] = [
  startUp,
  frontEnd,
  throughput,
  cold,
  churn,
  unchanged,
  readback,
  groups,
  publish,
  packets,
  iptables,
  backends,
  topology,
  transaction,
];

const words = process.argv.slice(2);

function option(name: string): string | undefined {
  return words.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
}

function chosen(): readonly Bench[] {
  const unknown = words.filter((word) => !/^--(quick|markdown|docs)$|^--(only|most|out)=./.test(word));
  const wanted = option("only")?.split(",");
  const missing = (wanted ?? []).filter((name) => BENCHES.every((bench) => bench.name !== name));
  if (unknown.length + missing.length > 0) {
    const names = BENCHES.map(({ name }) => name).join(", ");
    console.error(
      `unknown: ${[...unknown, ...missing].join(" ")}\noptions stand at the top of bench/main.ts; suites: ${names}`,
    );
    process.exit(2);
  }
  return BENCHES.filter(({ name }) => wanted?.includes(name) ?? true);
}

async function measured(bench: Bench, way: readonly string[] | undefined): Promise<Suite[]> {
  const { name, kernel } = bench;
  const nothing = (why: string): Suite[] => [{ name, figures: [], ratios: [], missing: [`${name}: ${why}`] }];
  if (kernel && way === undefined) return nothing("namespaces can't be made here; run it as root");
  const progress = (text: string): void => console.error(`${name}: ${text}`);
  progress("begins");
  const quick = words.includes("--quick");
  try {
    return await bench.run({ quick, most: Number(option("most") ?? 1_000_000), way, progress });
  } catch (error) {
    process.exitCode = 1;
    return nothing((error as Error).message);
  }
}

async function main(): Promise<void> {
  const benches = chosen();
  const out = option("out") ?? "bench/results/latest.json";
  mkdirSync(dirname(out), { recursive: true });
  const machine = await environment();
  const way = await waysIn(true);
  const suites: Suite[] = [];
  for (const bench of benches) {
    suites.push(...limited(await measured(bench, way)));
    writeFileSync(out, `${JSON.stringify({ environment: machine, suites }, null, 2)}\n`);
  }
  const caption = environmentText(machine).split("\n")[0] as string;
  writeFileSync(out.replace(/(\.json)?$/, ".svg"), growth(suites, caption));
  const markdown = `${environmentText(machine).split("\n").join("  \n")}\n\n${toMarkdown(suites)}`;
  if (words.includes("--docs")) {
    writeFileSync(PAGE, withFigures(readFileSync(PAGE, "utf8"), markdown));
    writeFileSync(PAGE.replace(/\.md$/, ".svg"), growth(suites, caption));
  }
  if (words.includes("--markdown")) console.log(markdown);
  else console.log(`${environmentText(machine)}\n\n${toTable(suites)}`);
  const over = overLimit(suites);
  if (over.length > 0) console.error(`\nover what the project wants:\n${over.map((line) => `  ${line}`).join("\n")}`);
}

void main();
