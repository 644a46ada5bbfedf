/** What is live for good, by policy: what `tsnet restore` brings back after a reboot. */
import { existsSync, readdirSync } from "node:fs";
import { unlink } from "../system/files.js";
import { component } from "../topology/names.js";
import { saveSecret, STATE_ROOT } from "./files.js";
import { type Entry, readEntry } from "./history.js";
import { recordBytes } from "./record-text.js";

const ROOT = `${STATE_ROOT}/confirmed`;

export const confirmedPath = (policy: string): string => `${ROOT}/${component(policy)}.record`;

export function saveConfirmed(entry: Entry, durable: boolean): void {
  saveSecret(confirmedPath(entry.policy), recordBytes(entry), durable);
}

export function isConfirmed(policy: string): boolean {
  return existsSync(confirmedPath(policy));
}

export function readConfirmed(policy: string): Entry | undefined {
  return readEntry(confirmedPath(policy));
}

export function forgetConfirmed(policy: string): void {
  unlink(confirmedPath(policy));
}

/** Every confirmed policy by its file; `entry` is undefined where the file can't be understood. */
export function allConfirmed(): { readonly path: string; readonly entry: Entry | undefined }[] {
  let files: string[];
  try {
    files = readdirSync(ROOT);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return files
    .filter((file) => file.endsWith(".record"))
    .sort()
    .map((file) => ({ path: `${ROOT}/${file}`, entry: readEntry(`${ROOT}/${file}`) }));
}
