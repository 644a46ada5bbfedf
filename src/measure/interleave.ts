/** Times commands in turn, so that a drifting machine hits all of them. */
import { type Stopwatch, type Timed, TimedFailed } from "../system/stopwatch.js";
import { type Figure, summarise } from "./statistics.js";

export interface Case {
  readonly name: string;
  readonly work: Timed;
  readonly stopwatch: Stopwatch;
  /** Runs before each timed run, untimed. */
  readonly before?: () => Promise<void>;
  /** Gets what a timed run printed. */
  readonly said?: (stdout: string) => void;
  /** It may fail the first time, and is left out then. */
  readonly optional?: true;
}

export interface Interleaved {
  readonly figures: Figure[];
  /** What was left out, and why. */
  readonly missing: string[];
}

/** Each case `rounds` times after one round of warm-up. Throws `TimedFailed` when one fails that isn't optional. */
export async function interleave(cases: readonly Case[], rounds: number): Promise<Interleaved> {
  const times = new Map(cases.map((one): [Case, number[]] => [one, []]));
  const missing: string[] = [];
  for (let round = -1; round < rounds; round++)
    for (const [one, taken] of times) {
      try {
        await one.before?.();
        const { ms, stdout } = await one.stopwatch.time(one.work);
        if (round < 0) continue;
        taken.push(ms);
        one.said?.(stdout);
      } catch (error) {
        if (round >= 0 || one.optional === undefined || !(error instanceof TimedFailed)) throw error;
        times.delete(one);
        missing.push(`${one.name}: ${error.message}`);
      }
    }
  return { figures: [...times].map(([{ name }, taken]) => summarise(name, "ms", taken)), missing };
}
