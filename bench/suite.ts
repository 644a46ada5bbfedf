/** What a suite of benchmarks is. Each is a file of its own, registered in main.ts. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { buildSync } from "esbuild";
import type * as Library from "../src/index.js";
import type { Suite } from "../src/measure/report.js";

export interface Context {
  /** Fewer rounds and smaller numbers. */
  readonly quick: boolean;
  /** The most statements that anything is measured with. */
  readonly most: number;
  /** Arguments of unshare that make a throwaway host; undefined where that can't be done. */
  readonly way: readonly string[] | undefined;
  progress(text: string): void;
}

export interface Bench {
  /** What `--only` knows it by. */
  readonly name: string;
  /** It changes a network, so it needs a throwaway host. */
  readonly kernel: boolean;
  run(context: Context): Promise<Suite[]>;
}

/** The built command. */
export const TSNET: readonly string[] = [process.execPath, resolve("dist/tsnet.js")];

/** The built library, which users get: its source, with the names that tsx gives each function anew, is a third slower. */
export function library(): typeof Library {
  return createRequire(import.meta.url)(resolve("dist/index.js")) as typeof Library;
}

/** The numbers of statements to measure with, none of them above the context's. */
export function counts({ most }: Context, wanted: readonly number[]): number[] {
  return wanted.filter((count) => count <= most);
}

export function runOrThrow(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  const options = { encoding: "utf8", env: { ...process.env, ...env }, maxBuffer: 1 << 28 } as const;
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr.slice(0, 400)}`);
  return stdout;
}

/** Bundles a script of a suite, so that a process of it starts like the command. */
export function bundleScript(entry: string, outfile: string): void {
  buildSync({
    entryPoints: [entry],
    bundle: true,
    platform: "node",
    format: "cjs",
    // esbuild leaves import.meta empty in CommonJS.
    define: { "import.meta.url": "here", "import.meta.filename": "__filename", "import.meta.dirname": "__dirname" },
    banner: { js: 'const here = require("node:url").pathToFileURL(__filename).href;' },
    outfile,
    logLevel: "error",
  });
}
