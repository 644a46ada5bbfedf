/** What every change of this host needs, asked before anything is touched. */
import { probe } from "../system/features.js";
import { MissingTool } from "../system/run.js";
import { isInstalled } from "../system/tools.js";
import { Obstacle } from "./obstacle.js";

const TOOLS = ["ip", "nft", "nsenter", "unshare"];

/** `doing`: what needs it. Throws `Obstacle` or `MissingTool`: what is lacking, and how to get it. */
export async function requireSystem(doing = "changing this host's network"): Promise<void> {
  const privilege = await probe("net_admin");
  if (!privilege.ok)
    throw new Obstacle(`${doing} needs root: ${privilege.what}`, `${privilege.mend}; without root: tsnet try FILE`);
  const missing = TOOLS.find((tool) => !isInstalled(tool));
  if (missing !== undefined) throw new MissingTool(missing);
}
