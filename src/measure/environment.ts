/** What the figures were measured on. */
import { cpus, loadavg, release, totalmem } from "node:os";
import { unavailable } from "../system/netlink/ffi.js";
import { run } from "../system/run.js";

export interface Environment {
  readonly kernel: string;
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  /** In MB. */
  readonly memory: number;
  /** Processes that wanted a core in the minute before: above 0.5 the machine was busy. */
  readonly load: number;
  /** `netlink` or why not. */
  readonly transport: string;
  /** The first line of what each tool says of its version; absent where it isn't installed. */
  readonly tools: Readonly<Record<string, string>>;
}

const TOOLS: Readonly<Record<string, readonly string[]>> = {
  nft: ["--version"],
  iptables: ["--version"],
  "iptables-legacy": ["--version"],
  ipset: ["--version"],
  ferm: ["--version"],
  ip: ["-V"],
};

export async function environment(): Promise<Environment> {
  const load = loadavg()[0] as number;
  const tools = await Promise.all(
    Object.entries(TOOLS).map(async ([tool, args]): Promise<[string, string | undefined]> => {
      const said = await run(tool, args, { accept: "any" }).catch(() => undefined);
      return [tool, said === undefined ? undefined : (said.stdout || said.stderr).trim().split("\n")[0]];
    }),
  );
  return {
    kernel: release(),
    node: process.version,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memory: Math.round(totalmem() / 2 ** 20),
    load,
    transport: unavailable() ?? "netlink",
    tools: Object.fromEntries(tools.filter((pair): pair is [string, string] => pair[1] !== undefined)),
  };
}

export function environmentText({
  kernel,
  node,
  processor,
  cores,
  memory,
  load,
  transport,
  tools,
}: Environment): string {
  const busy = load > cores / 4 ? ", so the machine was busy and the figures are disturbed" : "";
  return [
    `Linux ${kernel}, Node ${node}, ${cores} × ${processor}, ${memory} MB; transport: ${transport}`,
    Object.values(tools).join("; "),
    `load when it began: ${load.toFixed(2)}${busy}`,
  ].join("\n");
}
