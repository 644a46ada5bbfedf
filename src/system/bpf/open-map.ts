/** Maps whose elements change one at a time. */
import { attempt } from "../attempt.js";
import { BpfFailed, call, calls, COMMAND, ENOENT, fixed, pointer, SIZE } from "./call.js";
import { close, lookupElement, type MapShape } from "./calls.js";

/**
 * A map whose elements change one at a time, as fast as a call can be made: where the buffers are is asked for once. Fill
 * `key` and `value` first. Throws `BpfFailed`.
 */
export class OpenMap {
  readonly key: Buffer;
  readonly value: Buffer;
  private readonly fd: number;
  private readonly attributes = fixed(SIZE);
  /** A deletion has no value: the kernel refuses what it doesn't know (CHECK_ATTR, kernel/bpf/syscall.c). */
  private readonly keyAlone = fixed(SIZE);

  constructor(fd: number, { key, value }: Pick<MapShape, "key" | "value">) {
    this.fd = fd;
    this.key = fixed(key);
    this.value = fixed(value);
    for (const attributes of [this.attributes, this.keyAlone]) {
      attributes.writeUInt32LE(fd, 0);
      pointer(attributes, 8, this.key);
    }
    pointer(this.attributes, 16, this.value);
  }

  private call(command: "lookup" | "update" | "delete"): boolean {
    const system = calls();
    const attributes = command === "delete" ? this.keyAlone : this.attributes;
    if (system.bpf(COMMAND[command], attributes, SIZE) >= 0) return true;
    const errno = system.errno();
    if (errno === ENOENT) return false;
    throw new BpfFailed(`${command} an element of a map`, errno, system.strerror(errno));
  }

  /** Reads into `value`; false where there is no such element. */
  lookup(): boolean {
    return this.call("lookup");
  }

  update(): void {
    attempt("bpf update");
    this.call("update");
  }

  /** False where there was none. */
  delete(): boolean {
    attempt("bpf delete");
    return this.call("delete");
  }

  close(): void {
    close(this.fd);
  }
}

/** A descriptor of the map in a slot of a map of maps; undefined where the slot is empty. */
export function mapInSlot(outer: number, slot: number): number | undefined {
  const [key, value] = [fixed(4), fixed(4)];
  key.writeUInt32LE(slot, 0);
  if (!lookupElement(outer, key, value)) return undefined;
  return call("fromId", "open a map", (to) => to.writeUInt32LE(value.readUInt32LE(0), 0));
}
