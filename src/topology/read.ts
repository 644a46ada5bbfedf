/**
 * What is there now: of ours, by mark and path, and of others, as far as it could be in the way.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { netnsState } from "../system/netns.js";
import { readSysctl, readSysctlsIn } from "../system/sysctl.js";
import { type Actual, type ActualSandbox, ownLinks } from "./actual.js";
import { policyDirectory, policyNetnsDirectory } from "./names.js";
import { readStack } from "./stack.js";
import { endpointSettings } from "./settings.js";
import type { Topology } from "./topology.js";

export interface ReadOptions {
  /** Read the sysctls inside the sandboxes too: one process more for each. */
  readonly settings?: boolean;
  /** What was applied before: its adopted namespaces are known from nowhere else. */
  readonly before?: Topology | undefined;
}

/** Changes nothing. One process for the host and one for each sandbox, all at once. */
export async function readTopology(topology: Topology, options: ReadOptions = {}): Promise<Actual> {
  const { policy } = topology;
  const [host, own, paths, hosts] = await Promise.all([
    readStack(undefined),
    netnsState("/proc/self/ns/net"),
    sandboxPaths(topology, options.before).then((all) =>
      Promise.all(all.map((path) => readSandbox(path, topology, options.settings === true))),
    ),
    readHostsFiles(policy),
  ]);
  const devices = new Set(ownLinks(host, policy).map((link) => link.name));
  const names = [...devices].flatMap(endpointSettings);
  for (const plan of topology.bridges) if (host.links.has(plan.device)) names.push(...plan.sysctls.map((s) => s.path));
  for (const { endpoints } of topology.sandboxes)
    for (const endpoint of endpoints)
      if (host.links.has(endpoint.device)) names.push(...endpoint.hostSysctls.map((s) => s.path));
  return {
    policy,
    host,
    hostId: own.kind === "namespace" ? own.id : undefined,
    sandboxes: new Map(paths.map((sandbox) => [sandbox.path, sandbox])),
    sysctls: readAll(new Set(names)),
    hosts,
  };
}

/** The files in the directory of a policy's own namespaces. */
export async function ownNetnsPaths(policy: string): Promise<string[]> {
  const directory = policyNetnsDirectory(policy);
  return (await list(directory)).map((name) => join(directory, name));
}

async function sandboxPaths(topology: Topology, before: Topology | undefined): Promise<string[]> {
  const named = [...topology.sandboxes, ...(before?.sandboxes ?? [])].map((sandbox) => sandbox.path);
  return [...new Set([...named, ...(await ownNetnsPaths(topology.policy))])];
}

async function readSandbox(path: string, topology: Topology, settings: boolean): Promise<ActualSandbox> {
  const state = await netnsState(path);
  if (state.kind !== "namespace") return { path, state, stack: undefined, sysctls: undefined };
  const plan = topology.sandboxes.find((sandbox) => sandbox.path === path);
  const names = plan?.endpoints.flatMap((endpoint) => endpoint.inside.sysctls.map((sysctl) => sysctl.path)) ?? [];
  const [stack, sysctls] = await Promise.all([
    readStack(path),
    settings ? readSysctlsIn(path, names) : Promise.resolve(undefined),
  ]);
  return { path, state, stack, sysctls };
}

async function readHostsFiles(policy: string): Promise<Map<string, string>> {
  const directory = policyDirectory(policy);
  const paths = (await list(directory)).map((name) => join(directory, name, "hosts"));
  const texts = await Promise.all(paths.map((path) => readFile(path, "utf8").catch(() => undefined)));
  return new Map(paths.flatMap((path, i) => (texts[i] === undefined ? [] : [[path, texts[i]]])));
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

function readAll(names: Iterable<string>): Map<string, string> {
  const values = new Map<string, string>();
  for (const name of names) {
    const value = readSysctl(name);
    if (value !== undefined) values.set(name, value);
  }
  return values;
}
