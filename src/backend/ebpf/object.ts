/** The dataplane's object: built at set-up by clang, and never part of the sources. */
import { beginDigest } from "../../system/digest.js";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemCalls, unavailable } from "../../system/netlink/ffi.js";
import { MissingTool } from "../../system/run.js";
import { isInstalled } from "../../system/tools.js";
import { Refused } from "../refused.js";

/** The line that gets it. */
export const BUILD = "apt-get install clang libbpf-dev bpftool && npm run build";
/** Where the kernel tells of its types. */
export const BTF = "/sys/kernel/btf/vmlinux";

/** Where it is; undefined where it wasn't built. */
export function objectFile(): string | undefined {
  const beside = join(import.meta.dirname, "dataplane.o");
  const built = join(import.meta.dirname, "../../../dist/dataplane.o");
  return [beside, built].find((file) => existsSync(file));
}

/** Another object is another dataplane. */
export function objectDigest(file: string): string {
  return beginDigest("sha1").update(readFileSync(file)).hex().slice(0, 10);
}

/** Throws `Refused` or `MissingTool`: what is lacking here, and how to get it. Starts nothing. */
export function requireObject(): string {
  const file = objectFile();
  if (file === undefined) throw new Refused("the eBPF dataplane isn't built: clang was missing at set-up", BUILD);
  if (!isInstalled("bpftool")) throw new Refused("bpftool is not installed", BUILD);
  if (systemCalls() === undefined)
    throw new Refused(`eBPF needs system calls: ${unavailable() ?? ""}`, "npm ci --include=optional");
  if (!existsSync(BTF))
    throw new Refused("this kernel has no type information (BTF)", "use a kernel with CONFIG_DEBUG_INFO_BTF");
  // The table of translations is nft's.
  if (!isInstalled("nft")) throw new MissingTool("nft");
  return file;
}
