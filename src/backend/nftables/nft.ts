/** Commits rulesets to the kernel through nft: one file, one transaction. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { Refused } from "../refused.js";
import { unlink } from "../../system/files.js";
import { CommandFailed, run } from "../../system/run.js";

const DIRECTORY = "/run/tsnet";

/** Has the kernel check a ruleset, changing nothing. Throws `Refused`. */
export function checkText(text: string): Promise<void> {
  return feed(text, ["-c"]);
}

/** Commits a ruleset: all of it or, with `Refused`, nothing. */
export function commitText(text: string): Promise<void> {
  return feed(text, []);
}

/** Takes away batches that killed commands left. Only for who holds the lock: nobody else is feeding nft then. */
export function clearBatches(): void {
  for (const name of readdirSync(DIRECTORY)) if (/^batch-\d+\.nft$/.test(name)) unlink(`${DIRECTORY}/${name}`);
}

/** nft gets a file: a child's standard input is a socket here, which nft can't open anew. */
async function feed(text: string, flags: readonly string[]): Promise<void> {
  mkdirSync(DIRECTORY, { recursive: true, mode: 0o755 });
  const file = `${DIRECTORY}/batch-${process.pid}.nft`;
  writeFileSync(file, text, { mode: 0o600 });
  try {
    await run("nft", [...flags, "-f", file], { timeout: 120_000 });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new Refused(`the kernel refused the ruleset: ${refusal(error.stderr, text)}`, mend(error.stderr));
  } finally {
    unlink(file);
  }
}

/** nft's first complaint, with the line of the batch that it is about. */
function refusal(stderr: string, text: string): string {
  const found = /^[^\n]*?:(\d+):\d+(?:-\d+)?: (?:Error: )?([^\n]*)/m.exec(stderr);
  if (found === null) return stderr.trim().split("\n")[0] ?? "no reason given";
  const line = text.split("\n")[Number(found[1]) - 1]?.trim();
  return `${found[2]}${line === undefined ? "" : ` (at '${line.slice(0, 160)}')`}`;
}

function mend(stderr: string): string {
  if (/Operation not permitted|must be root/i.test(stderr)) return "run it as root, or try it without: tsnet try FILE";
  if (/Operation not supported|No such file|Protocol/i.test(stderr))
    return "this kernel lacks a part of nftables that the ruleset needs";
  return "this may be a fault of tsnet's own: `tsnet compile --format text` shows the ruleset";
}
