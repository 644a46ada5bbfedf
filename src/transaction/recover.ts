/** What a killed command left under way is brought to an end before the next one begins. */
import { applyLocked } from "./apply.js";
import { cutOffText } from "./cut-off.js";
import { readJournal } from "./journal.js";
import { withLock } from "./lock.js";
import { Obstacle } from "./obstacle.js";
import { removeLocked } from "./remove.js";
import { readApplied, recompile, tidyDirectories } from "./state.js";

/**
 * For who holds the lock, before it reads anything. `policy`: what the command is about, which it brings to where it
 * should be by itself; undefined: about none. Another policy goes back to what is on record of it, or is removed where nothing is; a removal
 * is finished. Returns what was done, a sentence each.
 */
export async function recover(policy: string | undefined): Promise<string[]> {
  const journal = readJournal();
  // The command's own policy keeps its journal until the command has brought it to its end.
  if (journal === undefined || journal.policy === policy) return [];
  const was = cutOffText(journal);
  const applied = journal.doing === "apply" ? readApplied(journal.policy) : undefined;
  try {
    if (applied !== undefined) {
      await applyLocked(recompile(applied), { purpose: { kind: "restore" } });
      return [`${was}: what was applied before is back`];
    }
    await removeLocked(journal.policy);
    return [`${was}: what was left of it is gone`];
  } catch (error) {
    throw new Obstacle(
      `${was}, and bringing it to an end failed: ${(error as Error).message}`,
      `apply it anew, or take it away: tsnet remove --policy ${journal.policy}`,
    );
  }
}

/** Takes the lock and does as `recover`, and nothing else. Returns what was done, a sentence each. */
export async function finishCutOff(policy: string | undefined, waiting?: (holder: string) => void): Promise<string[]> {
  const left = readJournal()?.policy ?? "";
  try {
    return await withLock(() => recover(policy), waiting === undefined ? {} : { waiting });
  } finally {
    tidyDirectories(left);
  }
}
