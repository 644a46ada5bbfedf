/** The file system that pinned BPF objects live in: a mount of our own, so that nothing else's is needed. */
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { attempt } from "../attempt.js";
import { systemCalls } from "../netlink/ffi.js";
import { BpfFailed } from "./calls.js";

export const PINNED = "/run/tsnet/bpf";

export function isMounted(): boolean {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .some((line) => line.split(" ")[1] === PINNED);
}

/** Takes the mount away when nothing of ours is pinned there any more; what the kernel puts into each (`….debug`) is none. */
export function unmountPinned(): void {
  if (!isMounted() || readdirSync(PINNED).some((name) => !name.endsWith(".debug"))) return;
  attempt(`unmount ${PINNED}`);
  const MNT_DETACH = 2;
  if ((systemCalls()?.umount2(Buffer.from(`${PINNED}\0`), MNT_DETACH) ?? -1) < 0) return;
  rmdirSync(PINNED);
}

/** Does nothing where it is there. Throws `BpfFailed`. */
export function mountPinned(): void {
  if (isMounted()) return;
  attempt(`mount ${PINNED}`);
  mkdirSync(PINNED, { recursive: true, mode: 0o700 });
  const calls = systemCalls();
  const text = (word: string): Buffer => Buffer.from(`${word}\0`);
  if (calls === undefined) throw new BpfFailed("mount", 0, "no system calls here");
  if (calls.mount(text("bpf"), text(PINNED), text("bpf"), 0, null) < 0) {
    const errno = calls.errno();
    throw new BpfFailed(`mount the bpf file system on ${PINNED}`, errno, calls.strerror(errno));
  }
}
