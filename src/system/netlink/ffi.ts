/**
 * System calls that Node has no binding for, through koffi, an optional dependency with prebuilt binaries.
 *
 * All calls are synchronous: a netlink answer takes microseconds, and a namespace belongs to the calling thread, so
 * nothing else may run between entering it and coming back.
 */

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

interface Library {
  func<F = (...args: unknown[]) => number>(signature: string): F;
}
interface Koffi {
  load(path: string | null): Library;
  errno(): number;
}

function load(): SystemCalls {
  if (process.platform !== "linux") throw new Error(`there is no netlink on ${process.platform}`);
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1)
    throw new Error("messages are encoded for little-endian machines only");
  const koffi = require_();
  const libc = koffi.load(null);
  const pointer = "const void *";
  return {
    socket: libc.func("int socket(int, int, int)"),
    bind: libc.func(`int bind(int, ${pointer}, unsigned int)`),
    setsockopt: libc.func(`int setsockopt(int, int, int, ${pointer}, unsigned int)`),
    send: libc.func(`long send(int, ${pointer}, unsigned long, int)`),
    recv: libc.func("long recv(int, void *, unsigned long, int)"),
    recvmsg: libc.func("long recvmsg(int, void *, int)"),
    setns: libc.func("int setns(int, int)"),
    unshare: libc.func("int unshare(int)"),
    mount: libc.func(`int mount(${pointer}, ${pointer}, ${pointer}, unsigned long, ${pointer})`),
    umount2: libc.func(`int umount2(${pointer}, int)`),
    pread: libc.func("long pread(int, void *, unsigned long, long)"),
    pwrite: libc.func(`long pwrite(int, ${pointer}, unsigned long, long)`),
    // Variadic in C: on the machines that Linux runs on these arguments are passed in the same places as named ones.
    openat: libc.func(`int openat(int, ${pointer}, int, int)`),
    ioctl: libc.func("int ioctl(int, unsigned long, void *)"),
    pipe2: libc.func("int pipe2(void *, int)"),
    fcntl: libc.func("int fcntl(int, int, long)"),
    inet_pton: libc.func(`int inet_pton(int, ${pointer}, void *)`),
    inet_ntop: libc.func(`void *inet_ntop(int, ${pointer}, void *, unsigned int)`),
    strerror: libc.func<(errno: number) => string>("const char *strerror(int)"),
    close: libc.func("int close(int)"),
    membarrier: membarrier(libc),
    ...bpf(libc),
    addressOf: addressOf(libc),
    memfd_create: libc.func(`int memfd_create(${pointer}, unsigned int)`),
    ...spawning(libc),
    if_nametoindex: libc.func(`unsigned int if_nametoindex(${pointer})`),
    errno: () => koffi.errno(),
    sha1: hash(libc, "SHA1"),
    sha256: hash(libc, "SHA256"),
  };
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

function spawning(libc: Library) {
  const pointer = "const void *";
  return {
    posix_spawn: libc.func(`int posix_spawn(void *, ${pointer}, ${pointer}, ${pointer}, ${pointer}, ${pointer})`),
    posix_spawn_file_actions_init: libc.func("int posix_spawn_file_actions_init(void *)"),
    posix_spawn_file_actions_adddup2: libc.func("int posix_spawn_file_actions_adddup2(void *, int, int)"),
    posix_spawn_file_actions_destroy: libc.func("int posix_spawn_file_actions_destroy(void *)"),
    posix_spawnattr_init: libc.func("int posix_spawnattr_init(void *)"),
    posix_spawnattr_setflags: libc.func("int posix_spawnattr_setflags(void *, short)"),
    posix_spawnattr_setsigdefault: libc.func(`int posix_spawnattr_setsigdefault(void *, ${pointer})`),
    posix_spawnattr_destroy: libc.func("int posix_spawnattr_destroy(void *)"),
    waitpid: elsewhere(libc.func<Call>("int waitpid(int, void *, int)")),
  };
}

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

/**
 * koffi's own entry reads the whole of Node's executable's headers to find the libc, which takes 5 ms of every start;
 * the binary for glibc loads in 2, and doesn't load on another libc.
 */
function require_(): Koffi {
  // Asked for here, since most commands need neither.
  const require = process.getBuiltinModule("node:module").createRequire(import.meta.filename);
  const { arch } = process;
  try {
    return require(`@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`) as Koffi;
  } catch {
    return require("koffi") as Koffi;
  }
}
