/** What the kernel does by itself soon after a device comes up. */
import type { Host, Place } from "./lab.js";

/**
 * Waits for what a comparison must not fall into: within a second the kernel notices that a bridge without ports has no
 * carrier, and link-local addresses take as long to prove that they are nobody else's.
 */
export async function settled(host: Host, place: Place): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    const bridges = await host.runIn(place, "ip", ["-o", "link", "show", "type", "bridge"]);
    const tentative = await host.runIn(place, "ip", ["-6", "-o", "address", "show", "tentative"]);
    if (!/[<,]UP[,>].* state UNKNOWN /.test(bridges.stdout) && tentative.stdout === "") return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
