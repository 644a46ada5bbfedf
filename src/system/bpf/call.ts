/**
 * One call of bpf(2) (linux/bpf.h).
 *
 * Attributes hold pointers, so what they point to is in buffers of their own, whose memory never moves.
 */
import { systemCalls, type SystemCalls, unavailable } from "../netlink/ffi.js";

export const COMMAND = {
  mapCreate: 0,
  lookup: 1,
  update: 2,
  delete: 3,
  load: 5,
  pin: 6,
  get: 7,
  fromId: 14,
  testRun: 10,
  info: 15,
  updateBatch: 26,
  linkCreate: 28,
} as const;

export const ENOENT = 2;
export const EEXIST = 17;

function mendOf(errno: number): string {
  if (errno === 1 || errno === 13) return "run it as root outside a user namespace: BPF programs are the host's";
  if (errno === 12 || errno === 7) return "the maps are too large for this machine's memory";
  return "`tsnet doctor` shows what this kernel can do; or apply with --backend nft";
}

/** A bpf(2) call that failed. */
export class BpfFailed extends Error {
  override readonly name = "SystemError";
  readonly errno: number;
  readonly help: string;

  constructor(what: string, errno: number, reason: string) {
    super(`${what}: ${reason}`);
    this.errno = errno;
    this.help = mendOf(errno);
  }
}

/** Bytes of the attributes: more than any command here has. */
export const SIZE = 128;
/** Of the last call: the kernel writes some answers there. */
export const attributes = Buffer.allocUnsafeSlow(SIZE);

export function calls(): SystemCalls {
  const found = systemCalls();
  if (found === undefined) throw new BpfFailed("bpf", 0, unavailable() ?? "no system calls here");
  return found;
}

/** The result of a command whose attributes `fill` writes into zeros. Throws `BpfFailed`. */
export function call(command: keyof typeof COMMAND, what: string, fill: (to: Buffer) => void): number {
  const system = calls();
  attributes.fill(0);
  fill(attributes);
  const result = system.bpf(COMMAND[command], attributes, SIZE);
  if (result < 0) {
    const errno = system.errno();
    throw new BpfFailed(what, errno, system.strerror(errno));
  }
  return result;
}

/** Memory of its own, whose address the kernel may be given. */
export function fixed(size: number): Buffer {
  return Buffer.allocUnsafeSlow(Math.max(1, size)).fill(0);
}

export const pointer = (to: Buffer, offset: number, memory: Uint8Array): void => {
  to.writeBigUInt64LE(calls().addressOf(memory), offset);
};

/** With its closing zero. */
export function path(text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  const memory = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(memory);
  return memory;
}
