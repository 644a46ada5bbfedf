/** Whether this kernel takes rules, tried in a network namespace that ends with the command. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./run.js";

/** Why the kernel refuses a batch of nft's; undefined when it takes it. `privileged`: no user namespace is needed. */
export async function triesRules(text: string, privileged: boolean): Promise<string | undefined> {
  const directory = mkdtempSync(join(tmpdir(), "tsnet-"));
  try {
    const file = join(directory, "rules.nft");
    writeFileSync(file, text);
    const user = privileged ? [] : ["--user", "--map-root-user"];
    const { exitCode, stderr } = await run("unshare", [...user, "--net", "--", "nft", "-f", file], { accept: "any" });
    return exitCode === 0 ? undefined : (stderr.trim().split("\n")[0] ?? "nft gave no reason");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
