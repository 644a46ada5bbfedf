/** Lowers `share`. */
import type { ShareStatement } from "../ast/nodes.js";
import type { Lowering } from "./lowering.js";
import type { Share } from "./policy.js";
import { containersNamed } from "./publish-targets.js";

/** What a mount over would take away from the command itself, or from every program. */
const KEPT = ["/run/tsnet", "/var/lib/tsnet", "/proc", "/sys"];

/**
 * A directory of the policy's own, and the containers whose sandboxes see it. Statements of one path mean one directory,
 * so the path is without `.`, doubled and trailing slashes.
 */
export function lowerShare(low: Lowering, statement: ShareStatement): Share | undefined {
  const path = sharedPath(low, statement);
  const containers = containersNamed(low, statement.containers);
  if (path === undefined || containers === undefined) return undefined;
  const names = new Set<string>();
  for (const { name } of containers) {
    const sandbox = low.containers.get(name)?.sandbox;
    names.add(sandbox?.kind === "container" ? sandbox.other : name);
  }
  return { path, containers: [...names], origin: low.origins.of(statement) };
}

function sharedPath(low: Lowering, { path: { text, span } }: ShareStatement): string | undefined {
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  if (!text.startsWith("/") || text.includes("\0") || parts.includes("..")) {
    low.diagnostics.error("bad-path", span, `'${text}' is no absolute path`, {
      why: "A share is mounted at one place inside each sandbox: an absolute path without '..'.",
      help: 'write the whole path: share "/run/db" {app, db}',
    });
    return undefined;
  }
  const path = `/${parts.join("/")}`;
  const under = (one: string, other: string): boolean => `${one}/`.startsWith(other === "/" ? other : `${other}/`);
  const kept = KEPT.find((one) => under(path, one) || under(one, path));
  if (kept !== undefined) {
    low.diagnostics.error("bad-path", span, `'${text}' would hide ${kept}`, {
      why: "What is mounted there hides what is there, and commands in a sandbox need it.",
      help: 'take a directory of its own: share "/run/db" {app, db}',
    });
    return undefined;
  }
  return path;
}
