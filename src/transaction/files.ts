/** Files of records that only root may read, since policies may hold secrets. */
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { attempt } from "../system/attempt.js";
import { pieces, unlink } from "../system/files.js";

/** What survives a reboot: the history, what is confirmed, the log. */
export const STATE_ROOT = "/var/lib/tsnet";

/**
 * Another name for a file that was written by `saveSecret`, which is never written in place; false where this file system
 * has no such names.
 */
export function linkSecret(from: string, path: string, durable: boolean): boolean {
  attempt(`write ${path}`);
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  try {
    unlink(`${path}.new`);
    linkSync(from, `${path}.new`);
  } catch {
    return false;
  }
  renameSync(`${path}.new`, path);
  if (durable) syncDirectory(directory);
  return true;
}

/** Writes a file in one step: a kill leaves the old or the new one. `durable`: so does a power failure. */
export function saveSecret(path: string, content: string | readonly Uint8Array[], durable: boolean): void {
  attempt(`write ${path}`);
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // What a kill left may be another name of a file that stays.
  unlink(`${path}.new`);
  const file = openSync(`${path}.new`, "w", 0o600);
  try {
    for (const piece of pieces(content)) writeFileSync(file, piece);
    if (durable) fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  if (durable) syncDirectory(directory);
}

function syncDirectory(directory: string): void {
  const folder = openSync(directory, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
