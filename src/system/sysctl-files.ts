/**
 * The files below /proc/sys/net by system calls relative to open directories.
 *
 * The kernel keeps the directory entries of all namespaces in one place, and `ipv4` and `ipv6` are there once for each
 * namespace that was looked at: finding one of them costs the more the more sandboxes there are. So it is found once
 * for each namespace and family.
 */
import { type SystemCalls, systemCalls, unavailable } from "./netlink/ffi.js";

const ROOT = "/proc/sys/net";
/** asm-generic/fcntl.h */
const AT_FDCWD = -100;
const O_WRONLY = 1;
const O_RDWR = 2;
const O_DIRECTORY = 0o200000;
const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;

const scratch = Buffer.alloc(4096);

export class SysctlFiles {
  private readonly calls: SystemCalls;
  /** Open directories, by their paths below ROOT: two of three parts, `ipv4/conf`. */
  private readonly directories = new Map<string, number>();

  /** Of the namespace that this thread is in now. */
  constructor() {
    const calls = systemCalls();
    if (calls === undefined) throw new Error(unavailable());
    this.calls = calls;
  }

  /** Undefined when it can't be read. */
  read(path: string): string | undefined {
    const fd = this.open(path, 0);
    if (fd < 0) return undefined;
    const length = this.calls.pread(fd, scratch, scratch.length, 0);
    this.calls.close(fd);
    return length < 0 ? undefined : scratch.toString("utf8", 0, length).trim();
  }

  /**
   * Writes unless that is the value already, and returns the value before; undefined when it can't be done.
   * One look-up: it is found once, read and written at its beginning, where alone the kernel takes a value.
   */
  set(path: string, value: string): string | undefined {
    const fd = this.open(path, O_RDWR);
    if (fd < 0) return undefined;
    const { calls } = this;
    const length = calls.pread(fd, scratch, scratch.length, 0);
    const before = length < 0 ? undefined : scratch.toString("utf8", 0, length).trim();
    let written = before !== undefined;
    if (written && before !== value) written = calls.pwrite(fd, scratch, scratch.write(value, "utf8"), 0) >= 0;
    calls.close(fd);
    return written ? before : undefined;
  }

  /** False when it can't be written. */
  write(path: string, value: string): boolean {
    const fd = this.open(path, O_WRONLY);
    if (fd < 0) return false;
    const written = this.calls.pwrite(fd, scratch, scratch.write(value, "utf8"), 0);
    this.calls.close(fd);
    return written >= 0;
  }

  close(): void {
    for (const fd of this.directories.values()) this.calls.close(fd);
    this.directories.clear();
  }

  private open(path: string, flags: number): number {
    const [first = "", second = "", ...rest] = path.split("/");
    if (rest.length === 0) return this.calls.openat(AT_FDCWD, zero(`${ROOT}/${path}`), flags | O_CLOEXEC, 0);
    const directory = this.directory(`${first}/${second}`);
    return directory < 0 ? -1 : this.calls.openat(directory, zero(rest.join("/")), flags | O_CLOEXEC, 0);
  }

  private directory(path: string): number {
    const known = this.directories.get(path);
    if (known !== undefined) return known;
    const fd = this.calls.openat(AT_FDCWD, zero(`${ROOT}/${path}`), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd >= 0) this.directories.set(path, fd);
    return fd;
  }
}

/** A string as C has it. */
function zero(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}
