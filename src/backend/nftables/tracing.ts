/** Has the kernel trace packets: makes the tracing table, listens, and takes the table away again. */
import { readFileSync } from "node:fs";
import { MissingTool, run } from "../../system/run.js";
import { startStream, type Stream } from "../../system/stream.js";
import { Refused } from "../refused.js";
import { readTraceLine, type TraceEvent } from "./trace-events.js";

/** Of the tables that `tsnet trace` makes while it runs. */
export const TRACE_PREFIX = "tsnet_trace_";

/** The table of this process: its name says whose it is. */
export function traceTable(): string {
  return `${TRACE_PREFIX}${process.pid}`;
}

export interface Tracing {
  /** Rejects when what listens has ended by itself. */
  readonly failed: Promise<never>;
  /** Stops listening and takes the table away. */
  end(): Promise<void>;
}

/** Looks so often, so many milliseconds apart, whether something is there. */
const PATIENCE = [250, 20] as const;

/**
 * Starts to trace what the rules mark; see `traceRules`. The kernel deletes the table by itself when the process that
 * made it ends, however it does (`flags owner`, Linux 5.12); where it can't, the table goes with `end`, or with the
 * next trace. Throws `Refused` or `MissingTool`.
 */
export async function startTracing(rules: readonly string[], each: (event: TraceEvent) => void): Promise<Tracing> {
  await removeOrphans();
  const table = traceTable();
  const heard = listeners();
  const monitor = startStream("nft", ["-a", "monitor", "trace"], (line) => {
    const event = readTraceLine(line);
    if (event !== undefined) each(event);
  });
  const owner = startStream("nft", ["-i"], () => undefined);
  let owned = true;
  const end = async (): Promise<void> => {
    await Promise.all([monitor.end(), owner.end()]);
    if (!owned) await run("nft", ["delete", "table", "inet", table], { accept: "any" });
  };
  try {
    await until(monitor, () => Promise.resolve(listeners() > heard));
    owner.send(`add table inet ${table} { flags owner; }`);
    owned = await until(owner, () => isThere(table), false);
    const before = owner.complaints();
    if (!owned) owner.send(`add table inet ${table}`);
    await until(owner, () => isThere(table));
    for (const line of rules) owner.send(line);
    // nft answers in turn: when the last one is there, it has read all others.
    owner.send(`add chain inet ${table} ready`);
    await until(owner, () => isThere(table, "ready"));
    if (owner.complaints() !== before) throw refused(owner);
  } catch (error) {
    await end();
    throw error;
  }
  const failed = Promise.race([monitor.ended, owner.ended]).then((): never => {
    throw refused(monitor.complaints() === "" ? owner : monitor);
  });
  failed.catch(() => undefined);
  return { failed, end };
}

function refused(stream: Stream): Refused {
  const [first = "nft gave no reason"] = stream.complaints().split("\n");
  return new Refused(
    `packets can't be traced here: ${first}`,
    "it needs root, and nft with its interactive mode (Debian package nftables)",
  );
}

/** Waits until something holds; false, or a throw, when it doesn't come or the process ends. */
async function until(stream: Stream, holds: () => Promise<boolean>, must = true): Promise<boolean> {
  const [times, pause] = PATIENCE;
  const before = stream.complaints();
  let over = false;
  const ended = stream.ended.finally(() => (over = true));
  ended.catch(() => undefined);
  for (let i = 0; i < times && !over; i++) {
    if (await holds()) return true;
    // What nft has complained about won't come.
    if (stream.complaints() !== before) break;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  if (over) await stream.ended;
  if (must) throw refused(stream);
  return false;
}

async function isThere(table: string, chain?: string): Promise<boolean> {
  const what = chain === undefined ? ["table", "inet", table] : ["chain", "inet", table, chain];
  return (await run("nft", ["list", ...what], { accept: "any" })).exitCode === 0;
}

/** linux/netlink.h and nfnetlink.h: protocol NETLINK_NETFILTER, group NFNLGRP_NFTRACE. */
const NETFILTER = "12";
const TRACE_GROUP = 1 << 8;

/** Sockets in this network namespace that hear of traced packets. */
function listeners(): number {
  const lines = readFileSync("/proc/net/netlink", "utf8").split("\n").slice(1);
  return lines.filter((line) => {
    const [, protocol, , groups] = line.trim().split(/\s+/);
    return protocol === NETFILTER && (parseInt(groups ?? "0", 16) & TRACE_GROUP) !== 0;
  }).length;
}

/** Deletes tables of traces that were killed. */
async function removeOrphans(): Promise<void> {
  const { stdout } = await run("nft", ["list", "tables", "inet"], { accept: "any" });
  for (const [, name, pid] of stdout.matchAll(/^table inet (tsnet_trace_(\d+))$/gm))
    if (name !== undefined && !isAlive(Number(pid)))
      await run("nft", ["delete", "table", "inet", name], { accept: "any" });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Every chain of this namespace: where it hangs, and of ours the handles of its rules. By `FAMILY TABLE CHAIN`. */
export async function readChains(
  ours: readonly { readonly family: string; readonly name: string }[],
): Promise<Map<string, { readonly hook: string | undefined; readonly handles: number[] }>> {
  const chains = new Map<string, { readonly hook: string | undefined; readonly handles: number[] }>();
  for (const { chain } of await list(["chains"]))
    if (chain !== undefined)
      chains.set(`${chain.family} ${chain.table} ${chain.name}`, { hook: chain.hook, handles: [] });
  // Without the elements of sets, of which there may be very many.
  for (const { family, name } of ours)
    for (const { rule } of await list(["table", family, name]))
      if (rule !== undefined) chains.get(`${family} ${name} ${rule.chain}`)?.handles.push(rule.handle);
  return chains;
}

interface Listed {
  readonly chain?: { readonly family: string; readonly table: string; readonly name: string; readonly hook?: string };
  readonly rule?: { readonly chain: string; readonly handle: number };
}

async function list(what: readonly string[]): Promise<Listed[]> {
  try {
    const { stdout } = await run("nft", ["-j", "-t", "list", ...what], { timeout: 120_000 });
    return (JSON.parse(stdout) as { nftables: Listed[] }).nftables;
  } catch (error) {
    if (error instanceof MissingTool) throw error;
    throw new Refused(`the rules can't be read: ${(error as Error).message}`, "run it as root");
  }
}
