/** `tsnet diff` */
import { diff as differ, isSame } from "../audit/diff/diff.js";
import { differenceJson, differenceLines } from "../audit/diff/report.js";
import type { Policy } from "../ir/policy.js";
import { EXIT, Failure } from "./exit.js";
import { compileOrFail } from "./input.js";
import { print, printJson, shown } from "./output.js";

export async function diff(files: readonly string[], options: { live?: boolean; json?: boolean }): Promise<void> {
  const [before, after] = options.live === true ? await liveAndGiven(files) : twoGiven(files);
  const difference = differ(before, after);
  const same = isSame(difference);
  process.exitCode = same ? EXIT.done : EXIT.differs;
  if (options.json) return printJson(differenceJson(before, after, difference));
  for (const line of differenceLines(before, after, difference)) print(shown(line));
  print(same ? "no packet's verdict differs" : summary(difference.changes.length));
}

export function summary(changes: number): string {
  return changes === 0
    ? "no other packet's verdict differs"
    : `${changes} ${changes === 1 ? "set of packets changes" : "sets of packets change"}`;
}

function twoGiven(files: readonly string[]): [Policy, Policy] {
  const [old, now, more] = files;
  if (old === undefined || now === undefined || more !== undefined)
    throw new Failure(
      EXIT.usage,
      `diff compares two policies, and ${files.length} ${files.length === 1 ? "file was" : "files were"} given`,
      "tsnet diff OLD NEW, or tsnet diff --live FILE... for what is live; a policy of several files is one that includes them",
    );
  if (old === "-" && now === "-") throw new Failure(EXIT.usage, "standard input can't be both policies");
  return [compileOrFail([old], true).policy, compileOrFail([now], true).policy];
}

async function liveAndGiven(files: readonly string[]): Promise<[Policy, Policy]> {
  const { policy } = compileOrFail(files, true);
  const { readApplied, recompileKept } = await import("../transaction/state.js");
  const applied = readApplied(policy.name);
  if (applied === undefined)
    throw new Failure(
      EXIT.system,
      `no policy '${shown(policy.name)}' is live here`,
      "tsnet ls lists what is; tsnet plan FILE says what applying would do",
    );
  return [recompileKept(applied).policy, policy];
}
