/** Takes away everything of a policy's topology, found by mark and path alone. */
import { promises } from "node:fs";
import { dirname, join } from "node:path";
import { ipBatchForced } from "../system/ip.js";
import { netnsState, removeNetns } from "../system/netns.js";
import { NETNS_ROOT, POLICIES_ROOT, policyDirectory, policyNetnsDirectory } from "./names.js";
import { ownLinks } from "./actual.js";
import { setDown } from "./lines.js";
import { ownNetnsPaths } from "./read.js";
import { readShares, removeShare } from "./share-directory.js";
import { readStack } from "./stack.js";
import { deleteLinks } from "./unlink.js";

export interface Removed {
  /** Host ends of endpoints and bridges. */
  readonly devices: readonly string[];
  readonly namespaces: readonly string[];
  readonly files: readonly string[];
  /** Directories that containers shared, with what was in them. */
  readonly shares: readonly string[];
  /** Devices that are there still; they are down, where that could be done. */
  readonly left: readonly string[];
  /** What couldn't be removed, a sentence each. */
  readonly problems: readonly string[];
}

/**
 * Adopted namespaces stay, without the devices that we put there. Routes, neighbours and sysctls go with their devices.
 * Processes in a sandbox are left running, in a namespace that then has only its loopback device.
 */
export async function removeTopology(policy: string): Promise<Removed> {
  const stack = await readStack(undefined);
  const paths = ownNetnsPaths(policy);
  const links = ownLinks(stack, policy);
  const devices = links.map((link) => link.name);
  const problems: string[] = [];
  await deleteLinks(devices).catch((error: Error) => problems.push(error.message));
  const namespaces = paths.filter((path) => ["namespace", "unbound"].includes(netnsState(path).kind));
  await removeNetns(...namespaces);
  await promises.rmdir(policyNetnsDirectory(policy)).catch(() => undefined);
  const files = await removeHostsFiles(policy);
  const shares = removeShares(policy, problems);
  for (const root of [NETNS_ROOT, POLICIES_ROOT]) await promises.rmdir(root).catch(() => undefined);
  return { devices, namespaces, files, shares, left: await setLeftDown(policy), problems };
}

/** Read anew: what a deletion said isn't what became of the devices. Down, nothing passes them unfiltered. */
async function setLeftDown(policy: string): Promise<string[]> {
  const left = ownLinks(await readStack(undefined), policy).map((link) => link.name);
  await ipBatchForced(undefined, left.map(setDown)).catch(() => undefined);
  return left;
}

function removeShares(policy: string, problems: string[]): string[] {
  const directories = [...readShares(policy)].filter(([, isDirectory]) => isDirectory);
  return directories.flatMap(([path]) => {
    try {
      removeShare(path);
      return [path];
    } catch (error) {
      problems.push((error as Error).message);
      return [];
    }
  });
}

/** Only what we wrote, and directories that are empty then: other parts keep things of theirs beside it. */
async function removeHostsFiles(policy: string): Promise<string[]> {
  const directory = policyDirectory(policy);
  const names = await promises.readdir(directory).catch(() => []);
  const files: string[] = [];
  for (const name of names) {
    const file = join(directory, name, "hosts");
    const gone = await promises.unlink(file).then(
      () => true,
      () => false,
    );
    if (gone) files.push(file);
    await promises.rmdir(dirname(file)).catch(() => undefined);
  }
  await promises.rmdir(directory).catch(() => undefined);
  return files;
}
