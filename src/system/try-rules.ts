/** Whether this kernel takes rules, tried in a network namespace that ends with the command. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, type RunOptions } from "./run.js";

/** Why the kernel refuses a batch of nft's; undefined when it takes it. `privileged`: no user namespace is needed. */
export function triesRules(text: string, privileged: boolean): Promise<string | undefined> {
  return withDirectory((directory) => {
    const file = join(directory, "rules.nft");
    writeFileSync(file, text);
    return tries(["nft", "-f", file], privileged);
  });
}

/** The same of a text for one of the `iptables-restore` tools. Throws `MissingTool`. */
export function triesRestore(tool: string, text: string, privileged: boolean): Promise<string | undefined> {
  return withDirectory((directory) =>
    // The usual lock is root's, and there is nobody to wait for.
    tries([tool, "--wait"], privileged, { input: text, env: { XTABLES_LOCKFILE: join(directory, "lock") } }),
  );
}

async function tries(
  command: readonly string[],
  privileged: boolean,
  options: RunOptions = {},
): Promise<string | undefined> {
  const user = privileged ? [] : ["--user", "--map-root-user"];
  const { exitCode, stderr } = await run("unshare", [...user, "--net", "--", ...command], {
    timeout: 120_000,
    ...options,
    accept: "any",
  });
  return exitCode === 0 ? undefined : (stderr.trim().split("\n")[0] ?? "it gave no reason");
}

async function withDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "tsnet-"));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
