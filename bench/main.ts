/**
 * `npm run bench [-- --quick] [-- --only=PART]`: start-up, front end, cold apply and topology, each beside its peer in
 * the same run.
 *
 * What changes a host needs root and happens in network and mount namespaces of its own.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { coldApply } from "./cold-apply.js";
import { frontEnd } from "./front-end.js";
import { type Figure, interleave } from "./timing.js";
import { manySandboxes, rereading } from "./topology.js";
import { mixed, workload } from "./workload.js";

interface Group {
  readonly name: string;
  readonly figures: readonly Figure[];
}

const QUICK = process.argv.includes("--quick");
const INSIDE = "--inside";
const ONLY = process.argv.find((word) => word.startsWith("--only="))?.slice("--only=".length);

/** Parts are `start-up`, `front end`, `cold apply` and `topology`. */
function wanted(part: string): boolean {
  return ONLY === undefined || ONLY === part;
}

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
  const groups: Group[] = [];
  if (wanted("start-up")) groups.push({ name: "start-up", figures: interleave(cases, QUICK ? 10 : 20) });
  for (const count of !wanted("front end") ? [] : QUICK ? [10_000] : [1_000, 10_000, 100_000])
    groups.push({
      name: `front end, ${count} statements`,
      figures: frontEnd(workload(count).policy, QUICK ? 3 : 7),
    });
  if (wanted("front end"))
    groups.push({ name: "front end, 10000 mixed statements", figures: frontEnd(mixed(10_000), QUICK ? 3 : 7) });
  const again = [node, ...process.execArgv, ...process.argv.slice(1), INSIDE];
  const shell = [
    "sh",
    "-c",
    'mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && ip link set lo up && exec "$@"',
    "sh",
    ...again,
  ];
  const inside = spawnSync("unshare", ["--net", "--mount", "--propagation", "private", ...shell], { encoding: "utf8" });
  if (inside.status === 0) groups.push(...(JSON.parse(inside.stdout) as Group[]));
  else console.error(`cold apply and topology not measured: ${inside.stderr.trim().split("\n").pop()}`);

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
    console.log(`\n${name}${/^(front|reading)/.test(name) ? "" : `: ${ratio(figures)}`}`);
    for (const { name: what, median, min, max } of figures)
      console.log(
        `  ${what.padEnd(28)} ${median.toFixed(1).padStart(8)}${what.endsWith("MB") ? "   " : " ms"}  (${min.toFixed(1)} to ${max.toFixed(1)})`,
      );
  }
  mkdirSync("bench/results", { recursive: true });
  writeFileSync("bench/results/latest.json", `${JSON.stringify({ environment, groups }, null, 2)}\n`);
}

if (process.argv.includes(INSIDE)) {
  const groups: Group[] = [];
  for (const n of !wanted("cold apply") ? [] : QUICK ? [10_000] : [1, 10_000])
    groups.push({ name: `cold apply, ${n} statements`, figures: coldApply(n, QUICK ? 5 : 15) });
  if (wanted("topology")) {
    for (const n of QUICK ? [100] : [10, 1_000])
      groups.push({ name: `topology, ${n} sandboxes up`, figures: manySandboxes(n, n > 100 ? 5 : 9, !QUICK) });
    groups.push({ name: "reading the host and 10 sandboxes", figures: rereading(10) });
  }
  console.log(JSON.stringify(groups));
} else outside();
