/** What every change of this host needs, asked before anything is touched. */
import { probe } from "../system/features.js";
import { MissingTool } from "../system/run.js";
import { isInstalled } from "../system/tools.js";
import { Obstacle } from "./obstacle.js";

const TOOLS = ["ip", "nft", "nsenter", "unshare"];

/** Throws `Obstacle` or `MissingTool`: what is lacking, and how to get it. */
export async function requireSystem(): Promise<void> {
  const privilege = await probe("net_admin");
  if (!privilege.ok)
    throw new Obstacle(
      `changing this host's network needs root: ${privilege.what}`,
      `${privilege.mend}; without root: tsnet try FILE`,
    );
  const missing = TOOLS.find((tool) => !isInstalled(tool));
  if (missing !== undefined) throw new MissingTool(missing);
}
