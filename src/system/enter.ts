/** Runs a person's command inside a network namespace, with files and directories mounted as it is to see them. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { MOUNT_SCRIPT, type MountStep } from "./mounts.js";
import { MissingTool } from "./run.js";

export interface EnterOptions {
  /** Namespace file; undefined: this network namespace. */
  readonly netns: string | undefined;
  /** What is mounted first, in a mount namespace of the command's own. */
  readonly mounts: readonly MountStep[];
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[];
}

/** What a terminal's keys send. */
const KEYS: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT"];

/** SIGUSR1 would have Node wait for a debugger. */
const PASSED: readonly NodeJS.Signals[] = [...KEYS, "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"];

/** Whether a terminal's keys reach the child by themselves: proc(5), fields 5 and 8 of stat. */
function isForeground(): boolean {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return group === foreground;
}

/** The command's exit status; 128 and the signal's number where a signal ended it. Standard streams are shared. */
export function enter({ netns, mounts, env, command }: EnterOptions): Promise<number> {
  const words: string[] = [];
  if (netns !== undefined) words.push("nsenter", `--net=${netns}`, "--");
  if (mounts.length > 0) {
    const script = ["sh", "-c", MOUNT_SCRIPT, "sh", String(mounts.length), ...mounts.flat()];
    words.push("unshare", "--mount", "--propagation", "slave", "--", ...script);
    // A shell hands on only what could be a variable of its own, and a link's alias may hold a dot.
    const others = Object.entries(env).filter(([name]) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
    if (others.length > 0) words.push("env", "--", ...others.map(([name, value]) => `${name}=${value}`));
  }
  words.push(...command);
  const [program, ...args] = words as [string, ...string[]];
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin`;
  return new Promise((resolve, reject) => {
    // What a signal does is the child's to decide, and we report how it ended.
    const pass = (signal: NodeJS.Signals): void => {
      if (!(KEYS.includes(signal) && isForeground())) child.kill(signal);
    };
    // Before there is a child: it may be far along when this process is next at it.
    for (const signal of PASSED) process.on(signal, pass);
    const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, ...env, PATH: path } });
    child.on("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "ENOENT" ? new MissingTool(program) : error),
    );
    child.on("close", (code, signal) => {
      for (const signal of PASSED) process.off(signal, pass);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
