/**
 * What is under way, beside the kernel state that it changes: a command that is killed leaves its journal, and the next
 * that takes the lock finishes what it began or takes it back. /run is cleared with the kernel at a reboot.
 */
import { appendFileSync } from "node:fs";
import type { BackendName } from "../backend/backend.js";
import { attempt } from "../system/attempt.js";
import { removeFile, textAt, writeWhole } from "../system/files.js";
import { timestamp } from "../text/clock.js";

const PATH = "/run/tsnet/journal";

export interface Journal {
  readonly policy: string;
  readonly doing: "apply" | "remove";
  /** What may carry rules of the policy besides what its record says: a switch has two. */
  readonly carriers: readonly BackendName[];
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The steps that were begun, in their order. */
  readonly steps: readonly string[];
}

/** Before anything is changed. Throws where it can't be written: then nothing may be changed. */
export function beginJournal(policy: string, doing: Journal["doing"], carriers: Journal["carriers"] = []): void {
  writeWhole(PATH, `${JSON.stringify({ policy, doing, carriers, at: timestamp() })}\n`);
}

/** A step begins; what it does may be half done from here on. */
export function step(name: string): void {
  attempt(`step ${name}`);
  appendFileSync(PATH, `${name}\n`);
}

/** All is as it should be: done, or taken back. */
export function endJournal(): void {
  removeFile(PATH);
}

/** Of a command that didn't come to its end; only for who holds the lock. */
export function readJournal(): Journal | undefined {
  const text = textAt(PATH);
  if (text === undefined) return undefined;
  const [head = "", ...steps] = text.split("\n").filter((line) => line !== "");
  try {
    const { carriers = [], ...rest } = JSON.parse(head) as Omit<Journal, "steps" | "carriers"> & Partial<Journal>;
    return { ...rest, carriers, steps };
  } catch {
    // Torn: it was being written, so nothing had been changed.
    return undefined;
  }
}
