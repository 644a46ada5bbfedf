/** `tsnet exec` */
import { existsSync } from "node:fs";
import type { Container, Policy } from "../ir/policy.js";
import { enter } from "../system/enter.js";
import { probe } from "../system/features.js";
import { hostsPath } from "../topology/names.js";
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
  const privilege = await probe("net_admin");
  if (!privilege.ok && sandboxPath(policy, container) !== undefined)
    throw new Failure(EXIT.system, `entering a sandbox needs root: ${privilege.what}`, privilege.mend);
  const netns = standingSandbox(policy, container);
  const hosts = netns === undefined ? undefined : standingHosts(policy, container);
  const binds = hosts !== undefined && existsSync("/etc/hosts") ? [{ from: hosts, to: "/etc/hosts" }] : [];
  process.exitCode = await enter({ netns, binds, env: variables(policy, container), command });
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
