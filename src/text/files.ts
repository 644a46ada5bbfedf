/** Texts in the file system: what is read of them, and when two paths are one file. */
import { isUtf8 } from "node:buffer";
import { closeSync, fstatSync, openSync, readFileSync, readSync, realpathSync, type Stats, statSync } from "node:fs";
import { Unreadable } from "./unreadable.js";

/** Names, not codes: `ENOENT` means nothing to most people. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of the path is no directory",
  ELOOP: "too many symbolic links",
};

/** Why a file can't be read or written. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ""] ?? message;
}

/** Of a text, in MiB: five times what a million statements take. A device may have no end. */
const MOST = 256;

/** Reads a file as UTF-8; throws `Unreadable`. `-` is standard input. */
export function readText(path: string): string {
  let bytes: Buffer | undefined;
  try {
    bytes = readBytes(path);
  } catch (error) {
    throw new Unreadable(reasonOf(error), { cause: error });
  }
  if (bytes === undefined)
    throw new Unreadable(`it has more than ${MOST} MiB`, { mend: "a policy of that size is none: name another file" });
  // What TextDecoder would do, without loading it.
  if (!isUtf8(bytes)) throw notUtf8(bytes);
  return bytes.toString();
}

/** undefined where there are too many. */
function readBytes(path: string): Buffer | undefined {
  const fd = path === "-" ? 0 : openSync(path, "r");
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() && !stats.isDirectory()) return readStream(fd);
    return stats.size > MOST << 20 ? undefined : readFileSync(fd);
  } finally {
    if (fd !== 0) closeSync(fd);
  }
}

function readStream(fd: number): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let room = (MOST << 20) + 1; room > 0;) {
    const part = Buffer.allocUnsafe(Math.min(room, 1 << 16));
    const size = readSome(fd, part);
    if (size === 0) return Buffer.concat(parts);
    parts.push(part.subarray(0, size));
    room -= size;
  }
  return undefined;
}

/** The bytes read, 0 at the end. Whoever made the pipe may have made it so that a read of it doesn't wait. */
function readSome(fd: number, into: Buffer): number {
  for (;;)
    try {
      return readSync(fd, into);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
}

/**
 * As `readText`, of a regular file alone: what a policy's text names is read unasked, and a device may have no end, nor
 * has a FIFO that nobody writes to.
 */
export function readRegular(path: string): string {
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    throw new Unreadable(reasonOf(error), { cause: error });
  }
  if (!stats.isFile() && !stats.isDirectory())
    throw new Unreadable(`it is ${kindOf(stats)}, and no regular file`, {
      mend: "include a regular file; what a program prints goes on the command line, as <(PROGRAM) or '-'",
    });
  return readText(path);
}

function kindOf(stats: Stats): string {
  return stats.isFIFO() ? "a FIFO" : stats.isSocket() ? "a socket" : "a device";
}

/** The same text for all paths of one file. A path that leads nowhere stands for itself. */
export function identify(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}

function notUtf8(bytes: Buffer): Unreadable {
  const at = firstBadByte(bytes);
  const line = bytes.subarray(0, at).reduce((lines, byte) => lines + (byte === NEWLINE ? 1 : 0), 1);
  const byte = `0x${(bytes[at] as number).toString(16).padStart(2, "0")}`;
  return new Unreadable(`it is not UTF-8 text: line ${line} has the byte ${byte}, at offset ${at} of the file`, {
    mend: "save it as UTF-8 (from Latin-1: iconv -f latin1 -t utf-8)",
  });
}

const NEWLINE = 10;
const REPLACEMENT = Buffer.from("\ufffd");

/** Where decoding first puts a replacement that the text itself doesn't have. */
function firstBadByte(bytes: Buffer): number {
  const text = bytes.toString();
  let [from, at] = [0, 0];
  for (;;) {
    const sign = text.indexOf("\ufffd", from);
    at += Buffer.byteLength(text.slice(from, sign));
    if (!bytes.subarray(at, at + REPLACEMENT.length).equals(REPLACEMENT)) return at;
    at += REPLACEMENT.length;
    from = sign + 1;
  }
}
