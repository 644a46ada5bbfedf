/**
 * Starts a process without a copy of this one. Node's own way forks, which makes every page that we write to afterwards a
 * fault: 20 to 60 ms of a large policy's plan, by the machine. posix_spawn(3) borrows our memory until the other runs.
 */
import { closeSync, fstatSync, readSync } from "node:fs";
import { constants } from "node:os";
import { type SystemCalls, systemCalls } from "./netlink/ffi.js";

/** More than glibc's and musl's posix_spawn_file_actions_t and posix_spawnattr_t have (80 and 336 bytes). */
const ROOM = 512;
/** spawn.h */
const POSIX_SPAWN_SETSIGDEF = 4;
/** sigset_t: a bit each, the first signal the lowest. */
const SIGNALS = 128;
/** linux/memfd.h */
const MFD_CLOEXEC = 1;

export interface Spawned {
  kill(): void;
  /** Waits for its end, on a thread of its own: only for what is about to end. The exit status is undefined after a signal. */
  ended(): Promise<{ readonly status: number | undefined; readonly stdout: string; readonly stderr: string }>;
}

/**
 * Runs a file with `stdin` as its standard input; what it says is kept until its end. Throws with the errno's name as
 * `code`, as node:child_process does. Undefined where the system calls aren't to be had.
 */
export function spawnFile(
  path: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  stdin: number,
): Spawned | undefined {
  const calls = systemCalls();
  if (calls === undefined) return undefined;
  const name = fixed(Buffer.from("tsnet\0"));
  const [stdout, stderr] = [calls.memfd_create(name, MFD_CLOEXEC), calls.memfd_create(name, MFD_CLOEXEC)];
  try {
    if (stdout < 0 || stderr < 0) throw failure(calls.errno(), path);
    const pid = start(calls, path, words, env, [stdin, stdout, stderr]);
    return {
      kill: () => kill(pid),
      async ended() {
        const status = await wait(calls, pid);
        try {
          return { status, stdout: textOf(stdout), stderr: textOf(stderr) };
        } finally {
          closeSync(stdout);
          closeSync(stderr);
        }
      },
    };
  } catch (error) {
    for (const fd of [stdout, stderr]) if (fd >= 0) closeSync(fd);
    throw error;
  }
}

/** `files` become its first descriptors; all others are closed there (O_CLOEXEC), as Node opens them. */
function start(
  calls: SystemCalls,
  path: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  files: readonly number[],
): number {
  const [actions, attributes, pid] = [Buffer.alloc(ROOM), Buffer.alloc(ROOM), Buffer.alloc(4)];
  const sets = Object.entries(env).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
  calls.posix_spawn_file_actions_init(actions);
  calls.posix_spawnattr_init(attributes);
  try {
    files.forEach((file, i) => calls.posix_spawn_file_actions_adddup2(actions, file, i));
    // Node ignores it, and what is ignored is inherited.
    const defaults = Buffer.alloc(SIGNALS);
    defaults.writeUInt32LE(1 << (constants.signals.SIGPIPE - 1), 0);
    calls.posix_spawnattr_setsigdefault(attributes, defaults);
    calls.posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF);
    const [file, argv, envp] = [fixed(Buffer.from(`${path}\0`)), vector(calls, words), vector(calls, sets)];
    const errno = calls.posix_spawn(pid, file, actions, attributes, argv.pointers, envp.pointers);
    if (errno !== 0) throw failure(errno, path);
    return pid.readInt32LE(0);
  } finally {
    calls.posix_spawn_file_actions_destroy(actions);
    calls.posix_spawnattr_destroy(attributes);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // The thread that waits for its end has seen it, and we haven't heard of that yet.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Pointers to texts, and a null at the end. */
function vector(calls: SystemCalls, texts: readonly string[]): { readonly pointers: Buffer; readonly bytes: Buffer } {
  const bytes = fixed(Buffer.from(texts.map((text) => `${text}\0`).join("")));
  const pointers = Buffer.alloc((texts.length + 1) * 8);
  let at = calls.addressOf(bytes);
  for (const [i, text] of texts.entries()) {
    pointers.writeBigUInt64LE(at, i * 8);
    at += BigInt(Buffer.byteLength(text) + 1);
  }
  return { pointers, bytes };
}

/** Memory of its own, which stays where it is. */
function fixed(bytes: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}

/** wait(2): the status is in the second byte where no signal is in the first. */
async function wait(calls: SystemCalls, pid: number): Promise<number | undefined> {
  const status = fixed(Buffer.alloc(4));
  let got: number;
  do got = await calls.waitpid(pid, status, 0);
  while (got < 0 && calls.errno() === constants.errno.EINTR);
  const value = status.readInt32LE(0);
  return got === pid && (value & 0x7f) === 0 ? value >> 8 : undefined;
}

function textOf(fd: number): string {
  const bytes = Buffer.allocUnsafe(fstatSync(fd).size);
  return bytes.toString("utf8", 0, readSync(fd, bytes, 0, bytes.length, 0));
}

function failure(errno: number, path: string): NodeJS.ErrnoException {
  const code = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? String(errno);
  return Object.assign(new Error(`spawn ${path} ${code}`), { code, errno });
}
