/** Keeps what is on trial. */
import { withLock } from "./lock.js";
import { requireSystem } from "./ready.js";
import { confirmLocked, nothingOnTrial } from "./records.js";
import { readTrial, type Trial } from "./trial.js";

/** Throws `Obstacle` when nothing is on trial, or the apply on trial wasn't finished. */
export async function confirmTrial(
  waiting?: (holder: string) => void,
): Promise<{ readonly trial: Trial; readonly problems: readonly string[] }> {
  await requireSystem();
  if (readTrial() === undefined) throw nothingOnTrial();
  return withLock(async () => confirmLocked(), waiting === undefined ? {} : { waiting });
}
