/**
 * Network sysctls, as files below /proc/sys/net. Which namespace they belong to depends on who opens them.
 *
 * A name is a path below /proc/sys/net with `/` between its parts (`ipv4/conf/eth0/forwarding`), because device names
 * may contain dots.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runIn } from "./netns.js";
import { settle } from "./settle.js";

const ROOT = "/proc/sys/net";

export interface Setting {
  readonly path: string;
  readonly value: string;
}

/** The value in this process's namespace, without its newline; undefined when there is no such sysctl. */
export function readSysctl(path: string): string | undefined {
  try {
    return readFileSync(join(ROOT, path), "utf8").trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // EINVAL: stable_secret before it is set. EACCES: write-only ones.
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EINVAL" || code === "EACCES") return undefined;
    throw error;
  }
}

/**
 * Sets a value in this process's namespace unless it is that already: some writes have effects even when they change
 * nothing (IPv6 forwarding drops the default routes learnt from router advertisements).
 * Returns the value before, undefined when there is no such sysctl; nothing is written then.
 */
export function writeSysctl(path: string, value: string): string | undefined {
  const before = readSysctl(path);
  if (before !== undefined && before !== value) writeFileSync(join(ROOT, path), value);
  return before;
}

/**
 * Sets the same values in each of the namespaces at `places`.
 *
 * /proc/sys/net shows the namespace of the process that opens it, so a command must do the writing. `sysctl` (procps)
 * may be missing; `cp` (coreutils) is everywhere and copies a tree of small files over /proc/sys/net in one go, which
 * also lets each file have its own value. Throws `CommandFailed` when one can't be written.
 */
export async function writeSysctlsIn(places: readonly string[], settings: readonly Setting[]): Promise<void> {
  if (settings.length === 0 || places.length === 0) return;
  const tree = await mkdtemp(join(tmpdir(), "sysctl-"));
  try {
    await writeTree(tree, settings);
    // All must have ended before the tree goes.
    await settle(places.map((netns) => runIn(netns, "cp", ["-r", "-T", "--", tree, ROOT])));
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

async function writeTree(tree: string, settings: readonly Setting[]): Promise<void> {
  const directories = new Set(settings.map(({ path }) => dirname(path)));
  await Promise.all([...directories].map((directory) => mkdir(join(tree, directory), { recursive: true })));
  await Promise.all(settings.map(({ path, value }) => writeFile(join(tree, path), `${value}\n`)));
}

/** Values in the namespace at `netns`; what doesn't exist there is absent from the map. */
export async function readSysctlsIn(netns: string, paths: readonly string[]): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  if (paths.length === 0) return values;
  // grep prints `file:line` of what it can read and ends with 2 when a file is missing, 1 when nothing matched.
  const files = paths.map((path) => join(ROOT, path));
  const { stdout } = await runIn(netns, "grep", ["-H", "-s", "", "--", ...files], { accept: [1, 2] });
  for (const line of stdout.split("\n")) {
    const colon = line.indexOf(":");
    if (colon !== -1) values.set(line.slice(ROOT.length + 1, colon), line.slice(colon + 1).trim());
  }
  return values;
}
