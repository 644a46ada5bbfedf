/**
 * Entering, making and unbinding network namespaces in this process.
 *
 * A network namespace belongs to a thread. So what happens in another one is synchronous and short, and the thread is
 * home again before anything else can run. Threads that are started take the namespace of the one that starts them,
 * which is a reason more to wait for nothing there.
 */
import { closeSync, openSync } from "node:fs";
import { attempt } from "./attempt.js";
import { errnoName } from "./netlink/errors.js";
import { type SystemCalls, systemCalls, unavailable } from "./netlink/ffi.js";

/** linux/sched.h */
const CLONE_NEWNET = 0x40000000;
/** linux/mount.h */
const MS_BIND = 0x1000;
/** sys/mount.h */
const MNT_DETACH = 2;

const HERE = "/proc/thread-self/ns/net";

function calls(): SystemCalls {
  const found = systemCalls();
  if (found === undefined) throw new Error(unavailable());
  return found;
}

/** What a failed call said; `code` as Node's own errors have it. */
function failure(what: string, errno: number): Error {
  return Object.assign(new Error(`${what}: ${calls().strerror(errno)}`), { code: errnoName(errno) });
}

/** This process's own namespace, open for as long as it lives. */
let home: number | undefined;

/** Whether one may come home is tried at home, once: who can't must not leave. */
function openHome(): number {
  if (home !== undefined) return home;
  const fd = openSync(HERE, "r");
  if (calls().setns(fd, CLONE_NEWNET) < 0) {
    const error = failure("network namespaces can't be entered", calls().errno());
    closeSync(fd);
    throw error;
  }
  return (home = fd);
}

/** A thread that can't come home must do nothing more: the host's network would be made elsewhere. */
function comeHome(fd: number): void {
  if (calls().setns(fd, CLONE_NEWNET) < 0) process.abort();
}

/**
 * Does `work`, which must not wait for anything, in the namespace at `path`. Throws what it throws, and an error with a
 * `code` when the namespace can't be entered.
 */
export function within<T>(path: string, work: () => T): T {
  attempt(`enter ${path}`);
  const back = openHome();
  const there = openSync(path, "r");
  try {
    if (calls().setns(there, CLONE_NEWNET) < 0) throw failure(`${path} can't be entered`, calls().errno());
  } finally {
    closeSync(there);
  }
  try {
    return work();
  } finally {
    comeHome(back);
  }
}

/** Makes a namespace and binds it over the file at `path`. Throws an error with a `code`. */
export function bindNewNetns(path: string): void {
  attempt(`make namespace ${path}`);
  const back = openHome();
  if (calls().unshare(CLONE_NEWNET) < 0) throw failure("a network namespace can't be made", calls().errno());
  try {
    // The mounts are the process's, whatever network the thread is in.
    if (calls().mount(zero(HERE), zero(path), zero(""), MS_BIND, null) < 0)
      throw failure(`a namespace can't be bound at ${path}`, calls().errno());
  } finally {
    comeHome(back);
  }
}

/** Unmounts what is mounted last over `path`, at once for new users and for good when the last one is gone. */
export function unbind(path: string): void {
  attempt(`unmount ${path}`);
  if (calls().umount2(zero(path), MNT_DETACH) < 0) throw failure(`${path} can't be unmounted`, calls().errno());
}

/** A string as C has it. */
function zero(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}
