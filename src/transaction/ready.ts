/** What every change of this host needs, asked before anything is touched. */
import { probe } from "../system/features.js";
import { MissingTool } from "../system/run.js";
import { isInstalled } from "../system/tools.js";
import { Obstacle } from "./obstacle.js";

/** What a backend needs besides is its own business. */
const TOOLS = ["ip", "nsenter", "unshare"];

/** `doing`: what needs it, with which `more` tools. Throws `Obstacle` or `MissingTool`: what is lacking, and how to get it. */
export async function requireSystem(
  doing = "changing this host's network",
  more: readonly string[] = [],
): Promise<void> {
  const privilege = await probe("net_admin");
  if (!privilege.ok)
    throw new Obstacle(`${doing} needs root: ${privilege.what}`, `${privilege.mend}; without root: tsnet try FILE`);
  const missing = [...TOOLS, ...more].find((tool) => !isInstalled(tool));
  if (missing !== undefined) throw new MissingTool(missing);
}
