/** What was done while nobody watched: a line each, in /var/lib/tsnet/log. */
import { appendFileSync, mkdirSync, renameSync, statSync } from "node:fs";
import { timestamp } from "../text/clock.js";
import { safe } from "../text/display.js";
import { STATE_ROOT } from "./files.js";

const PATH = `${STATE_ROOT}/log`;
const LIMIT = 256 * 1024;

/** Adds a line that no terminal obeys; one that can't be written is lost, since what it tells of is done all the same. */
export function log(text: string): void {
  try {
    mkdirSync(STATE_ROOT, { recursive: true, mode: 0o700 });
    if ((statSync(PATH, { throwIfNoEntry: false })?.size ?? 0) > LIMIT) renameSync(PATH, `${PATH}.old`);
    appendFileSync(PATH, `${timestamp()} ${safe(text)}\n`, { mode: 0o600 });
  } catch {
    // The file system is full, or read-only.
  }
}
