/** Interleaved timing of whole processes: what is compared runs in turn, so that a drifting machine hits both. */
import { spawnSync } from "node:child_process";

export interface Figure {
  readonly name: string;
  /** Milliseconds. */
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Case {
  readonly name: string;
  readonly command: readonly string[];
  /** Runs before each timed run, untimed. */
  readonly before?: () => void;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export function figure(name: string, values: readonly number[]): Figure {
  return { name, median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Each case `rounds` times after one warm-up, in turn. Throws when a command fails. */
export function interleave(cases: readonly Case[], rounds: number): Figure[] {
  const times = cases.map((): number[] => []);
  for (let round = -1; round < rounds; round++)
    cases.forEach(({ name, command, before }, i) => {
      before?.();
      const [program, ...args] = command as [string, ...string[]];
      const started = performance.now();
      const { status, stderr } = spawnSync(program, args, { stdio: ["ignore", "ignore", "pipe"] });
      const took = performance.now() - started;
      if (status !== 0) throw new Error(`${name}: exit ${status}: ${String(stderr).slice(0, 400)}`);
      if (round >= 0) times[i]?.push(took);
    });
  return cases.map(({ name }, i) => figure(name, times[i] as number[]));
}
