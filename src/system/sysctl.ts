/**
 * Network sysctls, as files below /proc/sys/net. Which namespace they belong to depends on who opens them.
 *
 * A name is a path below /proc/sys/net with `/` between its parts (`ipv4/conf/eth0/forwarding`), because device names
 * may contain dots.
 */
import { readFileSync, writeFileSync, promises } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { attempt } from "./attempt.js";
import { runIn } from "./netns.js";
import { CommandFailed } from "./run.js";
import { settle } from "./settle.js";
import { SysctlFiles } from "./sysctl-files.js";
import { usesNetlink } from "./transport.js";
import { within } from "./within.js";

const ROOT = "/proc/sys/net";

export interface Setting {
  readonly path: string;
  readonly value: string;
}

/** Those of this process's namespace, whose directories stay open. */
let own: SysctlFiles | undefined;

function files(): SysctlFiles | undefined {
  return usesNetlink() ? (own ??= new SysctlFiles()) : undefined;
}

/** The value in this process's namespace, without its newline; undefined when there is no such sysctl. */
export function readSysctl(path: string): string | undefined {
  return files()?.read(path) ?? readPlainly(path);
}

/** Also says why a file can't be read. */
function readPlainly(path: string): string | undefined {
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
  attempt(`sysctl ${path}`);
  const done = files()?.set(path, value);
  if (done !== undefined) return done;
  const before = readPlainly(path);
  if (before !== undefined && before !== value) writeFileSync(join(ROOT, path), value);
  return before;
}

/**
 * Sets the same values in each of the namespaces at `places`. Throws `CommandFailed` when one can't be written.
 *
 * /proc/sys/net shows the namespace of the thread that opens it. Where this process can't enter others, a command must
 * do the writing: `sysctl` (procps) may be missing; `cp` (coreutils) is everywhere and copies a tree of small files
 * over /proc/sys/net in one go, which also lets each file have its own value.
 */
export async function writeSysctlsIn(places: readonly string[], settings: readonly Setting[]): Promise<void> {
  if (settings.length === 0 || places.length === 0) return;
  if (usesNetlink()) {
    for (const netns of places) writeWithin(netns, settings);
    return;
  }
  const tree = await promises.mkdtemp(join(tmpdir(), "sysctl-"));
  try {
    await writeTree(tree, settings);
    // All must have ended before the tree goes.
    await settle(places.map((netns) => runIn(netns, "cp", ["-r", "-T", "--", tree, ROOT])));
  } finally {
    await promises.rm(tree, { recursive: true, force: true });
  }
}

function writeWithin(netns: string, settings: readonly Setting[]): void {
  within(netns, () => {
    const there = new SysctlFiles();
    try {
      for (const { path, value } of settings) {
        attempt(`sysctl ${path} in ${netns}`);
        if (!there.write(path, value)) writePlainly(netns, path, value);
      }
    } finally {
      there.close();
    }
  });
}

/** Says why a file can't be written. */
function writePlainly(netns: string, path: string, value: string): void {
  try {
    writeFileSync(join(ROOT, path), value);
  } catch (error) {
    const what = `setting net/${path} to ${value} in ${netns}`;
    throw new CommandFailed(what, undefined, "", (error as Error).message, "failed");
  }
}

async function writeTree(tree: string, settings: readonly Setting[]): Promise<void> {
  const directories = new Set(settings.map(({ path }) => dirname(path)));
  await Promise.all([...directories].map((directory) => promises.mkdir(join(tree, directory), { recursive: true })));
  await Promise.all(settings.map(({ path, value }) => promises.writeFile(join(tree, path), `${value}\n`)));
}

/** Values in the namespace at `netns`; what doesn't exist there is absent from the map. */
export async function readSysctlsIn(netns: string, paths: readonly string[]): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  if (paths.length === 0) return values;
  if (usesNetlink()) return readWithin(netns, paths);
  // grep prints `file:line` of what it can read and ends with 2 when a file is missing, 1 when nothing matched.
  const files = paths.map((path) => join(ROOT, path));
  const { stdout } = await runIn(netns, "grep", ["-H", "-s", "", "--", ...files], { accept: [1, 2] });
  for (const line of stdout.split("\n")) {
    const colon = line.indexOf(":");
    if (colon !== -1) values.set(line.slice(ROOT.length + 1, colon), line.slice(colon + 1).trim());
  }
  return values;
}

function readWithin(netns: string, paths: readonly string[]): Map<string, string> {
  return within(netns, () => {
    const there = new SysctlFiles();
    try {
      return new Map(
        paths.flatMap((path): [string, string][] => {
          const value = there.read(path);
          return value === undefined ? [] : [[path, value]];
        }),
      );
    } finally {
      there.close();
    }
  });
}
