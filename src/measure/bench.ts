/** What every measurement needs: the command, the clocks, a directory for files, and somebody to tell. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Stopwatch, type Timed } from "../system/stopwatch.js";

export interface Bench {
  /** The words that start tsnet. */
  readonly tsnet: readonly string[];
  /** Times what works on this network namespace. */
  readonly own: Stopwatch;
  /** Times the other tools, in an empty network namespace, so that neither sees what the other has made. */
  readonly others: Stopwatch;
  /** Writes a file and returns its path. */
  file(name: string, text: string): string;
}

/** Makes a bench of this process's namespaces for `work`, and takes it away afterwards. */
export async function withBench<T>(tsnet: readonly string[], work: (bench: Bench) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "tsnet-bench-"));
  const [own, others] = [new Stopwatch(), new Stopwatch("own")];
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  try {
    return await work({ tsnet, own, others, file });
  } finally {
    await Promise.all([own.end(), others.end()]);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** tsnet with these words, as something to be timed. */
export function command({ tsnet }: Bench, ...words: readonly string[]): Timed {
  const [first, ...rest] = [...tsnet, ...words];
  return { command: first as string, args: rest };
}
