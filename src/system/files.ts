/** Files that are there whole or not at all. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { attempt } from "./attempt.js";

/** Written beside and renamed. Throws what node:fs throws, leaving what was there. */
export function writeWhole(path: string, text: string, mode = 0o600): void {
  attempt(`write ${path}`);
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const beside = `${path}.new`;
  try {
    writeFileSync(beside, text, { mode });
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    // Of a full disk node:fs doesn't say which.
    if (!(error as Error).message.includes(path)) (error as Error).message += `, ${path}`;
    throw error;
  }
}

export function removeFile(path: string): void {
  attempt(`remove ${path}`);
  rmSync(path, { force: true });
}
