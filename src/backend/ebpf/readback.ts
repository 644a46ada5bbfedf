/** What is there of a policy: its pinned objects, the policy in force, the links and the table of translations. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { hashText } from "../../net/hash.js";
import { fixed } from "../../system/bpf/call.js";
import { close, getPinned, linkedDevice, lookupElement } from "../../system/bpf/calls.js";
import { PINNED, pinnedFolders } from "../../system/bpf/filesystem.js";
import { hasChain } from "../../system/netlink/chains.js";
import { run } from "../../system/run.js";
import { usesNetlink } from "../../system/transport.js";
import { tableName } from "./translation.js";

const SIDES = ["ingress", "egress"] as const;
export type Side = (typeof SIDES)[number];

const prefixOf = (policy: string): string => `${hashText(12, "policy", policy)}_`;

export function folderOf(policy: string, digest: string): string {
  return join(PINNED, `${prefixOf(policy)}${digest}`);
}

/** Every folder of the policy's, of whatever object. */
export function foldersOf(policy: string): string[] {
  return pinnedFolders()
    .filter((name) => name.startsWith(prefixOf(policy)))
    .map((name) => join(PINNED, name));
}

/** The number of the policy in force; 0: none. */
export function generationOf(folder: string): number {
  return (
    using(join(folder, "maps/active"), (map) => {
      const value = fixed(4);
      return lookupElement(map, fixed(4), value) ? value.readUInt32LE(0) : 0;
    }) ?? 0
  );
}

/** Calls with a descriptor of what is pinned, and closes it; undefined where nothing is. */
export function using<T>(file: string, work: (fd: number) => T): T | undefined {
  const fd = getPinned(file);
  if (fd === undefined) return undefined;
  try {
    return work(fd);
  } finally {
    close(fd);
  }
}

export const linkFile = (folder: string, device: string, side: Side): string =>
  join(folder, "links", `${device}_${side}`);

/** Whether both programs hang on the device that has this index. */
export function isLinked(folder: string, device: string, index: number | undefined): boolean {
  return index !== undefined && SIDES.every((side) => using(linkFile(folder, device, side), linkedDevice) === index);
}

/** Devices that something is pinned of. */
export function linkedDevices(folder: string): string[] {
  try {
    const names = readdirSync(join(folder, "links")).map((name) => name.replace(/_(in|e)gress$/, ""));
    return [...new Set(names)];
  } catch {
    return [];
  }
}

/**
 * Whether the table of translations that is there has the chain of this name; undefined where there is no table. By nft
 * where system calls can't be made, for who takes away what was made while they could.
 */
export async function readTable(policy: string, chain: string): Promise<boolean | undefined> {
  const table = tableName(policy);
  if (usesNetlink()) return hasChain(table, chain);
  const { stdout, exitCode } = await run("nft", ["-t", "list", "table", "inet", table], { accept: "any" });
  return exitCode === 0 ? stdout.includes(`chain ${chain} `) : undefined;
}
