/**
 * Many sandboxes up on one network in one apply, beside the same lines by `ip -batch`, and by one ip a line.
 *
 * The peers get the very lines of the plan, without its sysctls, which ip can't set: they do less. Namespaces are made
 * by `ip netns add`, one a sandbox, as a person would.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { compile } from "../src/ir/compile.js";
import { addVethFromHost } from "../src/topology/lines.js";
import { planTopology } from "../src/topology/plan.js";
import type { Topology } from "../src/topology/topology.js";
import { bridgeWorks, endpointWorks, type Work } from "../src/topology/work.js";
import { interleave } from "../src/measure/interleave.js";
import { ratio, type Suite } from "../src/measure/report.js";
import { summarise } from "../src/measure/statistics.js";
import { Stopwatch } from "../src/system/stopwatch.js";
import { bundleScript, type Bench, runOrThrow as run } from "./suite.js";
import { inWorld } from "./world.js";

/** `up`, `down`, or how long reading takes in this process. */
const SCRIPT = `
import { readFileSync } from "node:fs";
import { compile } from ${JSON.stringify(resolve("src/ir/compile.ts"))};
import { prepare, raise } from ${JSON.stringify(resolve("src/topology/apply.ts"))};
import { differ } from ${JSON.stringify(resolve("src/topology/difference.ts"))};
import { planTopology } from ${JSON.stringify(resolve("src/topology/plan.ts"))};
import { readTopology } from ${JSON.stringify(resolve("src/topology/read.ts"))};
import { removeTopology } from ${JSON.stringify(resolve("src/topology/remove.ts"))};
const [what, file] = process.argv.slice(2);
const main = async () => {
  if (what === "down") return removeTopology("tsnet");
  const topology = planTopology(compile(readFileSync(file, "utf8")).policy);
  if (what === "up") {
    const difference = differ(topology, await readTopology(topology));
    await prepare(difference);
    await raise(difference);
    return;
  }
  const times = [];
  for (let round = 0; round < 20; round++) {
    const started = performance.now();
    const { changes } = differ(topology, await readTopology(topology));
    times.push(performance.now() - started);
    if (changes.length > 0) throw new Error(changes[0].text);
  }
  console.log(JSON.stringify(times));
};
main().catch((error) => { console.error(error.stack); process.exitCode = 1; });
`;

function policyOf(count: number): string {
  const address = (k: number): string => `10.199.${k >> 8}.${k & 255}`;
  const containers = Array.from({ length: count }, (_, k) => `container c${k} { network n ip ${address(k + 2)} }`);
  return `network n { subnet 10.199.0.0/16 }\n${containers.join("\n")}\n`;
}

/** Namespaces are taken apart behind everybody's back, on the same processors: waits until the kernel has done it. */
function quiet(): void {
  for (let still = 0; still < 3; still++) {
    spawnSync("sleep", ["0.1"]);
    if (isCleaning()) still = -1;
  }
}

/** A worker of the kernel's shows in its name what it is at. */
function isCleaning(): boolean {
  return readdirSync("/proc").some((name) => {
    try {
      return /^\d+$/.test(name) && /^kworker.*\+netns/.test(readFileSync(`/proc/${name}/comm`, "utf8"));
    } catch {
      return false;
    }
  });
}

/** The plan's lines as two shell scripts: batches, and a process a line. */
function byHand(topology: Topology, directory: string): { batch: string; loop: string } {
  const name = (path: string): string => path.split("/").at(-1) as string;
  const line = (work: Work): readonly string[] => (work.kind === "ip" ? work.line : []);
  const isIp = (place: boolean) => (work: Work) => work.kind === "ip" && (work.place !== undefined) === place;
  const host = topology.bridges.flatMap((bridge) => bridgeWorks(bridge, bridge.device).filter(isIp(false)).map(line));
  const inside: [string, readonly string[]][] = [];
  for (const { path, endpoints } of topology.sandboxes) {
    inside.push([name(path), ["link", "set", "dev", "lo", "up"]]);
    for (const endpoint of endpoints) {
      const works = endpointWorks(endpoint, path);
      host.push(addVethFromHost(endpoint, name(path)), ...works.filter(isIp(false)).map(line));
      inside.push(
        ...works
          .filter(isIp(true))
          .slice(1)
          .map((work): [string, readonly string[]] => [name(path), line(work)]),
      );
    }
  }
  const places = [...new Set(inside.map(([place]) => place))];
  const write = (file: string, lines: readonly string[]): string => {
    writeFileSync(join(directory, file), `${lines.join("\n")}\n`);
    return join(directory, file);
  };
  const add = places.map((place) => `ip netns add ${place}`);
  for (const place of places)
    write(
      `${place}.batch`,
      inside.filter(([of]) => of === place).map(([, words]) => words.join(" ")),
    );
  const hosts = write(
    "host.batch",
    host.map((words) => words.join(" ")),
  );
  const each = places.map((place) => `ip -n ${place} -batch ${join(directory, `${place}.batch`)}`);
  return {
    batch: write("batch.sh", ["set -e", ...add, `ip -batch ${hosts}`, ...each]),
    loop: write("loop.sh", [
      "set -e",
      ...add,
      ...host.map((words) => `ip ${words.join(" ")}`),
      ...inside.map(([place, words]) => `ip -n ${place} ${words.join(" ")}`),
    ]),
  };
}

/** Takes away what a script made. */
function clear(topology: Topology): void {
  spawnSync("ip", ["-all", "netns", "delete"]);
  for (const { device } of topology.bridges) spawnSync("ip", ["link", "delete", "dev", device]);
  const left = readdirSync("/sys/class/net").filter((device) => device.startsWith("tsv-"));
  for (const device of left) spawnSync("ip", ["link", "delete", "dev", device]);
}

interface Prepared {
  readonly bundle: string;
  readonly policy: string;
  readonly directory: string;
  readonly topology: Topology;
}

async function withFiles<T>(count: number, work: (prepared: Prepared) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "tsnet-bench-"));
  // Beside the built program: koffi is looked for from there when it runs.
  const bundle = resolve("dist", `bench-${process.pid}.cjs`);
  try {
    const [entry, policy] = [join(directory, "topology.ts"), join(directory, "policy.tsnet")];
    const text = policyOf(count);
    writeFileSync(entry, SCRIPT);
    writeFileSync(policy, text);
    bundleScript(entry, bundle);
    return await work({ bundle, policy, directory, topology: planTopology(compile(text).policy) });
  } finally {
    rmSync(bundle, { force: true });
    rmSync(directory, { recursive: true, force: true });
  }
}

export const topology: Bench = {
  name: "topology",
  kernel: true,
  run: ({ quick, way, progress }) =>
    inWorld(way, async (world) => {
      const suites: Suite[] = [];
      for (const count of quick ? [20] : [10, 1_000]) {
        progress(`${count} sandboxes`);
        const rounds = quick ? 2 : count > 100 ? 5 : 9;
        suites.push(await world.call(import.meta.url, "manySandboxes", count, rounds, !quick));
      }
      progress("reading");
      suites.push(await world.call(import.meta.url, "rereading", 10));
      return suites;
    }),
};

// In a world ---------------------------------------------------------------------------------------------------------

/** `loop`: also one process a line, which takes minutes. */
export function manySandboxes(count: number, rounds: number, loop: boolean): Promise<Suite> {
  return withFiles(count, async ({ bundle, policy, directory, topology }) => {
    const scripts = byHand(topology, directory);
    const node = process.execPath;
    const stopwatch = new Stopwatch();
    const before = (): Promise<void> => {
      run(node, [bundle, "down"]);
      clear(topology);
      quiet();
      return Promise.resolve();
    };
    const shell = (name: string, script: string) => ({
      name,
      work: { command: "sh", args: [script] },
      stopwatch,
      before,
    });
    const cases = [
      { name: "tsnet", work: { command: node, args: [bundle, "up", policy] }, stopwatch, before },
      ...(loop ? [shell("one ip a line", scripts.loop)] : []),
      shell("ip -batch", scripts.batch),
    ];
    const { figures, missing } = await interleave(cases, rounds);
    await before();
    await stopwatch.end();
    const ratios = ratio(figures, "tsnet", "ip -batch").map((one) => (count === 1_000 ? { ...one, limit: 0.5 } : one));
    return {
      name: `topology, ${count.toLocaleString("en")} sandboxes up`,
      note: "ip gets the plan's own lines, without the sysctls, which it can't set: it does less.",
      figures,
      ratios,
      missing,
    };
  });
}

/** What applying again reads when nothing is to change: cold is the first reading of a process. */
export function rereading(count: number): Promise<Suite> {
  return withFiles(count, ({ bundle, policy }) => {
    const node = process.execPath;
    run(node, [bundle, "up", policy]);
    const read = (transport: string): number[] =>
      JSON.parse(run(node, [bundle, "read", policy], { TSNET_TRANSPORT: transport })) as number[];
    const figures = ["netlink", "nft"].flatMap((transport) => {
      const runs = Array.from({ length: 5 }, () => read(transport));
      const how = transport === "nft" ? "by tools" : transport;
      return [
        summarise(
          `${how}, cold`,
          "ms",
          runs.map((times) => times[0] as number),
        ),
        summarise(
          `${how}, warm`,
          "ms",
          runs.flatMap((times) => times.slice(10)),
        ),
      ];
    });
    run(node, [bundle, "down"]);
    const name = `reading the host and ${count} sandboxes`;
    return Promise.resolve({ name, figures, ratios: ratio(figures, "netlink, warm", "by tools, warm"), missing: [] });
  });
}
