/**
 * What is there now: of ours, by mark and path, and of others, as far as it could be in the way.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { netnsState } from "../system/netns.js";
import { readSysctl, readSysctlsIn } from "../system/sysctl.js";
import { type Actual, type ActualSandbox, ownLinks } from "./actual.js";
import type { KnownSandboxes } from "./known.js";
import { policyDirectory, policyNetnsDirectory } from "./names.js";
import { type PlaceRead, readPlace } from "./stack.js";
import { endpointSettings } from "./settings.js";
import { readShares } from "./share-directory.js";
import type { SandboxPlan, Topology } from "./topology.js";

export interface ReadOptions {
  /** Read the sysctls inside the sandboxes too: without netlink, one process more for each. */
  readonly settings?: boolean;
  /** Whether a command about the policy was cut off. */
  readonly cutOff?: boolean;
  /** What was applied before: its adopted namespaces are known from nowhere else. */
  readonly before?: Topology | undefined;
  /**
   * What was read a moment ago, the namespaces that something was done in since, and whether hosts files were written: the
   * rest is as it was.
   */
  readonly since?:
    { readonly actual: Actual; readonly places: ReadonlySet<string>; readonly hosts: boolean } | undefined;
  /** What is known of sandboxes; what is read is noted there. */
  readonly known?: KnownSandboxes | undefined;
}

/** Changes nothing. Without netlink one process for the host and one for each sandbox, all at once. */
export async function readTopology(topology: Topology, options: ReadOptions = {}): Promise<Actual> {
  const { policy } = topology;
  const plans = new Map(topology.sandboxes.map((sandbox) => [sandbox.path, sandbox]));
  const { since } = options;
  const settings = options.settings === true;
  // Before the host: reading it gives its neighbours their numbers.
  const known = !settings && options.known?.refresh() === true ? options.known : undefined;
  const paths = sandboxPaths(topology, options);
  const [{ stack: host, setting }, ...sandboxes] = await Promise.all([
    readPlace(undefined),
    ...paths.map((path) => {
      const before = since?.places.has(path) === false ? since.actual.sandboxes.get(path) : undefined;
      return before ?? readSandbox(path, plans.get(path), settings, known);
    }),
  ]);
  const own = netnsState("/proc/self/ns/net");
  const devices = new Set(ownLinks(host, policy).map((link) => link.name));
  const names = [...devices].flatMap(endpointSettings);
  for (const plan of topology.bridges) if (host.links.has(plan.device)) names.push(...plan.sysctls.map((s) => s.path));
  for (const { endpoints } of topology.sandboxes)
    for (const endpoint of endpoints)
      if (host.links.has(endpoint.device)) names.push(...endpoint.hostSysctls.map((s) => s.path));
  return {
    policy,
    cutOff: options.cutOff === true,
    host,
    hostId: own.kind === "namespace" ? own.id : undefined,
    sandboxes: new Map(sandboxes.map((sandbox) => [sandbox.path, sandbox])),
    sysctls: readAll(new Set(names), setting),
    hosts: since?.hosts === false ? since.actual.hosts : readHostsFiles(policy),
    shares: readShares(policy),
  };
}

/** The files in the directory of a policy's own namespaces. */
export function ownNetnsPaths(policy: string): string[] {
  const directory = policyNetnsDirectory(policy);
  return list(directory).map((name) => join(directory, name));
}

function sandboxPaths(topology: Topology, { before, since }: ReadOptions): string[] {
  const named = [...topology.sandboxes, ...(before?.sandboxes ?? [])].map((sandbox) => sandbox.path);
  const others = since?.actual.sandboxes.keys() ?? ownNetnsPaths(topology.policy);
  return [...new Set([...named, ...others])];
}

async function readSandbox(
  path: string,
  plan: SandboxPlan | undefined,
  settings: boolean,
  known: KnownSandboxes | undefined,
): Promise<ActualSandbox> {
  const state = netnsState(path);
  if (state.kind !== "namespace") return { path, state, stack: undefined, sysctls: undefined };
  const before = known?.at(path, state.id);
  if (before !== undefined) return before;
  const number = known?.numberOf(path);
  const { stack, setting } = await readPlace(path);
  if (!settings) {
    const sandbox: ActualSandbox = { path, state, stack, sysctls: undefined };
    if (number !== undefined) known?.note(number, sandbox);
    return sandbox;
  }
  const names = plan?.endpoints.flatMap((endpoint) => endpoint.inside.sysctls.map((sysctl) => sysctl.path)) ?? [];
  const found = new Map<string, string>();
  const unsaid: string[] = [];
  for (const name of names) {
    const value = setting(name);
    if (value === undefined) unsaid.push(name);
    else found.set(name, value);
  }
  return { path, state, stack, sysctls: new Map([...found, ...(await readSysctlsIn(path, unsaid))]) };
}

function readHostsFiles(policy: string): Map<string, string> {
  const directory = policyDirectory(policy);
  const texts = new Map<string, string>();
  for (const name of list(directory)) {
    const path = join(directory, name, "hosts");
    try {
      texts.set(path, readFileSync(path, "utf8"));
    } catch {
      // Other parts keep directories of theirs beside it.
    }
  }
  return texts;
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

function readAll(names: Iterable<string>, setting: PlaceRead["setting"]): Map<string, string> {
  const values = new Map<string, string>();
  for (const name of names) {
    const value = setting(name) ?? readSysctl(name);
    if (value !== undefined) values.set(name, value);
  }
  return values;
}
