/**
 * The table that keeps this host from being a router for strangers.
 *
 * Where forwarding was off and we turned it on, packets that entered by such a device may only go to endpoints. Devices
 * that forwarded before aren't mentioned, and so untouched. Replies pass, because who may ask was decided elsewhere.
 */
import { promises } from "node:fs";
import { dirname } from "node:path";
import { probe } from "../system/features.js";
import { CommandFailed, MissingTool, run } from "../system/run.js";
import { commitGuardChain, readGuardChain } from "./guard-chain.js";
import { ENDPOINT_PREFIX } from "../ir/addresses.js";

export const GUARD_TABLE = "tsnet_guard";

/** Where the rules are while nft reads them: whoever commits holds the lock. */
const FILE = "/run/tsnet/guard.nft";

/** Devices whose forwarding we turned on, by family; names as the kernel has them. */
export interface Guarded {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
  /** What carries the guard where that isn't the table. */
  readonly by?: "iptables";
}

/** What stands in the kernel. */
export interface Standing extends Guarded {
  /** There is more to it, or less, than the rules that guard these devices. */
  readonly altered?: true;
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
  await promises.mkdir(dirname(FILE), { recursive: true, mode: 0o755 });
  try {
    // A file, because nft can't read the socket that a child's standard input is.
    await promises.writeFile(FILE, clear + (rules ?? ""), { mode: 0o600 });
    await run("nft", ["-f", FILE]);
  } finally {
    await promises.rm(FILE, { force: true });
  }
}

/** nft isn't there, or doesn't work here at all. */
async function isUnusable(error: unknown): Promise<boolean> {
  if (error instanceof MissingTool) return true;
  return error instanceof CommandFailed && !(await probe("nf_tables")).ok;
}

/** What the kernel's table or chains guard; undefined where there is none. */
export async function readGuard(): Promise<Standing | undefined> {
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
  const found = { v4: devices("ipv4"), v6: devices("ipv6") };
  return isWhole(stdout, found) ? found : { ...found, altered: true };
}

/** Whether a listing has what `guardRules` says, and nothing besides. */
function isWhole(listing: string, { v4, v6 }: Guarded): boolean {
  const lines = listing.split("\n").map((line) => line.trim());
  const wanted = [v4, v6].filter((devices) => devices.length > 0).length;
  const rule = new RegExp(
    String.raw`^meta nfproto ipv[46] iifname (\{.*\}|"[^"]*") oifname != "${ENDPOINT_PREFIX}\*" ` +
      String.raw`ct state !=? ?(\{ )?established, ?related( \})? counter packets \d+ bytes \d+ drop$`,
  );
  const shape = [
    /^table inet \S+ \{/,
    /^chain forward \{/,
    /^type filter hook forward priority (filter - 10|-10); policy accept;$/,
    ...Array.from({ length: wanted }, () => rule),
    /^\}$/,
    /^\}$/,
  ];
  const said = lines.filter((line) => line !== "");
  return said.length === shape.length && shape.every((one, i) => one.test(said[i] as string));
}
