/** Where containers' sandboxes are, and whether they are there. */
import { type Container, containerNamed, type Policy } from "../ir/policy.js";
import { netnsState } from "../system/netns.js";
import { netnsPath } from "../topology/names.js";
import { EXIT, Failure } from "./exit.js";
import { shown } from "./output.js";

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

/** `sandboxPath`, where a namespace is; exit 3 where none is any more, also where only the file has stayed. */
export function standingSandbox(policy: Policy, container: Container): string | undefined {
  const path = sandboxPath(policy, container);
  const state = path === undefined ? undefined : netnsState(path).kind;
  if (path === undefined || state === "namespace") return path;
  if (state === "forbidden")
    throw new Failure(
      EXIT.system,
      `the sandbox of '${shown(container.name)}' may not be read (${shown(path)})`,
      "run it as root of the host",
    );
  throw new Failure(
    EXIT.system,
    `the sandbox of '${shown(container.name)}' is gone (${shown(path)})`,
    "apply the policy again",
  );
}
