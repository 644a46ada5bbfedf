/**
 * What this machine can do, asked one feature at a time. Nothing is changed by asking; what must be tried is tried in
 * a namespace that ends with the command.
 */
import { existsSync, readFileSync } from "node:fs";
import { isInstalled } from "./tools.js";
import { MissingTool, run } from "./run.js";
import { readSysctl } from "./sysctl.js";

export const FEATURES = [
  "root",
  "net_admin",
  "ip",
  "nft",
  "util-linux",
  "conntrack",
  "nf_tables",
  "user_namespaces",
  "ipv6",
  "force_forwarding",
  "br_netfilter",
] as const;
export type FeatureName = (typeof FEATURES)[number];

export interface Feature {
  readonly name: FeatureName;
  readonly ok: boolean;
  /** What was found, in a sentence without a full stop. */
  readonly what: string;
  /** How to get it; empty when it is there. */
  readonly mend: string;
}

export async function probe(name: FeatureName): Promise<Feature> {
  switch (name) {
    case "root":
      return process.geteuid?.() === 0
        ? yes(name, "running as root")
        : no(name, `running as user ${process.geteuid?.() ?? "?"}`, "run it with sudo");
    case "net_admin":
      return hasCapability(12)
        ? yes(name, "has CAP_NET_ADMIN")
        : no(name, "lacks CAP_NET_ADMIN", "run it with sudo, or give the container CAP_NET_ADMIN");
    case "ip":
      return tool(name, "ip", ["-V"], /iproute2-([\w.]+)/);
    case "nft":
      return tool(name, "nft", ["--version"], /v([\d.]+)/);
    case "util-linux":
      return isInstalled("unshare")
        ? tool(name, "nsenter", ["--version"], /util-linux ([\w.]+)/)
        : no(name, "unshare is not installed", "apt-get install util-linux");
    case "conntrack":
      return tool(name, "conntrack", ["--version"], /v([\d.]+)/);
    case "nf_tables":
      return nfTables();
    case "user_namespaces":
      return userNamespaces();
    case "ipv6":
      return existsSync("/proc/sys/net/ipv6/conf/all")
        ? yes(name, "the kernel has IPv6")
        : no(name, "the kernel has no IPv6", "boot without ipv6.disable=1, or load the module ipv6");
    case "force_forwarding":
      return readSysctl("ipv6/conf/all/force_forwarding") !== undefined
        ? yes(name, "IPv6 can be forwarded device by device")
        : no(name, "IPv6 can be forwarded only by all devices at once", "Linux 6.17 or newer has force_forwarding");
    case "br_netfilter": {
      const value = readSysctl("bridge/bridge-nf-call-iptables");
      return value === undefined
        ? no(name, "br_netfilter isn't loaded, and isn't needed", "modprobe br_netfilter")
        : yes(name, `br_netfilter is loaded, bridge-nf-call-iptables is ${value}; neither is needed`);
    }
  }
}

/** Several at once, in the order asked. */
export function probeAll(names: readonly FeatureName[] = FEATURES): Promise<Feature[]> {
  return Promise.all(names.map(probe));
}

function yes(name: FeatureName, what: string): Feature {
  return { name, ok: true, what, mend: "" };
}

function no(name: FeatureName, what: string, mend: string): Feature {
  return { name, ok: false, what, mend };
}

/** Whether bit `number` of the effective capabilities is set (linux/capability.h). */
function hasCapability(number: number): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> BigInt(number)) & 1n) === 1n;
}

async function tool(name: FeatureName, command: string, args: readonly string[], version: RegExp): Promise<Feature> {
  try {
    const { stdout, stderr } = await run(command, args, { accept: "any" });
    return yes(name, `${command} ${version.exec(stdout + stderr)?.[1] ?? "of an unknown version"}`);
  } catch (error) {
    if (error instanceof MissingTool)
      return no(name, `${command} is not installed`, `apt-get install ${error.package}`);
    throw error;
  }
}

async function nfTables(): Promise<Feature> {
  const name = "nf_tables";
  try {
    // Without the capability here, a namespace of our own answers the same question.
    const { exitCode, stderr } = hasCapability(12)
      ? await run("nft", ["list", "tables"], { accept: "any" })
      : await run("unshare", ["--user", "--map-root-user", "--net", "nft", "list", "tables"], { accept: "any" });
    if (exitCode === 0) return yes(name, "the kernel has nf_tables");
    return no(
      name,
      `nf_tables can't be used: ${stderr.trim()}`,
      "load the module nf_tables, or use a kernel that has it",
    );
  } catch (error) {
    if (error instanceof MissingTool) return no(name, error.message, `apt-get install ${error.package}`);
    throw error;
  }
}

async function userNamespaces(): Promise<Feature> {
  const name = "user_namespaces";
  const args = ["--user", "--map-root-user", "--net", "--mount", "true"];
  try {
    const { exitCode, stderr } = await run("unshare", args, { accept: "any" });
    if (exitCode === 0) return yes(name, "users may make namespaces");
    const mend = "sysctl -w user.max_user_namespaces=15000 kernel.unprivileged_userns_clone=1 (where it exists)";
    return no(name, `user namespaces can't be made: ${stderr.trim()}`, mend);
  } catch (error) {
    if (error instanceof MissingTool) return no(name, error.message, `apt-get install ${error.package}`);
    throw error;
  }
}
