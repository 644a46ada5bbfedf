/** The file system that pinned BPF objects live in: a mount of our own, so that nothing else's is needed. */
import { chmodSync, lstatSync, mkdirSync, readdirSync, rmdirSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { attempt } from "../attempt.js";
import { systemCalls } from "../netlink/ffi.js";
import { BpfFailed } from "./call.js";

/** MS_NOSUID, MS_NODEV and MS_NOEXEC. */
const FLAGS = 2 | 4 | 8;

export const PINNED = "/run/tsnet/bpf";

/** linux/magic.h: BPF_FS_MAGIC. */
const BPF_FS = 0xcafe4a11;

/** Asked of the place itself: the list of mounts is long on some hosts. */
export function isMounted(): boolean {
  try {
    return statfsSync(PINNED).type === BPF_FS;
  } catch {
    return false;
  }
}

/**
 * Of what is pinned, the folders that root made. A mount of before may have been open to everybody, as the kernel makes
 * them unless told otherwise, and whatever somebody has put there says nothing and is in nobody's way.
 */
export function pinnedFolders(): string[] {
  if (!isMounted()) return [];
  return readdirSync(PINNED).filter((name) => isOurs(join(PINNED, name)));
}

/** Whether it is a folder that root made. */
export function isOurs(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return found !== undefined && found.isDirectory() && found.uid === 0;
}

/** Takes the mount away when nothing of ours is pinned there any more. */
export function unmountPinned(): void {
  if (!isMounted() || pinnedFolders().length > 0) return;
  attempt(`unmount ${PINNED}`);
  const MNT_DETACH = 2;
  if ((systemCalls()?.umount2(Buffer.from(`${PINNED}\0`), MNT_DETACH) ?? -1) < 0) return;
  rmdirSync(PINNED);
}

/** For root alone; does nothing where it is there. Throws `BpfFailed`. */
export function mountPinned(): void {
  if (isMounted()) {
    if ((statSync(PINNED).mode & 0o077) !== 0) chmodSync(PINNED, 0o700);
    return;
  }
  attempt(`mount ${PINNED}`);
  mkdirSync(PINNED, { recursive: true, mode: 0o700 });
  const calls = systemCalls();
  const text = (word: string): Buffer => Buffer.from(`${word}\0`);
  if (calls === undefined) throw new BpfFailed("mount", 0, "no system calls here");
  if (calls.mount(text("bpf"), text(PINNED), text("bpf"), FLAGS, text("mode=0700")) < 0) {
    const errno = calls.errno();
    throw new BpfFailed(`mount the bpf file system on ${PINNED}`, errno, calls.strerror(errno));
  }
}
