/** What iptables has in a lab. */
import type { Host } from "../kernel/lab.js";

/** Tables, chains and rules as a tool prints them, without counters, comments and the time. */
export async function savedBy(host: Host, tool: "iptables-save" | "ip6tables-save"): Promise<string[]> {
  const { stdout } = await host.run(tool);
  return stdout
    .split("\n")
    .filter((line) => /^[-*:]/.test(line))
    .map(uncounted);
}

const uncounted = (line: string): string => line.replace(/ \[\d+:\d+\]$/, "");
