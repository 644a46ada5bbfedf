/** One writer on a host at a time. */
import { closeSync, mkdirSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";

const PATH = "/run/tsnet/lock";

export class Locked extends Error {
  override readonly name = "SystemError";
  readonly help = "wait for it, or end that process";
}

interface Holder {
  readonly pid: number;
  /** Start time in clock ticks (field 22 of /proc/PID/stat), which tells a process from a later one with its id. */
  readonly started: string;
  readonly command: string;
}

/**
 * Runs `work` while holding the lock. Waits up to `patience` milliseconds for another writer, saying once for whom
 * through `waiting`; a holder that is dead is passed over.
 */
export async function withLock<T>(
  work: () => Promise<T>,
  options: { patience?: number; waiting?: (holder: string) => void } = {},
): Promise<T> {
  const deadline = Date.now() + (options.patience ?? 30_000);
  let said = false;
  while (!take()) {
    const holder = read();
    if (holder !== undefined && !alive(holder)) {
      release();
      continue;
    }
    const who = holder === undefined ? "another tsnet" : `process ${holder.pid} (${holder.command})`;
    if (Date.now() > deadline) throw new Locked(`${who} is changing this host's policies`);
    if (!said) options.waiting?.(who);
    said = true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  try {
    return await work();
  } finally {
    release();
  }
}

function take(): boolean {
  mkdirSync("/run/tsnet", { recursive: true, mode: 0o755 });
  let file: number;
  try {
    file = openSync(PATH, "wx", 0o644);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  const holder: Holder = { pid: process.pid, started: startOf(process.pid) ?? "", command: process.argv.slice(2, 4).join(" ") };
  writeSync(file, JSON.stringify(holder));
  closeSync(file);
  return true;
}

function release(): void {
  try {
    unlinkSync(PATH);
  } catch {
    // Somebody who thought us dead has taken it away.
  }
}

function read(): Holder | undefined {
  try {
    return JSON.parse(readFileSync(PATH, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function alive(holder: Holder): boolean {
  const started = startOf(holder.pid);
  return started !== undefined && started === holder.started;
}
