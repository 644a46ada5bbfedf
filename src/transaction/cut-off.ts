/** Commands that were killed, as others see them: nobody holds the lock, and their journal is there still. */
import { type Journal, readJournal } from "./journal.js";
import { isHeld } from "./lock.js";

/** The journal of a command that didn't come to its end. For who doesn't hold the lock, and changes nothing. */
export function cutOff(): Journal | undefined {
  const journal = readJournal();
  if (journal === undefined || isHeld()) return undefined;
  // Who held it may have come to its end, or another have begun, between the two looks.
  const still = readJournal();
  return still?.at === journal.at ? still : undefined;
}

/** What happened, as a clause. */
export function cutOffText({ doing, policy, at, steps }: Journal): string {
  return `the ${doing} of '${policy}' at ${at} was cut off at step '${steps.at(-1) ?? "begin"}'`;
}
