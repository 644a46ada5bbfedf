/**
 * Network namespaces that are bound at a path.
 *
 * A namespace is a file on nsfs, mounted over an empty file so that it outlives the processes in it. Making one needs
 * CAP_SYS_ADMIN in the user namespace that owns this mount namespace.
 */
import { closeSync, lstatSync, mkdirSync, openSync, readlinkSync, statfsSync, statSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { type RunOptions, type RunResult, run } from "./run.js";
import { usesNetlink } from "./transport.js";
import { bindNewNetns, unbind } from "./within.js";

/** linux/magic.h, NSFS_MAGIC. */
const NSFS_MAGIC = 0x6e736673;

/**
 * What is at a path: `namespace` a bound namespace; `unbound` an empty plain file, which is what a killed creation or
 * a reboot leaves; `other` anything else; `absent` nothing; `forbidden` what this process may not look at.
 */
export type NetnsState =
  | { readonly kind: "namespace"; /** Same for two paths of one namespace. */ readonly id: string }
  | { readonly kind: "unbound" | "other" | "absent" | "forbidden" };

/** Asked of the kernel at once, in a few microseconds. */
export function netnsState(path: string): NetnsState {
  try {
    // stat, not lstat: /proc/PID/ns/net is a magic link.
    const file = statSync(path);
    if (statfsSync(path).type === NSFS_MAGIC) return { kind: "namespace", id: `${file.dev}:${file.ino}` };
    const plain = lstatSync(path);
    return { kind: plain.isFile() && plain.size === 0 ? "unbound" : "other" };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "absent" };
    if (code === "EACCES") return { kind: "forbidden" };
    if (code === "ELOOP") return { kind: "other" };
    throw error;
  }
}

/**
 * Makes a new, empty namespace (everything in it down) and binds it at `path`, whose directories are made too.
 * Throws an `EEXIST` error when something other than an unbound file is there.
 */
export async function createNetns(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const before = netnsState(path);
  if (before.kind !== "absent" && before.kind !== "unbound") {
    throw Object.assign(new Error(`${path} exists already`), { code: "EEXIST", path });
  }
  if (before.kind === "absent") closeSync(openSync(path, "wx", 0o444));
  try {
    if (usesNetlink()) bindNewNetns(path);
    else await run("unshare", [`--net=${path}`, "true"]);
  } catch (error) {
    if (netnsState(path).kind === "unbound") unlinkSync(path);
    throw error;
  }
}

/**
 * Unbinds namespaces and removes their files. Whatever runs in one keeps it alive until it ends; nothing here ends it.
 * Paths that hold no namespace, or nothing, are no error; anything but an empty file is left where it is.
 */
export async function removeNetns(...paths: string[]): Promise<void> {
  const bound = paths.filter((path) => netnsState(path).kind === "namespace");
  if (bound.length > 0) await unmount(bound);
  for (const path of paths) {
    let state = netnsState(path);
    // A path may be mounted over more than once.
    for (let again = 0; state.kind === "namespace" && again < 8; again++) {
      await unmount([path]);
      state = netnsState(path);
    }
    if (state.kind === "unbound") unlinkSync(path);
  }
}

/** Lazily, because a process may hold the file open. */
async function unmount(paths: readonly string[]): Promise<void> {
  if (!usesNetlink()) await run("umount", ["--lazy", "--", ...paths]);
  else for (const path of paths) unbind(path);
}

/** Runs a command in the namespace at `path`. Throws as `run` does. */
export function runIn(
  path: string,
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return run("nsenter", [`--net=${path}`, "--", command, ...args], options);
}

/**
 * The path under which another process finds this process's own namespace. `/proc/self` of that other process is
 * itself, and this process's id may be another in the process namespace that /proc shows; the link knows it.
 */
export function ownNetns(): string {
  return `/proc/${readlinkSync("/proc/self")}/ns/net`;
}
