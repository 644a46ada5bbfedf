/** Trials on the command line: what `--confirm` begins, what people and programs hear of one, and overdue ones. */
import { hashTexts } from "../transaction/history.js";
import type { Purpose } from "../transaction/records.js";
import { Obstacle } from "../transaction/obstacle.js";
import { finishOverdue } from "../transaction/revert.js";
import { remaining, type Trial } from "../transaction/trial.js";
import { WAITER } from "./confirmation.js";
import { note, shown, waiting } from "./output.js";

export type { Trial };

/** `begun` is told of the trial once its apply is done. */
export async function trialOf(seconds: number, begun: (trial: Trial) => void): Promise<Purpose> {
  const { startWaiter } = await import("../transaction/watch.js");
  return { kind: "trial", seconds, watch: (trial) => startWaiter(trial, WAITER), begun };
}

/** Goes back from a trial that is over and that nobody waits for any more, and says so. */
export async function endOverdue(): Promise<void> {
  const reverted = await finishOverdue(waiting);
  if (reverted === undefined) return;
  if (reverted instanceof Obstacle) {
    note(`tsnet: ${reverted.message}`);
    if (reverted.help !== undefined) note(`       ${reverted.help}`);
    return;
  }
  const { policy, hash, problems } = reverted;
  note(`tsnet: the trial of ${policy} was over: ${hash === undefined ? "removed, as before it" : `back to ${hash}`}`);
  for (const problem of problems) note(`tsnet: ${problem}`);
}

export function trialJson(trial: Trial): Record<string, unknown> {
  const { policy, hash, by, seconds, until } = trial;
  const goesBackTo = trial.before === null ? null : hashTexts(trial.before);
  return { policy, hash, by, seconds, until, secondsLeft: secondsLeft(trial), goesBackTo };
}

function secondsLeft(trial: Trial): number {
  return Math.max(0, Math.round(remaining(trial)));
}

export function trialText(trial: Trial): string {
  if (remaining(trial) <= 0) return `on trial, over since ${trial.until}: \`tsnet rollback\` takes it back`;
  const back = trial.before === null ? "is removed" : "goes back";
  return `on trial until ${shown(trial.until)} (${secondsLeft(trial)} s left): \`tsnet confirm\` keeps it, else it ${back}`;
}
