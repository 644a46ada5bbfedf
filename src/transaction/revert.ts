/** Going back from a trial. */
import { plural } from "../text/display.js";
import { applyPolicy } from "./apply.js";
import { hashTexts } from "./history.js";
import { log } from "./log.js";
import { Obstacle } from "./obstacle.js";
import { Superseded } from "./records.js";
import { removePolicy } from "./remove.js";
import { recompileKept } from "./state.js";
import { readTrial, remaining, type Trial } from "./trial.js";

export interface Reverted {
  readonly policy: string;
  /** Of the texts that are live now; undefined when the policy is gone. */
  readonly hash: string | undefined;
  readonly changes: readonly string[];
  readonly problems: readonly string[];
}

export interface RevertOptions {
  /** Without waiting for the trial's end. */
  readonly early?: boolean;
  readonly waiting?: (holder: string) => void;
}

/**
 * Makes live what was before the trial: rules, devices and sysctls in one apply, or a removal where nothing was.
 * Throws `Superseded` when the trial ended otherwise meanwhile, and what an apply throws; the trial stays on record then.
 */
export async function revertTrial(trial: Trial, options: RevertOptions = {}): Promise<Reverted> {
  const purpose = { kind: "revert", trial: trial.id, early: options.early ?? false } as const;
  const { policy, before } = trial;
  const { changes, problems } =
    before === null
      ? await removePolicy(policy, options.waiting, purpose)
      : await applyPolicy(recompileKept(before), {
          purpose,
          backend: before.backend ?? "nft",
          ...(options.waiting === undefined ? {} : { waiting: options.waiting }),
        });
  const hash = before === null ? undefined : hashTexts(before);
  const end = options.early ? "was ended" : "wasn't confirmed in time";
  log(
    `${policy}: the trial of ${trial.hash} by ${trial.by} ${end}; ${hash === undefined ? "removed, as before" : `back to ${hash}`} (${plural(changes.length, "change")})` +
      problems.map((problem) => `; ${problem}`).join(""),
  );
  return { policy, hash, changes, problems };
}

/**
 * Goes back from a trial that is over and whose waiting process is gone; undefined when there is none. To be called by
 * every command that is about to change something. Where going back fails the command may go on: it returns what to say
 * then, and the trial stays overdue until it can be taken back, or its policy is applied, rolled back or removed.
 */
export async function finishOverdue(waiting?: (holder: string) => void): Promise<Reverted | Obstacle | undefined> {
  const trial = readTrial();
  if (trial === undefined || remaining(trial) > 0) return undefined;
  try {
    return await revertTrial(trial, waiting === undefined ? {} : { waiting });
  } catch (error) {
    if (error instanceof Superseded) return undefined;
    const { message, help } = error as Error & { help?: string };
    return new Obstacle(
      `the trial of '${trial.policy}' is over, and going back failed: ${message}`,
      `${help === undefined ? "" : `${help}; `}or apply what is to be in force, or: tsnet remove --policy ${trial.policy}`,
    );
  }
}
