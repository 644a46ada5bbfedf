/**
 * System calls that Node has no binding for, through koffi, an optional dependency with prebuilt binaries.
 *
 * All calls are synchronous: a netlink answer takes microseconds, and a namespace belongs to the calling thread, so
 * nothing else may run between entering it and coming back.
 */

import { type Koffi, type Library, loadKoffi } from "./koffi.js";

/** A pointer to memory that a call reads or writes. */
type Memory = Uint8Array;

/** Negative results are failures; `errno()` then says which (errno(3)). */
export interface SystemCalls {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Memory, length: number): number;
  setsockopt(fd: number, level: number, option: number, value: Memory, length: number): number;
  send(fd: number, bytes: Memory, length: number, flags: number): number;
  recv(fd: number, bytes: Memory, length: number, flags: number): number;
  /** `header` is a `struct msghdr`, see envelope.ts. */
  recvmsg(fd: number, header: Memory, flags: number): number;
  setns(fd: number, kind: number): number;
  unshare(flags: number): number;
  mount(source: Memory, target: Memory, type: Memory, flags: number, data: Memory | null): number;
  umount2(target: Memory, flags: number): number;
  openat(directory: number, path: Memory, flags: number, mode: number): number;
  pread(fd: number, bytes: Memory, length: number, offset: number): number;
  pwrite(fd: number, bytes: Memory, length: number, offset: number): number;
  ioctl(fd: number, request: number, argument: Memory): number;
  /** Two descriptors of 32 bits each: where to read, where to write. */
  pipe2(descriptors: Memory, flags: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  /** 1 when `text`, which ends with a zero, is an address of `family`. */
  inet_pton(family: number, text: Memory, bytes: Memory): number;
  inet_ntop(family: number, bytes: Memory, text: Memory, size: number): unknown;
  strerror(errno: number): string;
  close(fd: number): number;
  /** Waits until every processor has left what it was at (membarrier(2), MEMBARRIER_CMD_GLOBAL). */
  membarrier(): number;
  /** bpf(2); -1 where the machine's number of it isn't known. */
  bpf(command: number, attributes: Memory, size: number): number;
  /** The same on another thread: what waits there for the kernel doesn't keep this one. */
  bpfElsewhere(command: number, attributes: Memory, size: number): Promise<number>;
  /** Where memory is: for structures that hold pointers. Of buffers of their own only, which the collector never moves. */
  addressOf(memory: Memory): bigint;
  memfd_create(name: Memory, flags: number): number;
  /** The error's number is what it returns; see spawn.ts. Pointers to texts in `argv` and `envp`. */
  posix_spawn(pid: Memory, path: Memory, actions: Memory, attributes: Memory, argv: Memory, envp: Memory): number;
  posix_spawn_file_actions_init(actions: Memory): number;
  posix_spawn_file_actions_adddup2(actions: Memory, fd: number, as: number): number;
  posix_spawn_file_actions_destroy(actions: Memory): number;
  posix_spawnattr_init(attributes: Memory): number;
  posix_spawnattr_setflags(attributes: Memory, flags: number): number;
  posix_spawnattr_setsigdefault(attributes: Memory, signals: Memory): number;
  posix_spawnattr_destroy(attributes: Memory): number;
  /** On another thread. */
  waitpid(pid: number, status: Memory, options: number): Promise<number>;
  /** 0: there is none. */
  if_nametoindex(name: Memory): number;
  errno(): number;
  /** Of OpenSSL; undefined where Node doesn't let them be seen. See digest.ts. */
  sha1: Hash | undefined;
  sha256: Hash | undefined;
}

/** Each returns 1. `context` is what is kept between the calls. */
export interface Hash {
  init(context: Memory): number;
  update(context: Memory, bytes: Memory, length: number): number;
  final(digest: Memory, context: Memory): number;
}

/** Why system calls can't be made here; undefined once they could be loaded. */
let reason: string | undefined;
let calls: SystemCalls | undefined;

/** Undefined where koffi isn't installed or doesn't load: callers then use the tools. `unavailable()` says why. */
export function systemCalls(): SystemCalls | undefined {
  if (calls === undefined && reason === undefined)
    try {
      calls = load();
    } catch (error) {
      reason = `koffi doesn't load: ${String((error as Error).message).split("\n")[0]}`;
    }
  return calls;
}

export function unavailable(): string | undefined {
  systemCalls();
  return reason;
}

function load(): SystemCalls {
  if (process.platform !== "linux") throw new Error(`there is no netlink on ${process.platform}`);
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1)
    throw new Error("messages are encoded for little-endian machines only");
  return new Calls(loadKoffi());
}

const P = "const void *";

/** Each is made when it is first asked for, which takes 20 to 50 µs: no command needs half of them. */
class Calls implements SystemCalls {
  private readonly koffi: Koffi;
  private readonly libc: Library;

  constructor(koffi: Koffi) {
    this.koffi = koffi;
    this.libc = koffi.load(null);
  }

  private keep<K extends keyof SystemCalls>(name: K, value: SystemCalls[K]): SystemCalls[K] {
    Object.defineProperty(this, name, { value });
    return value;
  }

  private make<K extends keyof SystemCalls>(name: K, signature: string): SystemCalls[K] {
    return this.keep(name, this.libc.func<SystemCalls[K]>(signature));
  }

  get socket() {
    return this.make("socket", "int socket(int, int, int)");
  }

  get bind() {
    return this.make("bind", `int bind(int, ${P}, unsigned int)`);
  }

  get setsockopt() {
    return this.make("setsockopt", `int setsockopt(int, int, int, ${P}, unsigned int)`);
  }

  get send() {
    return this.make("send", `long send(int, ${P}, unsigned long, int)`);
  }

  get recv() {
    return this.make("recv", "long recv(int, void *, unsigned long, int)");
  }

  get recvmsg() {
    return this.make("recvmsg", "long recvmsg(int, void *, int)");
  }

  get setns() {
    return this.make("setns", "int setns(int, int)");
  }

  get unshare() {
    return this.make("unshare", "int unshare(int)");
  }

  get mount() {
    return this.make("mount", `int mount(${P}, ${P}, ${P}, unsigned long, ${P})`);
  }

  get umount2() {
    return this.make("umount2", `int umount2(${P}, int)`);
  }

  get pread() {
    return this.make("pread", "long pread(int, void *, unsigned long, long)");
  }

  get pwrite() {
    return this.make("pwrite", `long pwrite(int, ${P}, unsigned long, long)`);
  }

  /** Variadic in C: on the machines that Linux runs on these arguments are passed in the same places as named ones. */
  get openat() {
    return this.make("openat", `int openat(int, ${P}, int, int)`);
  }

  get ioctl() {
    return this.make("ioctl", "int ioctl(int, unsigned long, void *)");
  }

  get pipe2() {
    return this.make("pipe2", "int pipe2(void *, int)");
  }

  get fcntl() {
    return this.make("fcntl", "int fcntl(int, int, long)");
  }

  get inet_pton() {
    return this.make("inet_pton", `int inet_pton(int, ${P}, void *)`);
  }

  get inet_ntop() {
    return this.make("inet_ntop", `void *inet_ntop(int, ${P}, void *, unsigned int)`);
  }

  get strerror() {
    return this.make("strerror", "const char *strerror(int)");
  }

  get close() {
    return this.make("close", "int close(int)");
  }

  get memfd_create() {
    return this.make("memfd_create", `int memfd_create(${P}, unsigned int)`);
  }

  get if_nametoindex() {
    return this.make("if_nametoindex", `unsigned int if_nametoindex(${P})`);
  }

  get posix_spawn() {
    return this.make("posix_spawn", `int posix_spawn(void *, ${P}, ${P}, ${P}, ${P}, ${P})`);
  }

  get posix_spawn_file_actions_init() {
    return this.make("posix_spawn_file_actions_init", "int posix_spawn_file_actions_init(void *)");
  }

  get posix_spawn_file_actions_adddup2() {
    return this.make("posix_spawn_file_actions_adddup2", "int posix_spawn_file_actions_adddup2(void *, int, int)");
  }

  get posix_spawn_file_actions_destroy() {
    return this.make("posix_spawn_file_actions_destroy", "int posix_spawn_file_actions_destroy(void *)");
  }

  get posix_spawnattr_init() {
    return this.make("posix_spawnattr_init", "int posix_spawnattr_init(void *)");
  }

  get posix_spawnattr_setflags() {
    return this.make("posix_spawnattr_setflags", "int posix_spawnattr_setflags(void *, short)");
  }

  get posix_spawnattr_setsigdefault() {
    return this.make("posix_spawnattr_setsigdefault", `int posix_spawnattr_setsigdefault(void *, ${P})`);
  }

  get posix_spawnattr_destroy() {
    return this.make("posix_spawnattr_destroy", "int posix_spawnattr_destroy(void *)");
  }

  get waitpid() {
    return this.keep("waitpid", elsewhere(this.libc.func<Call>("int waitpid(int, void *, int)")));
  }

  get membarrier() {
    return this.keep("membarrier", membarrier(this.libc));
  }

  get bpf() {
    return this.keep("bpf", bpf(this.libc).bpf);
  }

  get bpfElsewhere() {
    return this.keep("bpfElsewhere", bpf(this.libc).bpfElsewhere);
  }

  get addressOf() {
    return this.keep("addressOf", addressOf(this.libc));
  }

  get sha1() {
    return this.keep("sha1", hash(this.libc, "SHA1"));
  }

  get sha256() {
    return this.keep("sha256", hash(this.libc, "SHA256"));
  }

  errno(): number {
    return this.koffi.errno();
  }
}

/** The symbols of the process are those of Node's own libraries too. */
function hash(libc: Library, name: string): Hash | undefined {
  try {
    return {
      init: libc.func(`int ${name}_Init(void *)`),
      update: libc.func(`int ${name}_Update(void *, const void *, unsigned long)`),
      final: libc.func(`int ${name}_Final(void *, void *)`),
    };
  } catch {
    return undefined;
  }
}

/** glibc has no wrapper of it; its number is per architecture (asm/unistd.h). */
function membarrier(libc: Library): () => number {
  const number = { x64: 324, arm64: 283, riscv64: 283, loong64: 283 }[process.arch as string];
  if (number === undefined) return () => -1;
  const syscall = libc.func("long syscall(long, int, unsigned int, int)");
  return () => syscall(number, 1, 0, 0);
}

/** A function that may run on another thread. */
type Call = ((...args: unknown[]) => number) & { async(...args: unknown[]): void };

const elsewhere =
  (call: Call) =>
  (...args: unknown[]): Promise<number> =>
    new Promise((resolve, reject) => {
      call.async(...args, (error: Error | null, result: number) => (error === null ? resolve(result) : reject(error)));
    });

type Bpf = Pick<SystemCalls, "bpf" | "bpfElsewhere">;

function bpf(libc: Library): Bpf {
  const number = { x64: 321, arm64: 280, riscv64: 280, loong64: 280 }[process.arch as string];
  if (number === undefined) return { bpf: () => -1, bpfElsewhere: () => Promise.resolve(-1) };
  const syscall = libc.func<Call>("long syscall(long, int, void *, unsigned int)");
  return {
    bpf: (command, attributes, size) => syscall(number, command, attributes, size),
    bpfElsewhere: (command, attributes, size) => elsewhere(syscall)(number, command, attributes, size),
  };
}

/** A move of nothing returns where to. */
function addressOf(libc: Library): (memory: Memory) => bigint {
  const move = libc.func<(...args: unknown[]) => number | bigint>(
    "unsigned long memmove(void *, const void *, unsigned long)",
  );
  return (memory) => BigInt(move(memory, memory, 0));
}
