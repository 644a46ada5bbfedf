/**
 * Times whole processes, one after the other.
 *
 * They are started by a small process of its own: a fork copies the page tables of whoever forks, so a process of 500 MB
 * would add 80 ms to every command that it times. They get this process's environment but for what begins with `NODE_`:
 * NODE_EXTRA_CA_CERTS alone, which has nothing to do with what is timed, adds 40 ms to the start of each Node.
 */
import { startTalker, type Talker } from "./child.js";

export interface Timed {
  readonly command: string;
  readonly args: readonly string[];
  /** A file that becomes its standard input, which is empty otherwise. */
  readonly stdin?: string;
}

/** Plain words for Node itself: a question a line, an answer a line. */
const SCRIPT = `
const { spawnSync } = require("node:child_process");
const { closeSync, openSync } = require("node:fs");
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("NODE_")));
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { command, args, stdin } = JSON.parse(line);
  const input = stdin === undefined ? "ignore" : openSync(stdin, "r");
  const options = { stdio: [input, "pipe", "pipe"], encoding: "utf8", maxBuffer: 1 << 28, env };
  const started = process.hrtime.bigint();
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, options);
  const ms = Number(process.hrtime.bigint() - started) / 1e6;
  if (input !== "ignore") closeSync(input);
  const said = { ms, status, signal, error: error && error.code, stdout, stderr };
  process.stdout.write(JSON.stringify(said) + "\\n");
});
`;

interface Answer {
  readonly ms: number;
  readonly status: number | null;
  readonly signal: string | null;
  /** Why it could not be started. */
  readonly error?: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** A timed command that failed; the message says how, and what it said. */
export class TimedFailed extends Error {
  override readonly name = "TimedFailed";
  /** It isn't installed. */
  readonly missing: boolean;

  constructor(message: string, missing: boolean) {
    super(message);
    this.missing = missing;
  }
}

export class Stopwatch {
  private readonly talker: Talker;

  /**
   * In this process's network namespace, or in an empty one of its own, which goes when it ends. `end` it, or it ends
   * with this process.
   */
  constructor(network: "shared" | "own" = "shared") {
    const self = [process.execPath, "-e", SCRIPT];
    const [command, ...args] = network === "own" ? ["unshare", "--net", ...self] : self;
    this.talker = startTalker(command as string, args);
  }

  /** From its start to its end in milliseconds, and what it printed. Throws `TimedFailed` unless it exits with 0. */
  async time({ command, args, stdin }: Timed): Promise<{ ms: number; stdout: string }> {
    this.talker.send({ command, args, stdin });
    const { ms, status, signal, error, stdout, stderr } = (await this.talker.receive()) as Answer;
    // A directory of PATH that may not be looked into makes EACCES of what is nowhere.
    if (error === "ENOENT" || error === "EACCES") throw new TimedFailed(`${command} is not installed`, true);
    if (error !== undefined) throw new TimedFailed(`${command} can't be started: ${error}`, false);
    if (status === 0) return { ms, stdout };
    const how = status === null ? `was ended by ${signal}` : `failed (exit status ${status})`;
    throw new TimedFailed(`${command} ${how}: ${stderr.trim().split("\n").slice(0, 3).join(" ").slice(0, 300)}`, false);
  }

  end(): Promise<void> {
    return this.talker.end();
  }
}
