/** `tsnet remove` */
import { cutOff } from "../transaction/cut-off.js";
import { removePolicy } from "../transaction/remove.js";
import { allApplied } from "../transaction/state.js";
import { readTrial } from "../transaction/trial.js";
import { EXIT, Failure } from "./exit.js";
import { compileOrFail } from "./input.js";
import { hasDone, note, print, printJson, shown, waiting } from "./output.js";
import { endOverdue } from "./trial.js";

export async function remove(files: readonly string[], options: { policy?: string; json?: boolean }): Promise<void> {
  if (files.length > 0 && options.policy !== undefined)
    throw new Failure(EXIT.usage, "give either files or --policy", "tsnet remove --policy shop");
  // Which policy a text with errors means isn't known: the line that names it may be what is missing.
  const name = options.policy ?? (files.length > 0 ? compileOrFail(files, true).policy.name : onlyLive());
  // A trial of this very policy ends with it, overdue or not.
  if (readTrial()?.policy !== name) await endOverdue();
  const { changes, problems } = await removePolicy(name, waiting);
  if (changes.length > 0) hasDone("what was removed stays removed");
  for (const problem of problems) note(`tsnet: ${problem}`);
  if (options.json) return printJson({ policy: name, changed: changes.length > 0, changes });
  for (const change of changes) print(`did ${shown(change)}`);
  print(changes.length === 0 ? `${shown(name)}: nothing of it is here` : `${shown(name)}: removed`);
}

function onlyLive(): string {
  const [only, another, ...others] = allApplied().map((applied) => applied.policy);
  if (only === undefined) {
    // Of a first apply that was killed nothing is on record yet.
    const left = cutOff()?.policy;
    if (left !== undefined) return left;
    throw new Failure(
      EXIT.usage,
      "no policy is live here",
      "tsnet remove --policy NAME takes away what a lost record left",
    );
  }
  if (another !== undefined)
    throw new Failure(
      EXIT.usage,
      `several policies are live: ${[only, another, ...others].join(", ")}`,
      `say which: tsnet remove --policy ${only}`,
    );
  return only;
}
