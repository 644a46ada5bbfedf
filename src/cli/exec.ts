/** `tsnet exec` */
import { existsSync } from "node:fs";
import { type Container, containerNamed, type Policy } from "../ir/policy.js";
import { enter } from "../system/enter.js";
import { probe } from "../system/features.js";
import { hostsPath, netnsPath } from "../topology/names.js";
import { variables } from "../topology/variables.js";
import { EXIT, Failure } from "./exit.js";
import { findLive } from "./live.js";

export async function exec(name: string, command: readonly string[]): Promise<void> {
  if (command.length === 0)
    throw new Failure(EXIT.usage, "exec needs a command after '--'", `tsnet exec ${name} -- ip addr`);
  const found = findLive(name);
  if (found.kind !== "container")
    throw new Failure(EXIT.usage, `'${name}' is a network, and commands run in containers`);
  const { policy, container } = found;
  const netns = sandboxPath(policy, container);
  if (netns !== undefined && !existsSync(netns))
    throw new Failure(EXIT.system, `the sandbox of '${name}' is gone (${netns})`, "apply the policy again");
  const privilege = await probe("net_admin");
  if (!privilege.ok && netns !== undefined)
    throw new Failure(EXIT.system, `entering a sandbox needs root: ${privilege.what}`, privilege.mend);
  const owner = container.sandbox.kind === "container" ? container.sandbox.other : container.name;
  const hosts = hostsPath(policy.name, owner);
  const binds = existsSync(hosts) && existsSync("/etc/hosts") ? [{ from: hosts, to: "/etc/hosts" }] : [];
  process.exitCode = await enter({ netns, binds, env: variables(policy, container), command });
}

/** The file of a container's network namespace; undefined for the host's own. */
export function sandboxPath(policy: Policy, container: Container): string | undefined {
  const { sandbox } = container;
  switch (sandbox.kind) {
    case "host":
      return undefined;
    case "container":
      return sandboxPath(policy, containerNamed(policy, sandbox.other));
    case "netns":
      return sandbox.path;
    case "pid":
      return `/proc/${sandbox.pid}/ns/net`;
    default:
      return netnsPath(policy.name, container.name);
  }
}
