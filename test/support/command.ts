/** The command as people start it, bundled from the sources as they are: dist/ may be older. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import type { Host } from "../kernel/lab.js";
import type { RunOptions, RunResult } from "../../src/system/run.js";

const directory = await mkdtemp(join(tmpdir(), "tsnet-command-"));
const main = join(directory, "main.cjs");

await build({
  absWorkingDir: join(import.meta.dirname, "../.."),
  entryPoints: ["src/cli/main.ts"],
  outfile: main,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  logLevel: "error",
  define: {
    "import.meta.url": "__importMetaUrl",
    "import.meta.dirname": "__dirname",
    "import.meta.filename": "__filename",
  },
  banner: { js: 'const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
});

/** Runs it on a lab's host; its exit status is an answer. */
export function tsnet(host: Host, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return host.run(process.execPath, [main, ...args], { accept: "any", ...options });
}

/** To be called when the last test is over. */
export async function forgetCommand(): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}
