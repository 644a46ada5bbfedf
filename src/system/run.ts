/**
 * The only place that starts processes. There is never a shell: a command is a word and its arguments a list, so a
 * name from a policy can't become syntax.
 *
 * execa is imported when the first process starts, because commands that start none shouldn't pay for loading it.
 */

import { attempt } from "./attempt.js";
import type { Ending } from "./ending.js";
import { isInstalled } from "./tools.js";

export interface RunOptions {
  /** Written to the command's standard input, which is empty otherwise. */
  readonly input?: string | Uint8Array;
  /** Milliseconds after which the command is killed; 30,000 unless given. */
  readonly timeout?: number;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes besides 0 that are answers and not failures; `any` never throws `CommandFailed` for a code. */
  readonly accept?: readonly number[] | "any";
  /** The command is killed when that happens; its reason is thrown then. */
  readonly ending?: Ending | undefined;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Debian packages of the tools that we start. */
const PACKAGES: ReadonlyMap<string, string> = new Map([
  ["nft", "nftables"],
  ["ip", "iproute2"],
  ["bridge", "iproute2"],
  ["tc", "iproute2"],
  ["nsenter", "util-linux"],
  ["unshare", "util-linux"],
  ["mount", "util-linux"],
  ["umount", "util-linux"],
  ["setpriv", "util-linux"],
  ["cp", "coreutils"],
  ["true", "coreutils"],
  ["grep", "grep"],
  ["conntrack", "conntrack"],
  ["systemctl", "systemd"],
  ...["", "-nft", "-legacy"].flatMap((variant) =>
    ["save", "restore"].flatMap((verb): [string, string][] => [
      [`iptables${variant}-${verb}`, "iptables"],
      [`ip6tables${variant}-${verb}`, "iptables"],
    ]),
  ),
]);

/** A command that isn't installed. */
export class MissingTool extends Error {
  override readonly name = "MissingTool";
  readonly tool: string;
  /** The Debian package that has it, where we know it. */
  readonly package: string | undefined;

  constructor(tool: string) {
    const debian = PACKAGES.get(tool);
    super(
      `${tool} is not installed` +
        (debian === undefined ? "" : ` (Debian package ${debian}: apt-get install ${debian})`),
    );
    this.tool = tool;
    this.package = debian;
  }
}

/** A command that ran and failed, was killed, or took too long. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  /** The command and its arguments, for people. */
  readonly command: string;
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;

  constructor(command: string, exitCode: number | undefined, stdout: string, stderr: string, reason?: string) {
    const how = reason ?? (exitCode === undefined ? "was killed" : `failed (exit status ${exitCode})`);
    const said = stderr.trim();
    super(`${command} ${how}${said === "" ? "" : `: ${said}`}`);
    this.command = command;
    this.exitCode = exitCode;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

/** One that was killed since it hadn't come to its end in time. */
export class TookTooLong extends CommandFailed {
  /** Milliseconds. */
  readonly timeout: number;

  constructor(command: string, stdout: string, stderr: string, timeout: number) {
    super(command, undefined, stdout, stderr, "took too long");
    this.timeout = timeout;
  }
}

/**
 * Runs a command to its end.
 *
 * Throws `MissingTool` when it isn't installed (also when it is the command that nsenter or unshare were to start) and
 * `CommandFailed` when it fails. Output is text; an invalid byte becomes U+FFFD.
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return (await begin(command, args, options))();
}

/** Starts a command; what it returns waits for its end, as `run` does. */
export async function begin(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<() => Promise<RunResult>> {
  await enter();
  try {
    return await start(command, args, options);
  } catch (error) {
    leave();
    throw error;
  }
}

/** Processes at once: a policy of a thousand sandboxes must not become a thousand processes. */
const AT_ONCE = 32;
let running = 0;
const queue: (() => void)[] = [];

/** Waits for a free place; a place that is left goes to the first in the queue. */
function enter(): Promise<void> {
  if (running < AT_ONCE) {
    running++;
    return Promise.resolve();
  }
  return new Promise((resolve) => queue.push(resolve));
}

function leave(): void {
  const next = queue.shift();
  if (next === undefined) running--;
  else next();
}

/** Leaves its place when the command has come to its end, whether somebody waits for that or not. */
async function start(command: string, args: readonly string[], options: RunOptions): Promise<() => Promise<RunResult>> {
  attempt(`command ${shown(command, args)}`);
  const { execa } = await import("execa");
  const timeout = options.timeout ?? 30_000;
  const running = execa(command, args, {
    reject: false,
    stripFinalNewline: false,
    timeout,
    // LC_ALL: messages that are looked into must not be translated. PATH: a user's often lacks the sbin directories.
    env: { ...options.env, LC_ALL: "C", PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin` },
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
  });
  running.then(leave, leave);
  const forget = options.ending?.onEnd(() => void running.kill("SIGKILL"));
  return async () => {
    const result = await running;
    forget?.();
    // A terminal's Ctrl-C ends the command too, and it may be the first that we hear of.
    if (result.failed) await options.ending?.heed();
    const { stdout, stderr, exitCode } = result;
    // EACCES: also where a directory of PATH may not be searched, whatever is in the others.
    const absent = result.code === "ENOENT" || (result.code === "EACCES" && !isInstalled(command));
    if (result.failed && absent) throw new MissingTool(command);
    if (result.timedOut) throw new TookTooLong(shown(command, args), stdout, stderr, timeout);
    if (exitCode === undefined) {
      throw new CommandFailed(shown(command, args), undefined, stdout, stderr, result.originalMessage);
    }
    const inner = exitCode === 127 ? /failed to execute ([^\s:]+): No such file/.exec(stderr) : null;
    if (inner !== null) throw new MissingTool(inner[1] as string);
    if (exitCode !== 0 && options.accept !== "any" && options.accept?.includes(exitCode) !== true) {
      throw new CommandFailed(shown(command, args), exitCode, stdout, stderr);
    }
    return { stdout, stderr, exitCode };
  };
}

/** A command line for messages: long argument lists are cut. */
export function shown(command: string, args: readonly string[]): string {
  const words = [command, ...args].map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word)));
  const line = words.join(" ");
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
