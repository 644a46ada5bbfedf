/**
 * Signals that would end the process in the middle of a transaction. An apply that has begun takes back what it did; what
 * is past its point of no return, and a removal, go on to their end.
 */
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

/**
 * Holds signals back while `work` is under way; the process gets those that it didn't heed when it is done. Those that
 * somebody listens to are let alone, since they don't end this process: a program's own, those of a trial's end, which the
 * terminal's must not take back, and those that an outer transaction holds.
 */
export async function withoutInterruption<T>(work: (heed: () => Promise<void>) => Promise<T>): Promise<T> {
  let pending: Signal | undefined;
  let heeded = false;
  const hold = (signal: NodeJS.Signals): void => void (pending ??= signal as Signal);
  const heed = async (): Promise<void> => {
    // Signals come with the event loop's turn, and most of a transaction is one: the first turn may be under way.
    await turn();
    await turn();
    if (pending === undefined) return;
    heeded = true;
    throw new Interrupted(pending);
  };
  const held = SIGNALS.filter((signal) => process.listenerCount(signal) === 0);
  for (const signal of held) process.on(signal, hold);
  try {
    return await work(heed);
  } finally {
    for (const signal of held) process.off(signal, hold);
    const late = pending;
    // Whoever waits for the work hears of its end first.
    if (late !== undefined && !heeded) setImmediate(() => process.kill(process.pid, late));
  }
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
