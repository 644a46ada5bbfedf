/**
 * iproute2's commands in batches, in this namespace or in another: as rtnetlink messages of this process, or by ip.
 */
import { sendLines } from "./netlink/batch.js";
import { runIn } from "./netns.js";
import { CommandFailed, run } from "./run.js";
import { usesNetlink } from "./transport.js";

/** One `ip` command without the leading `ip`: `["link", "set", "dev", "eth0", "up"]`. */
export type IpLine = readonly string[];

/** A batch that stopped at one of its lines; the lines before it are done. */
export class IpFailed extends Error {
  override readonly name = "IpFailed";
  /** Index of the line that failed, from 0. */
  readonly index: number;
  readonly line: IpLine;
  /** What ip said, without its place. */
  readonly reason: string;

  constructor(index: number, line: IpLine, reason: string, netns: string | undefined) {
    super(`ip ${line.join(" ")} failed${netns === undefined ? "" : ` in ${netns}`}: ${reason}`);
    this.index = index;
    this.line = line;
    this.reason = reason;
  }
}

/**
 * Runs lines in the namespace at `netns` (this process's when undefined), stopping at the first that fails.
 * Throws `IpFailed`, or what `run` throws when ip couldn't be started, or an error with a `code` when the namespace can't
 * be entered.
 */
export async function ipBatch(netns: string | undefined, lines: readonly IpLine[]): Promise<void> {
  if (lines.length === 0) return;
  if (usesNetlink()) return batchByNetlink(netns, lines);
  const result = await start(netns, ["-batch", "-"], lines);
  if (result.exitCode === 0) return;
  const place = /Command failed -:(\d+)/.exec(result.stderr);
  if (place === null) {
    throw new CommandFailed("ip -batch", result.exitCode, result.stdout, result.stderr);
  }
  const index = Number(place[1]) - 1;
  const reason = result.stderr.replace(/\s*Command failed -:\d+\s*/, "").trim();
  throw new IpFailed(index, lines[index] ?? [], reason, netns);
}

function batchByNetlink(netns: string | undefined, lines: readonly IpLine[]): void {
  const [refusal] = sendLines(netns, lines.map(checkedLine), true);
  if (refusal !== undefined) throw new IpFailed(refusal.index, lines[refusal.index] ?? [], refusal.reason, netns);
}

/** Runs lines whatever becomes of each; returns what ip said of those that failed. */
export async function ipBatchForced(netns: string | undefined, lines: readonly IpLine[]): Promise<string> {
  if (lines.length === 0) return "";
  if (usesNetlink()) {
    const refusals = sendLines(netns, lines.map(checkedLine), false);
    return refusals.map(({ index, reason }) => `${reason}\nCommand failed -:${index + 1}\n`).join("");
  }
  return (await start(netns, ["-force", "-batch", "-"], lines)).stderr;
}

/**
 * Runs `show` lines and returns one parsed answer a line. Throws when one fails, except that a device which vanished
 * meanwhile is simply not in the answer.
 */
export async function ipQuery(netns: string | undefined, lines: readonly IpLine[]): Promise<unknown[][]> {
  const { stdout, stderr, exitCode } = await start(netns, ["-j", "-d", "-batch", "-"], lines);
  if (exitCode !== 0) throw new CommandFailed("ip -j -d -batch", exitCode, stdout, stderr);
  // One array a line of input, each on a line of its own; ip prints nothing at all for some empty answers.
  const answers = stdout.split("\n").filter((line) => line.trim() !== "");
  if (answers.length !== lines.length) {
    throw new CommandFailed(
      "ip -j -d -batch",
      exitCode,
      stdout,
      `${answers.length} answers for ${lines.length} questions`,
    );
  }
  return answers.map((line) => JSON.parse(line) as unknown[]);
}

async function start(netns: string | undefined, options: readonly string[], lines: readonly IpLine[]) {
  const input = lines.map((line) => `${checkedLine(line).join(" ")}\n`).join("");
  const settings = { input, accept: "any" } as const;
  return netns === undefined ? run("ip", options, settings) : runIn(netns, "ip", options, settings);
}

function checkedLine(line: IpLine): IpLine {
  return line.map(checked);
}

/** A batch splits its lines at blanks and knows quotes, comments and continued lines: no word may hold any of them. */
function checked(word: string): string {
  if (!/^[!-~]+$/.test(word) || /["'\\#]/.test(word))
    throw new Error(`no word for an ip batch: ${JSON.stringify(word)}`);
  return word;
}
