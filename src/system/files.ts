/** Files that are there whole or not at all. */
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { attempt } from "./attempt.js";

/** Written beside and renamed. Throws what node:fs throws, leaving what was there. */
export function writeWhole(path: string, content: string | readonly Uint8Array[], mode = 0o600): void {
  attempt(`write ${path}`);
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const beside = `${path}.new`;
  try {
    const file = openSync(beside, "w", mode);
    try {
      for (const piece of pieces(content)) writeFileSync(file, piece);
    } finally {
      closeSync(file);
    }
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    // Of a full disk node:fs doesn't say which.
    if (!(error as Error).message.includes(path)) (error as Error).message += `, ${path}`;
    throw error;
  }
}

/** What is written one after the other. */
export function pieces(content: string | readonly Uint8Array[]): readonly (string | Uint8Array)[] {
  return typeof content === "string" ? [content] : content;
}

export function removeFile(path: string): void {
  attempt(`remove ${path}`);
  rmSync(path, { force: true });
}
