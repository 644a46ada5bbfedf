/** Runs a person's command inside a network namespace, with files laid over others. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { MissingTool } from "./run.js";

export interface EnterOptions {
  /** Namespace file; undefined: this network namespace. */
  readonly netns: string | undefined;
  /** Files laid over others, in a mount namespace of the command's own. */
  readonly binds: readonly { readonly from: string; readonly to: string }[];
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[];
}

/** Never sees a name as text: paths and the command are its arguments. */
const SCRIPT =
  'n=$1; shift; while [ "$n" -gt 0 ]; do mount --bind "$1" "$2" || exit 126; shift 2; n=$((n-1)); done; exec "$@"';

/** The command's exit status; 128 and the signal's number where a signal ended it. Standard streams are shared. */
export function enter({ netns, binds, env, command }: EnterOptions): Promise<number> {
  const words: string[] = [];
  if (netns !== undefined) words.push("nsenter", `--net=${netns}`, "--");
  if (binds.length > 0) {
    words.push("unshare", "--mount", "--propagation", "slave", "--", "sh", "-c", SCRIPT, "sh", String(binds.length));
    for (const { from, to } of binds) words.push(from, to);
    // A shell hands on only what could be a variable of its own, and a link's alias may hold a dot.
    const others = Object.entries(env).filter(([name]) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
    if (others.length > 0) words.push("env", "--", ...others.map(([name, value]) => `${name}=${value}`));
  }
  words.push(...command);
  const [program, ...args] = words as [string, ...string[]];
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin`;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, ...env, PATH: path } });
    // The terminal sends Ctrl-C to the child too: it decides, and we report how it ended.
    const ignore = (): void => undefined;
    const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
    process.on("SIGINT", ignore).on("SIGQUIT", ignore).on("SIGTERM", pass).on("SIGHUP", pass);
    child.on("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "ENOENT" ? new MissingTool(program) : error),
    );
    child.on("close", (code, signal) => {
      process.off("SIGINT", ignore).off("SIGQUIT", ignore).off("SIGTERM", pass).off("SIGHUP", pass);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
