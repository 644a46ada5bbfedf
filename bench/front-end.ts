/** Text to plan, each run in a process of its own: what a user waits for is always the first run. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { buildSync } from "esbuild";
import { type Figure, figure } from "./timing.js";

const SCRIPT = `
import { readFileSync } from "node:fs";
import { compile } from ${JSON.stringify(resolve("src/ir/compile.ts"))};
import { plan } from ${JSON.stringify(resolve("src/backend/nftables/plan.ts"))};
const text = readFileSync(process.argv[2], "utf8");
const a = performance.now();
const { policy, timings } = compile(text);
const b = performance.now();
plan(policy);
const c = performance.now();
const memory = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ parse: timings.parse, compile: b - a - timings.parse, plan: c - b, all: c - a, memory }));
`;

export function frontEnd(text: string, rounds: number): Figure[] {
  const directory = mkdtempSync(join(tmpdir(), "tsnet-bench-"));
  try {
    const entry = join(directory, "front-end.ts");
    const bundle = join(directory, "front-end.cjs");
    const policy = join(directory, "policy.tsnet");
    writeFileSync(entry, SCRIPT);
    writeFileSync(policy, text);
    buildSync({
      entryPoints: [entry],
      bundle: true,
      platform: "node",
      format: "cjs",
      outfile: bundle,
      logLevel: "error",
    });
    const runs: Record<string, number>[] = [];
    for (let round = 0; round < rounds; round++) {
      const { stdout, status, stderr } = spawnSync(process.execPath, [bundle, policy], { encoding: "utf8" });
      if (status !== 0) throw new Error(stderr);
      runs.push(JSON.parse(stdout) as Record<string, number>);
    }
    const names = { parse: "parse", compile: "compile", plan: "plan", all: "text to plan", memory: "memory, in MB" };
    return Object.entries(names).map(([part, name]) =>
      figure(
        name,
        runs.map((run) => run[part] as number),
      ),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
