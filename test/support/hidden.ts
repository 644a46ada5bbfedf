/** A lab's host on which some tools aren't installed. Called there; it lasts as long as the lab. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { run } from "../../src/system/run.js";

const ROOT = "/mnt/hidden";

/**
 * In place of each directory that has one of them comes a directory of links to all that is in it but them. Returns where
 * they still are.
 */
export async function hide(tools: readonly string[]): Promise<string[]> {
  const kept: string[] = [];
  // Not below /run, which `try` hides.
  if (!existsSync(ROOT)) {
    await run("mount", ["-t", "tmpfs", "tmpfs", "/mnt"]);
    mkdirSync(ROOT);
  }
  const directories = new Set(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map((directory) => realpathSync(directory)));
  for (const directory of directories) {
    if (!tools.some((tool) => existsSync(join(directory, tool)))) continue;
    const place = mkdtempSync(join(ROOT, "directory-"));
    for (const name of ["whole", "rest"]) mkdirSync(join(place, name), { recursive: true });
    await run("mount", ["--bind", directory, join(place, "whole")]);
    for (const name of readdirSync(directory))
      if (!tools.includes(name)) symlinkSync(join(place, "whole", name), join(place, "rest", name));
    await run("mount", ["--bind", join(place, "rest"), directory]);
    kept.push(...tools.map((tool) => join(place, "whole", tool)).filter((tool) => existsSync(tool)));
  }
  return kept;
}

/** A tool at this path is installed again. */
export function show(path: string): void {
  symlinkSync(path, join("/usr/sbin", basename(path)));
}
