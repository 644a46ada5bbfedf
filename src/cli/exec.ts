/** `tsnet exec` */
import { existsSync, lstatSync } from "node:fs";
import type { Container, Policy } from "../ir/policy.js";
import { enter } from "../system/enter.js";
import { probe } from "../system/features.js";
import { type Bind, type MountStep, mountSteps, NoPlace } from "../system/mounts.js";
import { hostsPath, SHARES_ROOT } from "../topology/names.js";
import { planShares } from "../topology/shares.js";
import type { SharePlan } from "../topology/topology.js";
import { variables } from "../topology/variables.js";
import { EXIT, Failure } from "./exit.js";
import { findLive } from "./live.js";
import { shown } from "./output.js";
import { sandboxPath, standingSandbox } from "./sandbox.js";

export async function exec(name: string, command: readonly string[]): Promise<void> {
  if (command.length === 0)
    throw new Failure(EXIT.usage, "exec needs a command after '--'", `tsnet exec ${name} -- ip addr`);
  const found = findLive(name);
  if (found.kind !== "container")
    throw new Failure(EXIT.usage, `'${name}' is a network, and commands run in containers`);
  const { policy, container } = found;
  const shares = sharesOf(policy, container);
  const privilege = await probe("net_admin");
  if (!privilege.ok && (shares.length > 0 || sandboxPath(policy, container) !== undefined))
    throw new Failure(EXIT.system, `entering a sandbox needs root: ${privilege.what}`, privilege.mend);
  const netns = standingSandbox(policy, container);
  const hosts = netns === undefined ? undefined : standingHosts(policy, container);
  const files = hosts !== undefined && existsSync("/etc/hosts") ? [{ from: hosts, to: "/etc/hosts" }] : [];
  const mounts = netns === undefined && shares.length === 0 ? [] : mountsOf(container, files, shares);
  process.exitCode = await enter({ netns, mounts, env: variables(policy, container), command });
}

function sharesOf(policy: Policy, { name, sandbox }: Container): SharePlan[] {
  const owner = sandbox.kind === "container" ? sandbox.other : name;
  return planShares(policy).filter(({ containers }) => containers.includes(owner));
}

/** A link in its place isn't ours. */
function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Shares are seen at their paths, and nowhere else: not even where they are kept. */
function mountsOf({ name }: Container, files: readonly Bind[], shares: readonly SharePlan[]): MountStep[] {
  const gone = shares.find(({ directory }) => !isDirectory(directory));
  if (gone !== undefined)
    throw new Failure(
      EXIT.system,
      `the directory that '${shown(name)}' has at ${shown(gone.path)} is gone (${shown(gone.directory)})`,
      "apply the policy again",
    );
  const directories = shares.map(({ path, directory }) => ({ from: directory, to: path }));
  try {
    return mountSteps(files, directories, existsSync(SHARES_ROOT) ? SHARES_ROOT : undefined);
  } catch (error) {
    if (!(error instanceof NoPlace)) throw error;
    throw new Failure(
      EXIT.system,
      `what '${shown(name)}' shares can't be mounted: ${shown(error.message)}`,
      "share another path",
    );
  }
}

/** The hosts file of a container's sandbox. Without it names would silently be the host's. */
function standingHosts(policy: Policy, { name, sandbox }: Container): string {
  const path = hostsPath(policy.name, sandbox.kind === "container" ? sandbox.other : name);
  if (existsSync(path)) return path;
  throw new Failure(
    EXIT.system,
    `the hosts file of '${shown(name)}' is gone (${shown(path)})`,
    "apply the policy again",
  );
}
