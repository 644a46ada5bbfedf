/**
 * The guard (guard.ts) where nft can't be used: a chain in iptables' mangle table, which packets meet before any filter
 * of iptables, in each family that has something to guard.
 */
import { CommandFailed, MissingTool, run } from "../system/run.js";
import { hasLegacyTables } from "../system/xtables.js";
import type { Guarded } from "./guard.js";
import { ENDPOINT_PREFIX } from "../ir/addresses.js";

const CHAIN = "TSNET-GUARD";
const FAMILIES = ["v4", "v6"] as const;
type FamilyKey = (typeof FAMILIES)[number];

const JUMP = `FORWARD -j ${CHAIN}`;
const toolOf = (family: FamilyKey, suffix: string, verb: string): string =>
  `${family === "v4" ? "iptables" : "ip6tables"}${suffix}-${verb}`;

let known: Promise<readonly string[]> | undefined;

/** Of the usual tools, and of those for the kernel's older tables where the usual ones are for nf_tables. */
function suffixes(): Promise<readonly string[]> {
  return (known ??= run("iptables-restore", ["--version"], { accept: "any" }).then(
    ({ stdout }) => (stdout.includes("nf_tables") ? ["", "-legacy"] : [""]),
    (error: unknown) => {
      if (error instanceof MissingTool) return ["-legacy"];
      throw error;
    },
  ));
}

/** What stands of it, in one family and of one kind of tools. */
interface Standing {
  readonly devices: readonly string[];
  readonly jumps: boolean;
}

/** The devices that stand in the chains; undefined where there are none. */
export async function readGuardChain(): Promise<Guarded | undefined> {
  const found: Record<FamilyKey, readonly string[]> = { v4: [], v6: [] };
  let any = false;
  for (const family of FAMILIES)
    for (const suffix of await suffixes()) {
      const standing = await read(family, suffix);
      if (standing === undefined) continue;
      any = true;
      // Without its jump it guards nothing.
      if (standing.jumps) found[family] = standing.devices;
    }
  return any ? found : undefined;
}

/** Makes the chains hold these devices, each family in one step; those of a family without any go. Throws `CommandFailed`. */
export async function commitGuardChain(guarded: Guarded): Promise<void> {
  for (const family of FAMILIES) {
    const devices = [...guarded[family]].sort();
    let failure: unknown;
    let carried = devices.length === 0;
    for (const suffix of await suffixes()) {
      const standing = await read(family, suffix);
      const lines = carried ? clearing(standing) : guardLines(devices, standing?.jumps === true);
      if (lines.length === 0) continue;
      try {
        const input = ["*mangle", ...lines, "COMMIT", ""].join("\n");
        await run(toolOf(family, suffix, "restore"), ["--noflush", "--wait"], { input });
        carried = true;
      } catch (error) {
        if (!(error instanceof CommandFailed || error instanceof MissingTool)) throw error;
        failure ??= error;
      }
    }
    if (!carried) throw failure;
  }
}

/** Lines of iptables-restore for one family; `jumps`: packets are led there already. Pure. */
export function guardLines(devices: readonly string[], jumps: boolean): string[] {
  return [
    // Said of a chain that is there, this empties it.
    `:${CHAIN} - [0:0]`,
    ...devices.map(
      (device) =>
        `-A ${CHAIN} -i ${plain(device)} ! -o ${ENDPOINT_PREFIX}+ -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP`,
    ),
    ...(jumps ? [] : [`-I ${JUMP}`]),
  ];
}

function clearing(standing: Standing | undefined): string[] {
  if (standing === undefined) return [];
  return [...(standing.jumps ? [`-D ${JUMP}`] : []), `-F ${CHAIN}`, `-X ${CHAIN}`];
}

/** iptables takes a plus at the end for any ending, and a quote for a quote. */
function plain(device: string): string {
  if (!/^[\w.:@][\w.:@-]*$/.test(device))
    throw Object.assign(new Error(`iptables can't guard a device called ${JSON.stringify(device)}`), {
      name: "SystemError",
      help: "apt-get install nftables, or rename it: what isn't guarded must not forward",
    });
  return device;
}

async function read(family: FamilyKey, suffix: string): Promise<Standing | undefined> {
  // Asking must not make them.
  if (suffix !== "" && hasLegacyTables(family === "v4" ? 4 : 6) === false) return undefined;
  let text: string;
  try {
    text = (await run(toolOf(family, suffix, "save"), ["-t", "mangle"])).stdout;
  } catch (error) {
    if (error instanceof MissingTool || error instanceof CommandFailed) return undefined;
    throw error;
  }
  const lines = text.split("\n");
  if (!lines.some((line) => line.startsWith(`:${CHAIN} `))) return undefined;
  const rule = new RegExp(`^-A ${CHAIN} -i (\\S+) `);
  return { devices: lines.flatMap((line) => rule.exec(line)?.[1] ?? []), jumps: lines.includes(`-A ${JUMP}`) };
}
