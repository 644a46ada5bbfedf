/**
 * The table that keeps this host from being a router for strangers.
 *
 * Where forwarding was off and we turned it on, packets that entered by such a device may only go to endpoints. Devices
 * that forwarded before aren't mentioned, and so untouched. Replies pass, because who may ask was decided elsewhere.
 */
import { promises } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { probe } from "../system/features.js";
import { CommandFailed, MissingTool, run } from "../system/run.js";
import { commitGuardChain, readGuardChain } from "./guard-chain.js";
import { ENDPOINT_PREFIX } from "../ir/addresses.js";

export const GUARD_TABLE = "tsnet_guard";

/** Devices whose forwarding we turned on, by family; names as the kernel has them. */
export interface Guarded {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
  /** What carries the guard where that isn't the table. */
  readonly by?: "iptables";
}

/** The whole table as nft text; undefined when there is nothing to guard. Pure. */
export function guardRules(guarded: Guarded): string | undefined {
  if (guarded.v4.length === 0 && guarded.v6.length === 0) return undefined;
  const rule = (family: string, devices: readonly string[]) =>
    devices.length === 0
      ? ""
      : `    meta nfproto ${family} iifname { ${[...devices].sort().map(quoted).join(", ")} }` +
        ` oifname != "${ENDPOINT_PREFIX}*" ct state != { established, related } counter drop\n`;
  return `table inet ${GUARD_TABLE} {
  chain forward {
    type filter hook forward priority filter - 10; policy accept;
${rule("ipv4", guarded.v4)}${rule("ipv6", guarded.v6)}  }
}
`;
}

/** The kernel allows nearly every byte in a device's name; nft's strings end at a quote and know no escape. */
export function canGuard(device: string): boolean {
  return /^[!-~]+$/.test(device) && !/["*\\]/.test(device);
}

function quoted(device: string): string {
  if (!canGuard(device)) throw new Error(`no device name for nft: ${JSON.stringify(device)}`);
  return `"${device}"`;
}

/**
 * Makes the kernel guard these devices, or nothing, in one step: by the table, or by iptables where nft can't be used. A
 * chain of iptables that stands from when it couldn't goes behind the table.
 */
export async function commitGuard(guarded: Guarded, former: Guarded): Promise<Guarded> {
  const { v4, v6 } = guarded;
  try {
    await commitTable(guardRules(guarded));
  } catch (error) {
    if (!(await isUnusable(error))) throw error;
    try {
      await commitGuardChain(guarded);
    } catch (other) {
      throw other instanceof MissingTool ? error : other;
    }
    return v4.length + v6.length > 0 ? { v4, v6, by: "iptables" } : { v4, v6 };
  }
  if (former.by === "iptables") await commitGuardChain({ v4: [], v6: [] });
  return { v4, v6 };
}

/** Replaces the table; `undefined` removes it. Adding it first makes the deletion succeed in any case. */
async function commitTable(rules: string | undefined): Promise<void> {
  const clear = `add table inet ${GUARD_TABLE}\ndelete table inet ${GUARD_TABLE}\n`;
  const directory = await promises.mkdtemp(join(tmpdir(), "tsnet-guard-"));
  try {
    // A file, because nft can't read the socket that a child's standard input is.
    const file = join(directory, "guard.nft");
    await promises.writeFile(file, clear + (rules ?? ""));
    await run("nft", ["-f", file]);
  } finally {
    await promises.rm(directory, { recursive: true, force: true });
  }
}

/** nft isn't there, or doesn't work here at all. */
async function isUnusable(error: unknown): Promise<boolean> {
  if (error instanceof MissingTool) return true;
  return error instanceof CommandFailed && !(await probe("nf_tables")).ok;
}

/** The devices that the kernel's table or chains name; undefined where there is none. */
export async function readGuard(): Promise<Guarded | undefined> {
  let stdout: string;
  try {
    ({ stdout } = await run("nft", ["list", "table", "inet", GUARD_TABLE]));
  } catch (error) {
    if (error instanceof CommandFailed && /No such file/.test(error.stderr)) return undefined;
    if (await isUnusable(error)) return readGuardChain();
    if (error instanceof CommandFailed) return undefined;
    throw error;
  }
  const devices = (family: string) => {
    const rule = new RegExp(`nfproto ${family} iifname (.*?) oifname`).exec(stdout)?.[1] ?? "";
    return [...rule.matchAll(/"([^"]+)"/g)].map((match) => match[1] as string);
  };
  return { v4: devices("ipv4"), v6: devices("ipv6") };
}
