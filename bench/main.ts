/**
 * `npm run bench [-- --quick]`: start-up, front end and cold apply, each beside its peer in the same run.
 *
 * The cold apply needs root and happens in network and mount namespaces of its own.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { coldApply } from "./cold-apply.js";
import { frontEnd } from "./front-end.js";
import { type Figure, interleave } from "./timing.js";

interface Group {
  readonly name: string;
  readonly figures: readonly Figure[];
}

const QUICK = process.argv.includes("--quick");
const INSIDE = "--inside";

function version(command: string, ...args: string[]): string {
  const { stdout } = spawnSync(command, args, { encoding: "utf8" });
  return (stdout ?? "").split("\n")[0] ?? "";
}

/** The first figure against the last, which is the peer. */
function ratio(figures: readonly Figure[]): string {
  const [first, last] = [figures[0], figures[figures.length - 1]];
  return first === undefined || last === undefined ? "" : `${(first.median / last.median).toFixed(2)} x ${last.name}`;
}

function outside(): void {
  const node = process.execPath;
  const cases = [
    { name: "tsnet check, one line", command: [node, resolve("dist/tsnet.js"), "check", "policies/01-one-line.tsnet"] },
    { name: "node -e 0", command: [node, "-e", "0"] },
  ];
  const groups: Group[] = [{ name: "start-up", figures: interleave(cases, QUICK ? 10 : 20) }];
  for (const count of QUICK ? [10_000] : [1_000, 10_000, 100_000])
    groups.push({ name: `front end, ${count} statements`, figures: frontEnd(count, QUICK ? 3 : 7) });
  const again = [node, ...process.execArgv, ...process.argv.slice(1), INSIDE];
  const shell = ["sh", "-c", 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"', "sh", ...again];
  const inside = spawnSync("unshare", ["--net", "--mount", "--propagation", "private", ...shell], { encoding: "utf8" });
  if (inside.status === 0) groups.push(...(JSON.parse(inside.stdout) as Group[]));
  else console.error(`cold apply not measured: ${inside.stderr.trim().split("\n").pop()}`);

  const environment = {
    kernel: version("uname", "-r"),
    node: process.version,
    nft: version("nft", "--version"),
    ip: version("ip", "-V"),
  };
  console.log(
    Object.entries(environment)
      .map(([key, value]) => `${key}: ${value}`)
      .join("; "),
  );
  for (const { name, figures } of groups) {
    console.log(`\n${name}${name.startsWith("front") ? "" : `: ${ratio(figures)}`}`);
    for (const { name: what, median, min, max } of figures)
      console.log(`  ${what.padEnd(28)} ${median.toFixed(1).padStart(8)} ms  (${min.toFixed(1)} to ${max.toFixed(1)})`);
  }
  mkdirSync("bench/results", { recursive: true });
  writeFileSync("bench/results/latest.json", `${JSON.stringify({ environment, groups }, null, 2)}\n`);
}

if (process.argv.includes(INSIDE)) {
  const counts = QUICK ? [10_000] : [1, 10_000];
  const groups = counts.map((n): Group => ({
    name: `cold apply, ${n} statements`,
    figures: coldApply(n, QUICK ? 5 : 15),
  }));
  console.log(JSON.stringify(groups));
} else outside();
