/** Takes away everything that a policy made. */
import { clearBatches, commitText } from "../backend/nftables/apply.js";
import { tableName } from "../backend/nftables/names.js";
import { foreignTables, ownTables } from "../backend/nftables/readback.js";
import { releaseForwarding } from "../topology/forwarding.js";
import { removeTopology } from "../topology/remove.js";
import { cutConnections } from "./connections.js";
import { withLock } from "./lock.js";
import { requireSystem } from "./ready.js";
import { forgetApplied, readApplied, recompile, tidyDirectories } from "./state.js";

export interface RemoveResult {
  readonly policy: string;
  /** What was taken away, a sentence each; empty when nothing of the policy was there. */
  readonly changes: readonly string[];
  readonly problems: readonly string[];
}

/**
 * Devices first, so that no packet passes without rules; then rules, forwarding and files. Works by names and marks
 * alone where the record is gone.
 */
export async function removePolicy(policy: string, waiting?: (holder: string) => void): Promise<RemoveResult> {
  await requireSystem();
  try {
    return await withLock(() => removeLocked(policy), waiting === undefined ? {} : { waiting });
  } finally {
    tidyDirectories(policy);
  }
}

async function removeLocked(policy: string): Promise<RemoveResult> {
  clearBatches();
  const applied = readApplied(policy);
  const changes: string[] = [];
  const topology = await removeTopology(policy);
  for (const device of topology.devices) changes.push(`remove device ${device}`);
  for (const path of topology.namespaces) changes.push(`remove namespace ${path}`);
  const problems = [...topology.problems];
  if (applied !== undefined) {
    const before = recompile(applied).policy;
    problems.push(
      ...(await cutConnections({ ...before, containers: [], rules: [], publishes: [] }, before, [])).problems,
    );
  }
  const name = tableName(policy);
  const named = (await ownTables()).filter((table) => table.name === name);
  const foreign = applied === undefined ? await foreignTables(named) : [];
  const tables = named.filter((table) => !foreign.includes(table));
  if (tables.length > 0) {
    await commitText(tables.map((table) => `delete table ${table.family} ${table.name}\n`).join(""));
    for (const table of tables) changes.push(`remove table ${table.family} ${table.name}`);
  }
  for (const sysctl of await releaseForwarding(policy)) changes.push(`set ${sysctl.path} back to ${sysctl.before}`);
  if (applied !== undefined) changes.push("forget the policy");
  forgetApplied(policy);
  return { policy, changes, problems };
}
