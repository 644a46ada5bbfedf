/**
 * A trial: the policy built in the throwaway place, and measured there or handed to a command. Everything here runs in
 * the inner program (see arena.ts).
 */
import { writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { BackendName } from "../backend/backend.js";
import type { Compiled } from "../ir/compile.js";
import type { Container, Policy } from "../ir/policy.js";
import { attach, type Attached } from "../system/child.js";
import { ipBatch } from "../system/ip.js";
import { createNetns } from "../system/netns.js";
import { planTopology } from "../topology/plan.js";
import { applyPolicy } from "../transaction/apply.js";
import { ARENA } from "./arena.js";
import type { Cell } from "./cells.js";
import { compare, type Result } from "./compare.js";
import { HOST, WORLD } from "./ends.js";
import { measure } from "./measure.js";
import { proberProgram, Probers } from "./probers.js";
import { WORLD_PATH } from "./world.js";

/**
 * The policy with namespaces of ours in place of those that it adopts: nothing that somebody else made is touched, and
 * on the throwaway /run there is nothing to adopt. `replaced` are the containers that this changes.
 */
export async function withStandIns(compiled: Compiled): Promise<{ compiled: Compiled; replaced: string[] }> {
  const replaced: string[] = [];
  const containers: Container[] = [];
  for (const container of compiled.policy.containers) {
    const { sandbox, name } = container;
    const adopted = sandbox.kind === "netns" || sandbox.kind === "pid";
    if (adopted) replaced.push(name);
    const here = sandbox.kind === "netns" && /^(\/var)?\/run\/(?!.*\/\.\.\/)/.test(sandbox.path);
    // A path on /run is empty here, so the namespace can be made where the policy looks for it.
    if (here) await makeAdoptable(sandbox.path);
    containers.push(adopted && !here ? { ...container, sandbox: { kind: "own" } } : container);
  }
  return { compiled: { ...compiled, policy: { ...compiled.policy, containers } }, replaced };
}

/** As its owner would leave it: with a loopback device that is up. */
async function makeAdoptable(path: string): Promise<void> {
  await createNetns(path);
  await ipBatch(path, [["link", "set", "dev", "lo", "up"]]);
}

/** Builds the network, measures every cell with the rules in force, and takes the probers away. */
export async function runTrial(
  compiled: Compiled,
  backend: BackendName,
  cells: readonly Cell[],
  progress: (text: string) => void,
): Promise<Result[]> {
  const { policy } = compiled;
  progress("building the network");
  await applyPolicy(compiled, { backend, rules: false });
  const probers = new Probers(placesOf(policy, cells), proberProgram());
  try {
    const enforce = async (): Promise<void> => void (await applyPolicy(compiled, { backend }));
    const measurements = await measure(policy, cells, probers, { enforce, progress });
    return cells.map((cell, i) => compare(cell, measurements[i] ?? { answers: [] }));
  } finally {
    await probers.end();
  }
}

/** Where the ends that take part in these cells are. */
function placesOf(policy: Policy, cells: readonly Cell[]): Map<string, string | undefined> {
  const paths = new Map<string, string | undefined>([
    [HOST, undefined],
    [WORLD, WORLD_PATH],
  ]);
  for (const { container, path } of planTopology(policy).sandboxes) paths.set(container, path);
  const taking = new Set(cells.flatMap((cell) => [cell.from, ...cell.targets.map((target) => target.name)]));
  return new Map([...paths].filter(([end]) => taking.has(end)));
}

/** Runs a command in the throwaway host, where the policy is live and `tsnet` is this program. */
export async function runCommand(
  compiled: Compiled,
  backend: BackendName,
  command: readonly string[],
): Promise<Attached> {
  await applyPolicy(compiled, { backend });
  const directory = join(ARENA, "bin");
  await mkdir(directory, { recursive: true });
  const self = [process.execPath, ...process.execArgv, process.argv[1] ?? ""].map(quoted).join(" ");
  writeFileSync(join(directory, "tsnet"), `#!/bin/sh\nexec ${self} "$@"\n`, { mode: 0o755 });
  const [first = "", ...args] = command;
  return attach(first, args, { env: { ...process.env, PATH: `${directory}:${process.env["PATH"] ?? ""}` } });
}

/** A word for sh that means itself. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
