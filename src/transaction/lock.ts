/** One writer on a host at a time. */
import { attempt } from "../system/attempt.js";
import { unlink } from "../system/files.js";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname } from "node:path";

const PATH = "/run/tsnet/lock";
/** Written again and again by who waits for the lock. */
const WANTED = "/run/tsnet/lock.wanted";
/** Milliseconds between two looks at the lock. */
const POLL = 20;
/** Held for a moment by whoever takes a dead holder's lock away, so that only one does. */
const CLEARING = "/run/tsnet/lock.clearing";

export class Locked extends Error {
  override readonly name = "SystemError";
  readonly help: string;

  constructor(holder: Holder | undefined) {
    super(`${nameOf(holder)} is changing this host's policies`);
    this.help =
      holder === undefined || isNeighbour(holder)
        ? "wait for it, or end that process"
        : `wait for it, or end that process; where it is gone, remove ${PATH}`;
  }
}

interface Holder {
  readonly pid: number;
  /** The process id namespace that the number is of (pid_namespaces(7)); undefined where /proc doesn't tell. */
  readonly namespace: string | undefined;
  /** Start time in clock ticks (field 22 of /proc/PID/stat), which tells a process from a later one with its id. */
  readonly started: string;
  readonly command: string;
}

/** How long to wait for another writer, in milliseconds, and who is told once for whom. */
export interface Waiting {
  readonly patience?: number;
  readonly waiting?: (holder: string) => void;
}

/**
 * Takes the lock, waiting for another writer, and returns what gives it back; a holder that is dead is passed over.
 * Throws `Locked`.
 */
export async function acquire(options: Waiting = {}): Promise<() => void> {
  const deadline = Date.now() + (options.patience ?? 30_000);
  let said = false;
  try {
    while (!take()) {
      const holder = read();
      const state = stateOf(holder);
      // Given back since we tried, or left by a dead holder.
      if (state === "free" || (state === "dead" && clear())) continue;
      if (Date.now() > deadline) throw new Locked(holder);
      if (!said) options.waiting?.(nameOf(holder));
      said = true;
      writeFileSync(WANTED, "", { mode: 0o644 });
      await new Promise((resolve) => setTimeout(resolve, POLL));
    }
  } finally {
    if (said) unlink(WANTED);
  }
  tidy();
  return release;
}

/** Where a taker writes its lock before it puts it in its place. */
function besideOf(pid: number | string): string {
  return `${PATH}.${namespace()?.replace(/\D/g, "") ?? 0}.${pid}`;
}

/** Removes what takers who were killed in the middle have left. Of those whose number says nothing here it stays. */
export function tidy(): void {
  for (const name of readdirSync(dirname(PATH))) {
    const pid = /^lock\.\d+\.(\d+)$/.exec(name)?.[1];
    if (pid === undefined || `${dirname(PATH)}/${name}` !== besideOf(pid)) continue;
    if (startOf(Number(pid)) === undefined) unlink(besideOf(pid));
  }
}

/** Whether somebody waits for the lock: who holds it for many pieces of work lets them in between. */
export function isWanted(): boolean {
  const written = statSync(WANTED, { throwIfNoEntry: false });
  if (written === undefined) return false;
  // Either way, for the clock may be set back.
  if (Math.abs(Date.now() - written.mtimeMs) < 1000) return true;
  // Of one who was killed while waiting.
  unlink(WANTED);
  return false;
}

/** Whether somebody who is alive holds the lock. */
export function isHeld(): boolean {
  return stateOf(read()) === "held";
}

/** Leaves the lock alone for longer than who waits takes to look again. */
export function letIn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2 * POLL));
}

/** Runs `work` while holding the lock. */
export async function withLock<T>(work: () => Promise<T>, options: Waiting = {}): Promise<T> {
  const giveBack = await acquire(options);
  try {
    return await work();
  } finally {
    giveBack();
  }
}

/** The file appears with its text in it, in one step: a kill can't leave a lock that names nobody. */
function take(): boolean {
  attempt("lock");
  makeDirectory(dirname(PATH));
  // A program that uses the library has no words of ours.
  const command = process.argv.slice(2, 4).join(" ") || basename(process.argv[1] ?? process.execPath);
  const holder: Holder = { pid: process.pid, namespace: namespace(), started: startOf(process.pid) ?? "", command };
  const beside = besideOf(process.pid);
  try {
    writeFileSync(beside, JSON.stringify(holder), { mode: 0o644 });
    linkSync(beside, PATH);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    unlink(beside);
  }
}

/** By itself first: with `recursive` Node tells of a directory that is missing where the file system is read-only. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  try {
    mkdirSync(path, { mode: 0o755 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") mkdirSync(path, { recursive: true, mode: 0o755 });
    else if (code !== "EEXIST") throw error;
  }
}

/** `free`: there is no lock, so none may be taken away: somebody else's may be there by then. */
function stateOf(holder: Holder | undefined): "free" | "dead" | "held" {
  if (holder !== undefined) return alive(holder) ? "held" : "dead";
  // A lock that names nobody, which only something else than tsnet can have written, may be in use for a while.
  const there = statSync(PATH, { throwIfNoEntry: false });
  return there === undefined ? "free" : Date.now() - there.mtimeMs < 5000 ? "held" : "dead";
}

/** Takes a dead holder's lock away, unless somebody else is at it or has done it. */
function clear(): boolean {
  try {
    mkdirSync(CLEARING);
  } catch {
    try {
      if (Date.now() - statSync(CLEARING).mtimeMs > 5000) rmdirSync(CLEARING);
    } catch {
      // It is gone: try again.
    }
    return false;
  }
  try {
    if (stateOf(read()) === "dead") unlink(PATH);
    return true;
  } finally {
    // Not there any more where this process was asleep for long.
    rmSync(CLEARING, { force: true, recursive: true });
  }
}

/** Gives back the lock of this process; another's, who took ours for a dead one's, stays. */
function release(): void {
  const holder = read();
  if (holder === undefined || (holder.pid === process.pid && isNeighbour(holder))) unlink(PATH);
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

/** Of a holder in another namespace nobody here can say whether it is dead: a program in a container of its own, say. */
function alive(holder: Holder): boolean {
  if (!isNeighbour(holder)) return true;
  const started = startOf(holder.pid);
  return started !== undefined && started === holder.started;
}

function isNeighbour(holder: Holder): boolean {
  return holder.namespace === undefined || holder.namespace === namespace();
}

/** Of this process, which keeps its own for good. */
let own: { readonly namespace: string | undefined } | undefined;

function namespace(): string | undefined {
  try {
    own ??= { namespace: readlinkSync("/proc/self/ns/pid") };
  } catch {
    own = { namespace: undefined };
  }
  return own.namespace;
}

function nameOf(holder: Holder | undefined): string {
  if (holder === undefined) return "another tsnet";
  const where = isNeighbour(holder) ? "" : " of another process id namespace";
  return `process ${holder.pid}${where} (${holder.command})`;
}
