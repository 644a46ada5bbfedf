/** The command as people start it, bundled from the sources as they are: dist/ may be older. */
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../kernel/lab.js";
import type { RunOptions, RunResult } from "../../src/system/run.js";
import { placeProgram } from "./programs.mjs";

const root = join(import.meta.dirname, "../..");
// Below node_modules, so that what isn't bundled is found from there.
const directory = await mkdtemp(join(root, "node_modules/.tsnet-command-"));

/** Bundles an entry of the project's into a file beside the command. */
export async function bundle(entry: string, name: string): Promise<string> {
  await placeProgram(directory, name, entry);
  return join(directory, name);
}

const main = await bundle("src/cli/main.ts", "main.cjs");

/** Puts the eBPF programs beside the command, where they could be built. */
export async function takeDataplane(): Promise<void> {
  await copyFile(join(root, "dist/dataplane.o"), join(directory, "dataplane.o")).catch(() => undefined);
}

/** Its words, for what starts it in another way. */
export function commandLine(args: readonly string[]): [string, ...string[]] {
  return [process.execPath, main, ...args];
}

/** Runs it on a lab's host; its exit status is an answer. */
export function tsnet(host: Host, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return host.run(process.execPath, [main, ...args], { accept: "any", ...options });
}

/** To be called when the last test is over. */
export async function forgetCommand(): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}
