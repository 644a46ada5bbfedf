/**
 * Processes that live on beside us: a program that we talk to in lines of JSON, and a command that has our terminal.
 * What runs to its end and is then read is run.ts's.
 */
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { MissingTool } from "./run.js";
import { environment } from "./tools.js";

/** A program that answers lines of JSON on its standard output. It should end when its standard input closes. */
export interface Talker {
  send(message: unknown): void;
  /** The next line that it says; rejects when it ends first. */
  receive(): Promise<unknown>;
  /** Closes its standard input and waits; kills it, by its id, if it hasn't ended a second later. */
  end(): Promise<void>;
}

export function startTalker(command: string, args: readonly string[]): Talker {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: environment() });
  const waiting: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = [];
  const said: unknown[] = [];
  let failure: Error | undefined;
  let complaints = "";
  const fail = (error: Error): void => {
    failure ??= error;
    for (const { reject } of waiting.splice(0)) reject(failure);
  };
  child.stderr.on("data", (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-2000)));
  // A write to a program that has ended is no news: `exit` tells.
  child.stdin.on("error", () => undefined);
  createInterface({ input: child.stdout }).on("line", (line) => {
    const message: unknown = JSON.parse(line);
    const first = waiting.shift();
    if (first === undefined) said.push(message);
    else first.resolve(message);
  });
  child.on("error", (error) => fail(asMissing(error, command)));
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  child.on("close", (code) => fail(new Error(`${command} ended with ${code}: ${complaints.trim()}`)));
  return {
    send: (message) => void child.stdin.write(`${JSON.stringify(message)}\n`),
    receive: () => {
      if (said.length > 0) return Promise.resolve(said.shift());
      if (failure !== undefined) return Promise.reject(failure);
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    end: async () => {
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), 1000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** A command that has this process's terminal. */
export interface Attached {
  /** Its exit status; 128 and the signal's number when a signal ended it. */
  readonly ended: Promise<number>;
  kill(signal: NodeJS.Signals): void;
}

export interface AttachOptions {
  /** The whole environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Sent over an IPC channel, which makes it a Node program. The channel closes when either of the two ends. */
  readonly message?: unknown;
  /** Gets what comes back over that channel. */
  readonly heard?: (message: unknown) => void;
}

export function attach(command: string, args: readonly string[], options: AttachOptions = {}): Attached {
  const channel = options.message !== undefined;
  const stdio: StdioOptions = channel ? ["inherit", "inherit", "inherit", "ipc"] : "inherit";
  const child: ChildProcess = spawn(command, args, { stdio, env: options.env ?? environment() });
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", (error) => reject(asMissing(error, command)));
    child.on("exit", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  if (options.heard !== undefined) child.on("message", options.heard);
  if (channel && child.connected) child.send(options.message as object, () => undefined);
  return { ended, kill: (signal) => void child.kill(signal) };
}

function asMissing(error: Error, command: string): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return new MissingTool(command);
  if (code !== "EACCES") return error;
  return Object.assign(new Error(`'${command}' can't be run: permission denied`), {
    code,
    help: "name a program that may be executed, or what runs it: sh FILE",
  });
}
