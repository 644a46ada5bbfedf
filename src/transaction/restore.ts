/** Makes everything that is confirmed live again: after a reboot, or after somebody flushed the rules. */
import { applyPolicy } from "./apply.js";
import { allConfirmed } from "./confirmed.js";
import type { Entry } from "./history.js";
import { log } from "./log.js";
import { requireSystem } from "./ready.js";
import { recompileKept } from "./state.js";

export interface Restored {
  readonly policy: string;
  readonly operations: number;
  readonly problems: readonly string[];
  /** Why it couldn't be; undefined when it is live. */
  readonly failure: string | undefined;
}

/**
 * Applies each confirmed policy. One that fails doesn't keep the others away; nothing of it is made then, so none of its
 * ports is published and none of its containers has a network. Throws `Obstacle` where nothing can be changed at all.
 */
export async function restore(waiting?: (holder: string) => void): Promise<Restored[]> {
  await requireSystem();
  const results: Restored[] = [];
  for (const { path, entry } of allConfirmed()) results.push(await restoreOne(path, entry, waiting));
  return results;
}

async function restoreOne(
  path: string,
  entry: Entry | undefined,
  waiting: ((holder: string) => void) | undefined,
): Promise<Restored> {
  const policy = entry?.policy ?? path;
  try {
    if (entry === undefined) throw new Error("this version of tsnet can't read it: apply the policy again");
    const options = waiting === undefined ? {} : { waiting };
    const purpose = { kind: "restore" } as const;
    const { operations, problems } = await applyPolicy(recompileKept(entry), {
      purpose,
      backend: entry.backend ?? "nft",
      ...options,
    });
    return { policy, operations, problems, failure: undefined };
  } catch (error) {
    const { message, help } = error as Error & { help?: string };
    log(`${policy}: restoring it failed: ${message}`);
    return { policy, operations: 0, problems: [], failure: help === undefined ? message : `${message} (${help})` };
  }
}
