/**
 * Signals that would end the process in the middle of a transaction. An apply that has begun takes back what it did, and
 * ends the tools that it waits for; what is past its point of no return, and a removal, go on to their end.
 */
import type { Ending } from "../system/ending.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Signal = (typeof SIGNALS)[number];

/** 128 and the signal's number, as shells have it. */
const STATUS: Readonly<Record<Signal, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** The process was told to end; what had been begun was taken back. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly signal: Signal;
  /** For who ends because of it. */
  readonly status: number;

  constructor(signal: Signal) {
    super(`interrupted by ${signal}: what was begun was taken back`);
    this.signal = signal;
    this.status = STATUS[signal];
  }
}

/** A stretch of work within which signals wait. */
export interface Holding extends Ending {
  /** Throws `Interrupted` where the process was told to end. */
  readonly heed: () => Promise<void>;
  /** Where nobody else holds on, the process gets what it didn't heed. */
  readonly end: () => void;
}

/** How many hold on, the signals that they hold, and the first that came. */
let holders = 0;
let held: readonly Signal[] = [];
let pending: Signal | undefined;
let heeded = false;
/** Nobody holds on any more, and signals that came meanwhile may be on their way. */
let lingering = false;
/** How often the last one let go. */
let releases = 0;
/** What ends the tools under way. */
const ends = new Set<() => void>();

function hold(signal: NodeJS.Signals): void {
  if (pending !== undefined) return;
  pending = signal as Signal;
  for (const end of ends) end();
}

function onEnd(end: () => void): () => void {
  ends.add(end);
  if (pending !== undefined) end();
  return () => void ends.delete(end);
}

/**
 * Holds signals back until its end. Those that somebody listens to are let alone, since they don't end this process: a
 * program's own, and those of a trial's end, which the terminal's must not take back.
 */
export function beginHolding(): Holding {
  if (holders++ === 0) {
    // One that somebody listens to by now is his.
    const free = SIGNALS.filter((signal) => listeners(signal) === 0);
    for (const signal of held) if (!free.includes(signal)) process.off(signal, hold);
    for (const signal of free) if (!held.includes(signal)) process.on(signal, hold);
    held = free;
    if (heeded) [pending, heeded] = [undefined, false];
  }
  return { heed, onEnd, end: once(release) };
}

/** How many listen to a signal besides us. */
function listeners(signal: Signal): number {
  return process.listeners(signal).filter((listener) => listener !== hold).length;
}

async function heed(): Promise<void> {
  // Signals come with the event loop's turn, and most of a transaction is one: the first turn may be under way.
  await turn();
  await turn();
  if (pending === undefined) return;
  heeded = true;
  throw new Interrupted(pending);
}

function release(): void {
  if (--holders > 0) return;
  releases++;
  if (!lingering) void linger();
}

/**
 * A signal that came while nothing took a turn is noted by then and not yet told: whoever stops listening at once loses
 * it, and the program goes on as if nothing had come. Whoever waits for the work hears of its end first.
 */
async function linger(): Promise<void> {
  lingering = true;
  let seen: number;
  do {
    seen = releases;
    await turn();
    await turn();
    // Another stretch without a turn may have come and gone meanwhile.
  } while (seen !== releases && pending === undefined);
  lingering = false;
  if (holders > 0) return;
  for (const signal of held) process.off(signal, hold);
  const late = heeded ? undefined : pending;
  [held, pending, heeded] = [[], undefined, false];
  if (late !== undefined) process.kill(process.pid, late);
}

/** Holds signals back while `work` is under way. */
export async function withoutInterruption<T>(work: (heed: () => Promise<void>) => Promise<T>): Promise<T> {
  const holding = beginHolding();
  try {
    return await work(holding.heed);
  } finally {
    holding.end();
  }
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
