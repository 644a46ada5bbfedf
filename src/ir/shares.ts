/** Lowers `share`. */
import type { ShareStatement } from "../ast/nodes.js";
import type { Lowering } from "./lowering.js";
import type { Share } from "./policy.js";
import { containersNamed } from "./publish-targets.js";

/** Where nothing is mounted, and nothing over it. */
const KEPT = ["/run/tsnet", "/var/lib/tsnet", "/proc", "/sys"];
/** What a mount over would take away from every program. */
const NEEDED = ["/dev", "/usr/bin", "/usr/lib", "/bin", "/lib", "/sbin"];
/** Bytes of a path and of one of its names, with what ends them: limits.h */
const PATH_MAX = 4096;
const NAME_MAX = 255;

/** A container has no share inside another's place: what is in that one is for its containers to say. */
export function checkShares(low: Lowering, shares: readonly Share[]): void {
  const at = new Map<string, Share[]>();
  for (const share of shares) {
    const same = at.get(share.path);
    if (same === undefined) at.set(share.path, [share]);
    else same.push(share);
  }
  for (const { path, containers, origin } of shares) {
    const outer = outsides(path).flatMap((one) => at.get(one) ?? []);
    const other = outer.find((one) => one.containers.some((name) => containers.includes(name)));
    if (other === undefined) continue;
    const both = containers.find((name) => other.containers.includes(name));
    low.diagnostics.error("bad-path", origin.span, `'${path}' is inside '${other.path}', which '${both}' shares, too`, {
      why: "What is inside a share is for its containers to say; a link of theirs could lead anywhere.",
      help: "share the outer one alone, or another path",
      related: [{ span: other.origin.span, message: "the other share" }],
    });
  }
}

/** What a path is in, the root directory left out. */
function outsides(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(2).map((_, i) => parts.slice(0, i + 2).join("/"));
}

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
  const bytes = (words: string): number => new TextEncoder().encode(words).length;
  if (bytes(path) >= PATH_MAX || parts.some((part) => bytes(part) > NAME_MAX)) {
    low.diagnostics.error("bad-path", span, "no file system has so long a path", {
      why: `A path has less than ${PATH_MAX} bytes, and each name in it at most ${NAME_MAX}.`,
      help: 'write a shorter one: share "/run/db" {app, db}',
    });
    return undefined;
  }
  const kept = KEPT.find((one) => under(path, one)) ?? [...KEPT, ...NEEDED].find((one) => under(one, path));
  if (kept !== undefined) {
    low.diagnostics.error("bad-path", span, `'${text}' would hide ${kept}`, {
      why: "What is mounted there hides what is there, and commands in a sandbox need it.",
      help: 'take a directory of its own: share "/run/db" {app, db}',
    });
    return undefined;
  }
  return path;
}
