/** Files that are there whole or not at all. */
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { attempt } from "./attempt.js";

/** Written beside and renamed. Throws what node:fs throws, leaving what was there. */
export function writeWhole(path: string, content: string | readonly Uint8Array[], mode = 0o600): void {
  attempt(`write ${path}`);
  const beside = `${path}.new`;
  try {
    const file = openMaking(beside, mode);
    try {
      for (const piece of pieces(content)) writeFileSync(file, piece);
    } finally {
      closeSync(file);
    }
    renameSync(beside, path);
  } catch (error) {
    unlink(beside);
    // Of a full disk node:fs doesn't say which.
    if (!(error as Error).message.includes(path)) (error as Error).message += `, ${path}`;
    throw error;
  }
}

/** What is written one after the other. */
export function pieces(content: string | readonly Uint8Array[]): readonly (string | Uint8Array)[] {
  return typeof content === "string" ? [content] : content;
}

/** Opens a file to write, with its directory where that is missing. */
function openMaking(path: string, mode: number): number {
  try {
    return openSync(path, "w", mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    return openSync(path, "w", mode);
  }
}

export function removeFile(path: string): void {
  attempt(`remove ${path}`);
  unlink(path);
}

/** The text of a file; undefined where it can't be read. Mostly it isn't there: an error takes longer to make than to ask. */
export function textAt(path: string): string | undefined {
  try {
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  } catch {
    return undefined;
  }
}

/** One that isn't there is none. rmSync does the same by way of what removes trees, which takes twice the time. */
export function unlink(path: string): void {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
    unlinkSync(path);
  } catch (error) {
    // Where nothing may be written, that is said of what isn't there, too.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" && existsSync(path)) throw error;
  }
}
