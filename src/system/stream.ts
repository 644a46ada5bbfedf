/** A program that lives on beside us and says lines of text. It ends with us, whatever becomes of us. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { attempt } from "./attempt.js";
import { MissingTool } from "./run.js";

export interface Stream {
  readonly pid: number | undefined;
  /** Writes a line to its standard input. */
  send(line: string): void;
  /** What it has said on standard error so far. */
  complaints(): string;
  /** Resolves when it has ended. Rejects with `MissingTool`. */
  readonly ended: Promise<void>;
  /** Ends it, and waits for that. */
  end(): Promise<void>;
}

/** Each line of its standard output goes to `each`. */
export function startStream(command: string, args: readonly string[], each: (line: string) => void): Stream {
  attempt(`command ${[command, ...args].join(" ")}`);
  // In a group of its own: the terminal's Ctrl-C is ours to answer. setpriv has the kernel end it if we are killed.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", command, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    // nft's interactive mode keeps a history in the home directory.
    env: { ...process.env, HOME: "/nonexistent", PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin` },
  });
  let complaints = "";
  child.stderr.on("data", (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-4000)));
  child.stdin.on("error", () => undefined);
  createInterface({ input: child.stdout }).on("line", each);
  const ended = new Promise<void>((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "ENOENT" ? new MissingTool("setpriv") : error),
    );
    child.on("close", (code) => (code === 127 ? reject(new MissingTool(command)) : resolve()));
  });
  // Whoever doesn't wait hears of it at `end`.
  ended.catch(() => undefined);
  return {
    pid: child.pid,
    send: (line) => void child.stdin.write(`${line}\n`),
    complaints: () => complaints.trim(),
    ended,
    end: async () => {
      child.stdin.end();
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 1000);
      await ended.catch(() => undefined);
      clearTimeout(timer);
    },
  };
}
