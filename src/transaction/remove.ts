/** Takes away everything that a policy made. */
import { allBackends, backendNamed } from "../backend/registry.js";
import { releaseForwarding } from "../topology/forwarding.js";
import { type Removed, removeTopology } from "../topology/remove.js";
import { cutConnections } from "./connections.js";
import { withoutInterruption } from "./interruption.js";
import { withLock } from "./lock.js";
import { beginJournal, endJournal, step } from "./journal.js";
import { Obstacle } from "./obstacle.js";
import { requireSystem } from "./ready.js";
import { recordedRemoval, type Revert } from "./records.js";
import { recover } from "./recover.js";
import { backendOf, forgetApplied, readApplied, recompile, tidyDirectories } from "./state.js";

export interface RemoveResult {
  readonly policy: string;
  /** What was taken away, a sentence each; empty when nothing of the policy was there. */
  readonly changes: readonly string[];
  readonly problems: readonly string[];
}

/**
 * Devices first, so that no packet passes without rules; then rules, forwarding and files. Works by names and marks
 * alone where the record is gone. A trial of the policy ends with it, and a reboot doesn't bring it back. `revert` is
 * for a trial that began with nothing.
 */
export async function removePolicy(
  policy: string,
  waiting?: (holder: string) => void,
  revert?: Revert,
): Promise<RemoveResult> {
  await requireSystem();
  const lock = waiting === undefined ? {} : { waiting };
  try {
    return await withLock(() => recordedRemoval(policy, revert, () => removeLocked(policy)), lock);
  } finally {
    tidyDirectories(policy);
  }
}

/** Without rules its packets would be routed unfiltered. The journal stays, so that the next command tries again. */
function stillThere(policy: string, { left, problems }: Removed): Obstacle {
  const what = left.length === 1 ? "the device" : "the devices";
  return new Obstacle(
    `${what} ${left.join(", ")} of '${policy}' couldn't be deleted (${problems.join("; ") || "there still, or again"}), so its rules and its record stay`,
    `try again: tsnet remove --policy ${policy}`,
  );
}

/** For who holds the lock. Once begun it is finished, whatever signals come. */
export function removeLocked(policy: string): Promise<RemoveResult> {
  return withoutInterruption(() => removeUninterrupted(policy));
}

async function removeUninterrupted(policy: string): Promise<RemoveResult> {
  const backends = await allBackends();
  for (const backend of backends) backend.tidy();
  const recovered = await recover(policy);
  beginJournal(policy, "remove");
  step("topology");
  const applied = readApplied(policy);
  const changes: string[] = [];
  const topology = await removeTopology(policy);
  if (topology.left.length > 0) throw stillThere(policy, topology);
  for (const device of topology.devices) changes.push(`remove device ${device}`);
  for (const path of topology.namespaces) changes.push(`remove namespace ${path}`);
  for (const path of topology.shares) changes.push(`remove directory ${path}`);
  const problems = [...recovered, ...topology.problems];
  step("cut");
  if (applied !== undefined) {
    const before = recompile(applied).policy;
    problems.push(
      ...(
        await cutConnections(
          await backendNamed(backendOf(applied)),
          { ...before, containers: [], rules: [], publishes: [] },
          before,
          [],
        )
      ).problems,
    );
  }
  step("rules");
  // All of them: a switch from one to another may have been cut off.
  for (const backend of backends) {
    const recorded = applied !== undefined && backendOf(applied) === backend.name;
    for (const phrase of await backend.remove(policy, recorded)) changes.push(`remove ${phrase}`);
  }
  step("forwarding");
  for (const sysctl of await releaseForwarding(policy)) changes.push(`set ${sysctl.path} back to ${sysctl.before}`);
  step("record");
  if (applied !== undefined) changes.push("forget the policy");
  forgetApplied(policy);
  endJournal();
  return { policy, changes, problems };
}
