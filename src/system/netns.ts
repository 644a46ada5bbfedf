/**
 * Network namespaces that are bound at a path.
 *
 * A namespace is a file on nsfs, mounted over an empty file so that it outlives the processes in it. Making one needs
 * CAP_SYS_ADMIN in the user namespace that owns this mount namespace.
 */
import { readlinkSync } from "node:fs";
import { lstat, mkdir, open, stat, statfs, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { type RunOptions, type RunResult, run } from "./run.js";

/** linux/magic.h, NSFS_MAGIC. */
const NSFS_MAGIC = 0x6e736673;

/**
 * What is at a path: `namespace` a bound namespace; `unbound` an empty plain file, which is what a killed creation or
 * a reboot leaves; `other` anything else; `absent` nothing.
 */
export type NetnsState =
  | { readonly kind: "namespace"; /** Same for two paths of one namespace. */ readonly id: string }
  | { readonly kind: "unbound" | "other" | "absent" };

export async function netnsState(path: string): Promise<NetnsState> {
  try {
    // stat, not lstat: /proc/PID/ns/net is a magic link.
    const [file, system] = await Promise.all([stat(path), statfs(path)]);
    if (system.type === NSFS_MAGIC) return { kind: "namespace", id: `${file.dev}:${file.ino}` };
    const plain = await lstat(path);
    return { kind: plain.isFile() && plain.size === 0 ? "unbound" : "other" };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "absent" };
    if (code === "EACCES" || code === "ELOOP") return { kind: "other" };
    throw error;
  }
}

/**
 * Makes a new, empty namespace (everything in it down) and binds it at `path`, whose directories are made too.
 * Throws an `EEXIST` error when something other than an unbound file is there.
 */
export async function createNetns(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const before = await netnsState(path);
  if (before.kind === "namespace" || before.kind === "other") {
    throw Object.assign(new Error(`${path} exists already`), { code: "EEXIST", path });
  }
  if (before.kind === "absent") await (await open(path, "wx", 0o444)).close();
  try {
    await run("unshare", [`--net=${path}`, "true"]);
  } catch (error) {
    await unlink(path).catch(() => undefined);
    throw error;
  }
}

/**
 * Unbinds namespaces and removes their files. Whatever runs in one keeps it alive until it ends; nothing here ends it.
 * Paths that hold no namespace, or nothing, are no error; anything but an empty file is left where it is.
 */
export async function removeNetns(...paths: string[]): Promise<void> {
  const states = await Promise.all(paths.map(netnsState));
  const bound = paths.filter((_, i) => states[i]?.kind === "namespace");
  // A path may be mounted over more than once; --lazy because a process may hold the file open.
  if (bound.length > 0) await run("umount", ["--lazy", "--", ...bound]);
  await Promise.all(
    paths.map(async (path) => {
      let state = await netnsState(path);
      for (let again = 0; state.kind === "namespace" && again < 8; again++) {
        await run("umount", ["--lazy", "--", path]);
        state = await netnsState(path);
      }
      if (state.kind === "unbound") await unlink(path);
    }),
  );
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
