/** The process that waits for the end of a trial, and goes back then. It has nothing else to do, and ends with it. */
import { readFileSync } from "node:fs";
import { detach, ownCommand } from "../system/detach.js";
import { startService, stopService } from "../system/systemd.js";
import { log } from "./log.js";
import { Obstacle } from "./obstacle.js";
import { Superseded } from "./records.js";
import { revertTrial } from "./revert.js";
import { announceWaiter, hasWaiter, readTrial, remaining, type Trial } from "./trial.js";

/** The names of services begin so. */
const UNIT = "tsnet-trial-";

function isService(): boolean {
  try {
    return readFileSync("/proc/self/cgroup", "utf8").includes(UNIT);
  } catch {
    return false;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Starts `tsnet WORDS ID`, which must call `awaitEnd`, and resolves once it waits: as a service where systemd runs, since
 * a logout may end a user's processes, else as a process of its own. Throws `Obstacle` when neither comes to wait.
 */
export async function startWaiter(trial: Trial, ...words: readonly string[]): Promise<void> {
  const command = ownCommand([...words, trial.id]);
  const unit = UNIT + trial.id;
  if (await startService(unit, "End of a trial of tsnet", command)) {
    if (await waits(trial, 5000)) return;
    await stopService(unit);
  }
  await detach(command);
  if (!(await waits(trial, 15_000)))
    throw new Obstacle(
      "the process that would go back at the end of the trial didn't come up",
      "apply it without --confirm, or see what keeps this command from starting: " + command.join(" "),
    );
}

async function waits(trial: Trial, patience: number): Promise<boolean> {
  const deadline = performance.now() + patience;
  while (performance.now() < deadline) {
    if (hasWaiter(trial)) return true;
    await pause(5);
  }
  return false;
}

/** Longest sleep: by then it knows of a confirmation, and of time that passed while the machine was suspended. */
const NAP = 1000;

/**
 * Waits for the end of the trial and goes back, again and again until that succeeds or the trial has ended otherwise.
 * What happens is in the log.
 */
export async function awaitEnd(id: string): Promise<void> {
  process.chdir("/");
  // No end of a session ends a trial. A service is told to stop by its manager, at shutdown, and goes at once.
  process.on("SIGHUP", () => undefined);
  if (!isService()) process.on("SIGTERM", () => undefined);
  let failures = 0;
  let announced = false;
  for (;;) {
    const trial = readTrial();
    if (trial === undefined || trial.id !== id) return;
    if (!announced) announceWaiter(trial);
    announced = true;
    const left = remaining(trial) * 1000;
    if (left > 0) {
      await pause(Math.min(left, NAP));
      continue;
    }
    try {
      await revertTrial(trial);
    } catch (error) {
      if (error instanceof Superseded) continue;
      log(`${trial.policy}: the trial of ${trial.hash} is over, and going back failed: ${(error as Error).message}`);
      await pause(Math.min(1000 * 2 ** failures++, 30_000));
    }
  }
}
