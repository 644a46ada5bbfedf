/**
 * `tsnet bench`: the outer program finds a way into a throwaway namespace and prints; the inner one (see arena.ts)
 * measures there and tells what it found.
 */
import { accessSync, constants, readlinkSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Bench, withBench } from "../measure/bench.js";
import { Churn, churnSuite, joined, type Samples } from "../measure/churn.js";
import { measureCold } from "../measure/cold.js";
import { type Environment, environment, environmentText } from "../measure/environment.js";
import { growth } from "../measure/growth.js";
import { type Suite, toTable } from "../measure/report.js";
import { measureUnchanged } from "../measure/unchanged.js";
import { base } from "../measure/workload.js";
import * as arena from "../probe/arena.js";
import { endLeftovers } from "../probe/leftovers.js";
import { probeAll } from "../system/features.js";
import { run } from "../system/run.js";
import { EXIT, Failure } from "./exit.js";
import { note, print, printJson } from "./output.js";
import { ticker } from "./ticker.js";

export interface BenchOptions {
  readonly statements: readonly number[];
  readonly rounds: number;
  readonly json?: boolean;
  readonly svg?: string;
}

interface Orders {
  readonly statements: readonly number[];
  readonly rounds: number;
  /** The host's mount namespace. */
  readonly outside: string;
}

/** What the inner program tells: what it is at, a result, or why it gave up. */
type Told = { readonly at: string } | { readonly suite: Suite } | { readonly failed: string };

export async function bench(options: BenchOptions): Promise<void> {
  const ordered = arena.orders();
  if (ordered !== undefined) return inside((await ordered) as Orders);
  if (options.svg !== undefined) writable(options.svg);
  const way = (await lacksNothing()) ? await arena.waysIn(true) : undefined;
  if (way === undefined) throw await noWay();
  process.exitCode = await outside(way, options);
}

// Outside ------------------------------------------------------------------------------------------------------------

/** Known before the minute is spent. */
function writable(file: string): void {
  try {
    const there = statSync(file, { throwIfNoEntry: false });
    if (there?.isDirectory() === true) throw new Error("a directory");
    accessSync(there === undefined ? dirname(file) : file, constants.W_OK);
  } catch {
    throw new Failure(
      EXIT.usage,
      `--svg: ${file} can't be written`,
      "name a file in a directory that is there and yours",
    );
  }
}

async function lacksNothing(): Promise<boolean> {
  const missing = (await probeAll(["ip", "nft", "util-linux"])).find(({ ok }) => !ok);
  if (missing === undefined) return true;
  throw new Failure(EXIT.system, `nothing was measured: ${missing.what}`, missing.mend);
}

async function noWay(): Promise<Failure> {
  const [feature] = await probeAll(["user_namespaces"]);
  const what = feature?.ok === false ? feature.what : "namespaces can't be made here, not even as root";
  const mend = `${feature?.ok === false ? `${feature.mend}; or ` : ""}run it as root`;
  return new Failure(EXIT.system, `nothing was measured: ${what}`, mend);
}

async function outside(way: readonly string[], options: BenchOptions): Promise<number> {
  const { statements, rounds, json, svg } = options;
  const machine = await environment();
  const suites: Suite[] = [];
  const failures: string[] = [];
  const { progress, done } = ticker();
  const heard = (message: unknown): void => {
    const told = message as Told;
    if ("at" in told) progress(told.at);
    else if ("suite" in told) suites.push(told.suite);
    else failures.push(told.failed);
  };
  const orders: Orders = { statements, rounds, outside: readlinkSync("/proc/self/ns/mnt") };
  let status: number;
  try {
    status = await arena.attend(arena.enter(way, ["bench"], orders, heard));
  } finally {
    done();
  }
  report(machine, suites, json === true);
  if (svg !== undefined && suites.length > 0)
    writeFileSync(svg, growth(suites, environmentText(machine).split("\n")[0] as string));
  for (const failure of failures) note(`tsnet: ${failure}`);
  return status;
}

function report(machine: Environment, suites: readonly Suite[], json: boolean): void {
  if (json) return printJson({ environment: machine, suites });
  print(`${environmentText(machine)}\n\n${toTable(suites)}`);
}

// Inside -------------------------------------------------------------------------------------------------------------

async function inside({ statements, rounds, outside }: Orders): Promise<void> {
  const leave = (status: number): never => {
    endLeftovers(outside);
    process.exit(status);
  };
  // The outer program is gone, or has had enough: what runs here ends with the namespaces.
  process.once("disconnect", () => leave(EXIT.system));
  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)
    process.once(signal, () => leave(status));
  try {
    await arena.hideHost();
    await run("ip", ["link", "set", "dev", "lo", "up"]);
    const tsnet = [process.execPath, ...process.execArgv, realpathSync(process.argv[1] as string)];
    await withBench(tsnet, (bench) => measure(bench, statements, rounds));
  } catch (error) {
    await arena.tell({ failed: `measuring stopped: ${(error as Error).message}` } satisfies Told);
    process.exitCode = EXIT.system;
  } finally {
    process.removeAllListeners("disconnect");
    arena.finish();
  }
}

/** Updates that are timed, and processes of each other tool beside them. */
const UPDATES = 2000;
const BLOCKS = 10;

async function measure(bench: Bench, statements: readonly number[], rounds: number): Promise<void> {
  const at = (text: string): Promise<void> => arena.tell({ at: text } satisfies Told);
  const tell = (suite: Suite): Promise<void> => arena.tell({ suite } satisfies Told);
  await bench.own.time({
    command: bench.tsnet[0] as string,
    args: [...bench.tsnet.slice(1), "compile", bench.file("base.tsnet", base()), "--apply"],
  });
  for (const count of statements) {
    await at(`cold apply, ${count} statements`);
    await tell(await measureCold(bench, count, rounds));
    await at(`nothing or little changed, ${count} statements`);
    await tell(await measureUnchanged(bench, count, rounds));
    await at(`churn, ${count} statements`);
    await tell(await churn(bench, count, rounds));
  }
}

async function churn(bench: Bench, count: number, rounds: number): Promise<Suite> {
  const churn = await Churn.begin(bench, count);
  const updates = Math.ceil(Math.min(UPDATES, 200 * rounds) / BLOCKS);
  // The first block warms up.
  await churn.block(updates, 1);
  const blocks: Samples[] = [];
  for (let block = 0; block < BLOCKS; block++) blocks.push(await churn.block(updates, Math.ceil(rounds / BLOCKS)));
  await churn.end();
  return churnSuite(count, joined(blocks), churn.missing);
}
