/**
 * The throwaway place: this same program once more, in namespaces of its own.
 *
 * `enter` starts it with `unshare` and hands it its orders over an IPC channel; `orders` is how the inner program
 * learns that it is the inner one. The environment variable alone makes nobody believe it: without the channel, or in
 * the namespace that the outer program is in, it is ignored. Nothing of the host is touched, and the namespaces go with
 * the last process in them.
 */
import { readdirSync, readlinkSync, realpathSync, symlinkSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { attach, type Attached } from "../system/child.js";
import { run } from "../system/run.js";

/** Files of the trial itself, on the throwaway /run. */
export const ARENA = "/run/try";
export const ARENA_TMP = `${ARENA}/tmp`;

const MARK = "TSNET_TRY";
const NAMESPACES = ["--net", "--mount", "--propagation", "private"];
const USER = ["--user", "--map-root-user"];

/**
 * How namespaces can be made here: arguments of unshare; undefined when they can't. Root may do without a user's, and
 * `plain` prefers that: a user namespace's root may not enlarge socket buffers, which some tools need.
 */
export async function waysIn(plain = false): Promise<readonly string[] | undefined> {
  const root = process.geteuid?.() === 0;
  for (const user of !root ? [USER] : plain ? [[], USER] : [USER, []]) {
    const args = [...user, ...NAMESPACES];
    const { exitCode } = await run("unshare", [...args, "mount", "-t", "tmpfs", "tmpfs", "/run"], { accept: "any" });
    if (exitCode === 0) return args;
  }
  return undefined;
}

/** Starts this program again as the inner one; `args` are its words. `heard` gets what the inner one `tell`s. */
export function enter(
  way: readonly string[],
  args: readonly string[],
  message: unknown,
  heard?: (message: unknown) => void,
): Attached {
  const script = process.argv[1];
  if (script === undefined) throw new Error("this program doesn't know its own file");
  const self = [process.execPath, ...process.execArgv, realpathSync(script), ...args];
  return attach("unshare", [...way, ...self], {
    env: { ...process.env, [MARK]: ownNamespace(), PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin` },
    message,
    ...(heard === undefined ? {} : { heard }),
  });
}

/**
 * Waits for the inner program; its exit status. The terminal's Ctrl-C reaches that one too: it decides, since a command
 * there may have its own use for it.
 */
export function attend(inner: Attached): Promise<number> {
  for (const signal of ["SIGINT", "SIGQUIT"] as const) process.on(signal, () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => inner.kill(signal));
  return inner.ended;
}

/** To the outer program; resolves when it is on its way. */
export function tell(message: unknown): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, () => resolve());
  });
}

function ownNamespace(): string {
  return readlinkSync("/proc/self/ns/net");
}

/** What the outer program has ordered; undefined when this one is the outer one itself. */
export function orders(): Promise<unknown> | undefined {
  const outside = process.env[MARK];
  delete process.env[MARK];
  if (outside === undefined || process.send === undefined || outside === ownNamespace()) return undefined;
  return new Promise((resolve) => process.once("message", resolve));
}

/** Lets the inner program end by itself: an open channel would keep it. */
export function finish(): void {
  if (process.connected) process.disconnect();
}

/**
 * Hides the host's state: an empty /run and no applied policies. Links in /run that lead elsewhere stay, since some
 * distributions have their programs behind one.
 */
export async function hideHost(): Promise<void> {
  const links = readdirSync("/run", { withFileTypes: true }).flatMap((entry) =>
    entry.isSymbolicLink() ? [[join("/run", entry.name), readlinkSync(join("/run", entry.name))] as const] : [],
  );
  await run("mount", ["-t", "tmpfs", "tmpfs", "/run"]);
  for (const [path, target] of links) if (!target.startsWith("/run")) symlinkSync(target, path);
  await mkdir(ARENA_TMP, { recursive: true });
  process.env["TMPDIR"] = ARENA_TMP;
  // A mount needs a directory, and making one would touch the host: its parent stands in where there is none.
  const { exitCode } = await run("mount", ["-t", "tmpfs", "tmpfs", "/var/lib/tsnet"], { accept: "any" });
  if (exitCode !== 0) await run("mount", ["-t", "tmpfs", "tmpfs", "/var/lib"]);
}
