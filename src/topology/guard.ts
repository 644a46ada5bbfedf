/**
 * The table that keeps this host from being a router for strangers.
 *
 * Where forwarding was off and we turned it on, packets that entered by such a device may only go to endpoints. Devices
 * that forwarded before aren't mentioned, and so untouched. Replies pass, because who may ask was decided elsewhere.
 */
import { promises } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../system/run.js";
import { ENDPOINT_PREFIX } from "./names.js";

export const GUARD_TABLE = "tsnet_guard";

/** Devices whose forwarding we turned on, by family; names as the kernel has them. */
export interface Guarded {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
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

/** Replaces the table in one step; `undefined` removes it. Adding it first makes the deletion succeed in any case. */
export async function commitGuard(rules: string | undefined): Promise<void> {
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

/** The devices that the kernel's table names; undefined when there is no table. */
export async function readGuard(): Promise<Guarded | undefined> {
  const { stdout, exitCode } = await run("nft", ["list", "table", "inet", GUARD_TABLE], { accept: "any" });
  if (exitCode !== 0) return undefined;
  const devices = (family: string) => {
    const rule = new RegExp(`nfproto ${family} iifname (.*?) oifname`).exec(stdout)?.[1] ?? "";
    return [...rule.matchAll(/"([^"]+)"/g)].map((match) => match[1] as string);
  };
  return { v4: devices("ipv4"), v6: devices("ipv6") };
}
