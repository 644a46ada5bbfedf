/**
 * A command that is fed while what it is to read is still being worked out: it reads on another processor meanwhile. Only
 * for commands that do nothing before the last words of their input, and nothing at all without them; or that read no input.
 */
import { closeSync, write, writeSync } from "node:fs";
import { promisify } from "node:util";
import { attempt } from "./attempt.js";
import type { Ending } from "./ending.js";
import { systemCalls } from "./netlink/ffi.js";
import { CommandFailed, MissingTool, type RunResult, shown, TookTooLong } from "./run.js";
import { type Spawned, spawnFile } from "./spawn.js";
import { environment, pathOf } from "./tools.js";

/** fcntl.h, linux/fcntl.h */
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const F_SETFL = 4;
const F_SETPIPE_SZ = 1031;

/** Bytes of a pipe, as many as anybody may have (/proc/sys/fs/pipe-max-size). */
const ROOM = 1 << 20;

export interface Fed {
  /** Never waits: what the command has no room for yet is kept. */
  write(text: string | Buffer): void;
  /** Writes what is left and waits for the command's end; `timeout` in milliseconds. Throws as `run` does. */
  end(text: string, timeout: number): Promise<RunResult>;
  /** Ends the command without the end of its input, and waits for that. Nothing after `end`. */
  abandon(): Promise<void>;
}

/**
 * Starts a command; undefined where the system calls aren't to be had that it takes. It is killed at the `ending`, whose
 * reason its end throws then.
 */
export function feed(command: string, args: readonly string[], ending?: Ending): Fed | undefined {
  const pipe = openPipe();
  if (pipe === undefined) return undefined;
  try {
    attempt(`command ${shown(command, args)}`);
    return new Feeding(command, args, pipe, ending);
  } catch (error) {
    closeSync(pipe.to);
    throw error;
  } finally {
    closeSync(pipe.from);
  }
}

interface Pipe {
  readonly from: number;
  readonly to: number;
  /** From now on a write waits until there is room. */
  wait(): void;
}

function openPipe(): Pipe | undefined {
  const calls = systemCalls();
  if (calls === undefined) return undefined;
  const descriptors = Buffer.alloc(8);
  if (calls.pipe2(descriptors, O_CLOEXEC) < 0) return undefined;
  const [from, to] = [descriptors.readInt32LE(0), descriptors.readInt32LE(4)];
  // Where so much isn't to be had, it is as large as it is.
  calls.fcntl(to, F_SETPIPE_SZ, ROOM);
  calls.fcntl(to, F_SETFL, O_NONBLOCK);
  return { from, to, wait: () => void calls.fcntl(to, F_SETFL, 0) };
}

class Feeding implements Fed {
  private readonly line: string;
  private readonly pipe: Pipe;
  private readonly child: Spawned | undefined;
  /** Why there is no child. */
  private readonly failure: Error | undefined;
  private readonly ending: Ending | undefined;
  /** The child may be gone, and its number another's. */
  private readonly forget: (() => void) | undefined;
  private readonly pending: Buffer[] = [];
  /** Nobody reads any more. */
  private broken = false;
  private over = false;

  constructor(command: string, args: readonly string[], pipe: Pipe, ending: Ending | undefined) {
    this.line = shown(command, args);
    this.pipe = pipe;
    const file = pathOf(command);
    try {
      if (file === undefined) throw new MissingTool(command);
      this.child = spawnFile(file, [command, ...args], { ...environment(), LC_ALL: "C" }, pipe.from);
    } catch (error) {
      this.failure = error as Error;
    }
    this.ending = ending;
    this.forget = ending?.onEnd(() => this.child?.kill());
  }

  write(text: string | Buffer): void {
    this.pending.push(typeof text === "string" ? Buffer.from(text) : text);
    try {
      for (let first = this.pending[0]; first !== undefined && !this.broken; first = this.pending[0])
        this.took(writeSync(this.pipe.to, first));
    } catch (error) {
      this.unless(error, "EAGAIN");
    }
  }

  /** So many bytes of the first piece. */
  private took(bytes: number): void {
    const rest = this.pending[0]?.subarray(bytes);
    if (rest === undefined || rest.length === 0) this.pending.shift();
    else this.pending[0] = rest;
  }

  async end(text: string, timeout: number): Promise<RunResult> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.child?.kill();
    }, timeout);
    let said: Awaited<ReturnType<Spawned["ended"]>> | undefined;
    try {
      attempt(`last words to ${this.line}`);
      this.write(text);
      await this.rest();
    } finally {
      this.close();
      said = await this.child?.ended();
      clearTimeout(timer);
      this.forget?.();
    }
    if (said === undefined) throw this.failure ?? new MissingTool(this.line);
    const { status, stdout, stderr } = said;
    // A terminal's Ctrl-C ends the command too, and it may be the first that we hear of.
    if (status !== 0) await this.ending?.heed();
    if (late) throw new TookTooLong(this.line, stdout, stderr, timeout);
    if (status !== 0) throw new CommandFailed(this.line, status, stdout, stderr);
    return { stdout, stderr, exitCode: status };
  }

  /** On a thread that may wait. */
  private async rest(): Promise<void> {
    if (this.pending.length === 0 || this.broken) return;
    this.pipe.wait();
    try {
      for (let first = this.pending[0]; first !== undefined; first = this.pending[0])
        this.took((await writeWaiting(this.pipe.to, first)).bytesWritten);
    } catch (error) {
      this.unless(error, "EPIPE");
    }
  }

  private unless(error: unknown, expected: "EAGAIN" | "EPIPE"): void {
    const { code } = error as NodeJS.ErrnoException;
    // What the command said before it ended tells why.
    if (code === "EPIPE") this.broken = true;
    else if (code !== expected) throw error;
  }

  async abandon(): Promise<void> {
    if (this.over) return;
    this.child?.kill();
    this.close();
    await this.child?.ended();
    this.forget?.();
  }

  private close(): void {
    if (!this.over) closeSync(this.pipe.to);
    this.over = true;
  }
}

const writeWaiting = promisify(write) as unknown as (
  fd: number,
  bytes: Uint8Array,
) => Promise<{ bytesWritten: number }>;
