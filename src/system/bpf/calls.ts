/** Maps, pinned objects, links and test runs of bpf(2). */
import { attempt } from "../attempt.js";
import { attributes, BpfFailed, call, calls, COMMAND, EEXIST, ENOENT, fixed, path, pointer, SIZE } from "./call.js";

export const MAP = { hash: 1, array: 2, trie: 11 } as const;
export const FLAG = { noPreallocation: 1, innerMap: 0x1000 } as const;
/** Where a program hangs on a device (enum bpf_attach_type). */
export const TCX = { ingress: 46, egress: 47 } as const;

export const ENODEV = 19;

export interface MapShape {
  readonly type: number;
  /** Bytes. */
  readonly key: number;
  readonly value: number;
  readonly flags: number;
}

/** A descriptor of a new map; `entries`: how many it may hold. */
export function createMap({ type, key, value, flags }: MapShape, entries: number, name: string): number {
  return call("mapCreate", `create the map ${name}`, (to) => {
    to.writeUInt32LE(type, 0);
    to.writeUInt32LE(key, 4);
    to.writeUInt32LE(value, 8);
    to.writeUInt32LE(entries, 12);
    to.writeUInt32LE(flags, 16);
    to.write(name.slice(0, 15), 28, "latin1");
  });
}

/** `key` and `value` are buffers of `fixed`. */
export function updateElement(map: number, key: Uint8Array, value: Uint8Array): void {
  attempt("bpf update");
  call("update", "change a map", (to) => {
    to.writeUInt32LE(map, 0);
    pointer(to, 8, key as Buffer);
    pointer(to, 16, value as Buffer);
  });
}

/** linux/bpf.h: BPF_NOEXIST. */
const NOEXIST = 1n;

/** Adds an element; false where there is one with this key. */
export function insertElement(map: number, key: Uint8Array, value: Uint8Array): boolean {
  attempt("bpf update");
  try {
    call("update", "change a map", (to) => {
      to.writeUInt32LE(map, 0);
      pointer(to, 8, key as Buffer);
      pointer(to, 16, value as Buffer);
      to.writeBigUInt64LE(NOEXIST, 24);
    });
    return true;
  } catch (error) {
    if (error instanceof BpfFailed && error.errno === EEXIST) return false;
    throw error;
  }
}

/**
 * Puts maps into slots of maps of maps, all at once: the kernel waits for programs under way after each, tens of
 * milliseconds, and waits for all of them together where they come together.
 */
export async function setSlots(
  slot: number,
  maps: readonly { readonly outer: number; readonly map: number }[],
): Promise<void> {
  attempt("bpf update slots");
  const results = await Promise.all(
    withThreads(maps.length, () =>
      maps.map(({ outer, map }) => {
        const memory = fixed(SIZE + 8);
        const [key, value] = [memory.subarray(SIZE, SIZE + 4), memory.subarray(SIZE + 4)];
        key.writeUInt32LE(slot, 0);
        value.writeUInt32LE(map, 0);
        memory.writeUInt32LE(outer, 0);
        pointer(memory, 8, key);
        pointer(memory, 16, value);
        return calls().bpfElsewhere(COMMAND.update, memory, SIZE);
      }),
    ),
  );
  // Another thread's errno is lost: what failed there is asked for once more here.
  maps.forEach(({ outer, map }, i) => {
    if ((results[i] ?? -1) >= 0) return;
    const memory = fixed(8);
    memory.writeUInt32LE(slot, 0);
    memory.writeUInt32LE(map, 4);
    updateElement(outer, memory.subarray(0, 4), memory.subarray(4));
  });
}

/** The variable that gives the size of libuv's pool of threads, which is made when it is first used. */
const POOL = "UV_THREADPOOL_SIZE";

/**
 * Runs what begins so many calls on other threads. Of libuv's usual four, calls that wait for the kernel would keep the
 * others waiting; a pool that is there already stays as it is.
 */
function withThreads<T>(count: number, begin: () => T): T {
  if (process.env[POOL] !== undefined) return begin();
  process.env[POOL] = String(Math.max(4, count));
  try {
    return begin();
  } finally {
    // Of no concern to the processes that are started from here.
    Reflect.deleteProperty(process.env, POOL);
  }
}

/** False where there is none. */
export function deleteElement(map: number, key: Uint8Array): boolean {
  try {
    call("delete", "change a map", (to) => {
      to.writeUInt32LE(map, 0);
      pointer(to, 8, key as Buffer);
    });
    return true;
  } catch (error) {
    if (error instanceof BpfFailed && error.errno === ENOENT) return false;
    throw error;
  }
}

/** Reads into `value`; false where there is none. */
export function lookupElement(map: number, key: Uint8Array, value: Uint8Array): boolean {
  try {
    call("lookup", "read a map", (to) => {
      to.writeUInt32LE(map, 0);
      pointer(to, 8, key as Buffer);
      pointer(to, 16, value as Buffer);
    });
    return true;
  } catch (error) {
    if (error instanceof BpfFailed && error.errno === ENOENT) return false;
    throw error;
  }
}

/** Elements in one call: keys and values one after the other. */
export function updateBatch(map: number, keys: Buffer, values: Buffer, count: number): void {
  if (count === 0) return;
  attempt("bpf update");
  call("updateBatch", "fill a map", (to) => {
    pointer(to, 16, keys);
    pointer(to, 24, values);
    to.writeUInt32LE(count, 32);
    to.writeUInt32LE(map, 36);
  });
}

/** A descriptor of what is pinned; undefined where nothing is. */
export function getPinned(file: string): number | undefined {
  const name = path(file);
  try {
    return call("get", `open ${file}`, (to) => pointer(to, 0, name));
  } catch (error) {
    if (error instanceof BpfFailed && error.errno === ENOENT) return undefined;
    throw error;
  }
}

export function pin(fd: number, file: string): void {
  attempt(`bpf pin ${file}`);
  const name = path(file);
  call("pin", `pin ${file}`, (to) => {
    pointer(to, 0, name);
    to.writeUInt32LE(fd, 8);
  });
}

/** Hangs a program on a device; it hangs there as long as the descriptor, or what is pinned of it, lives. */
export function linkDevice(program: number, index: number, where: number): number {
  attempt(`bpf link ${index}`);
  return call("linkCreate", "hang a program on a device", (to) => {
    to.writeUInt32LE(program, 0);
    to.writeUInt32LE(index, 4);
    to.writeUInt32LE(where, 8);
  });
}

/** Whether this process may make maps and load programs. Nothing is left of what is tried. */
export function mayUse():
  { readonly ok: true; readonly tcx: boolean } | { readonly ok: false; readonly why: BpfFailed } {
  let program: number;
  try {
    close(createMap({ type: MAP.hash, key: 4, value: 4, flags: 0 }, 1, "probe"));
    program = loadNothing();
  } catch (error) {
    if (!(error instanceof BpfFailed)) throw error;
    return { ok: false, why: error };
  }
  try {
    return { ok: true, tcx: [TCX.ingress, TCX.egress].every((where) => knowsPlace(program, where)) };
  } finally {
    close(program);
  }
}

/** A descriptor of a tc program that lets everything go on: r0 = 0; exit. */
function loadNothing(): number {
  const SCHED_CLS = 3;
  const instructions = fixed(16);
  instructions.writeUInt8(0xb7, 0);
  instructions.writeUInt8(0x95, 8);
  const license = path("GPL");
  return call("load", "load a program", (to) => {
    to.writeUInt32LE(SCHED_CLS, 0);
    to.writeUInt32LE(2, 4);
    pointer(to, 8, instructions);
    pointer(to, 16, license);
  });
}

/** Whether links of a place on devices are known: asked of a device that can't be, since only then it is looked for. */
function knowsPlace(program: number, where: number): boolean {
  const NO_DEVICE = 0x7fffffff;
  try {
    close(linkDevice(program, NO_DEVICE, where));
    return true;
  } catch (error) {
    if (!(error instanceof BpfFailed)) throw error;
    return error.errno === ENODEV;
  }
}

/** The device that a TCX link is on; 0 where that is gone. */
export function linkedDevice(link: number): number {
  const info = fixed(64);
  call("info", "read a link", (to) => {
    to.writeUInt32LE(link, 0);
    to.writeUInt32LE(info.length, 4);
    pointer(to, 8, info);
  });
  // struct bpf_link_info: type, id, prog_id, then for TCX the index, behind padding to eight bytes.
  return info.readUInt32LE(16);
}

export interface TestRun {
  /** What the program returned, as a signed number. */
  readonly result: number;
  /** The frame as the program left it. */
  readonly frame: Buffer;
}

/** Runs a tc program on a frame (BPF_PROG_TEST_RUN). `context`: a struct __sk_buff. */
export function testRun(program: number, frame: Uint8Array, context: Buffer): TestRun {
  const input = fixed(frame.length);
  input.set(frame);
  const output = fixed(frame.length + 512);
  call("testRun", "run a program", (to) => {
    to.writeUInt32LE(program, 0);
    to.writeUInt32LE(input.length, 8);
    to.writeUInt32LE(output.length, 12);
    pointer(to, 16, input);
    pointer(to, 24, output);
    to.writeUInt32LE(1, 32);
    to.writeUInt32LE(context.length, 40);
    pointer(to, 48, context);
  });
  return { result: attributes.readInt32LE(4), frame: output.subarray(0, attributes.readUInt32LE(12)) };
}

export function close(fd: number): void {
  calls().close(fd);
}

/** Of a device in this thread's namespace; undefined where there is none. */
export function deviceIndex(name: string): number | undefined {
  const index = calls().if_nametoindex(path(name));
  return index === 0 ? undefined : index;
}
