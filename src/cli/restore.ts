/** `tsnet restore` */
import { plural } from "../text/display.js";
import { restore as restoreConfirmed } from "../transaction/restore.js";
import { EXIT, Failure } from "./exit.js";
import { hasDone, note, print, printJson, shown, waiting } from "./output.js";
import { endOverdue } from "./trial.js";

export async function restore(options: { json?: boolean }): Promise<void> {
  await endOverdue();
  const results = await restoreConfirmed(waiting);
  if (results.some(({ operations }) => operations > 0)) hasDone("what was restored stays live");
  for (const { problems } of results) for (const problem of problems) note(`tsnet: ${problem}`);
  const failed = results.filter(({ failure }) => failure !== undefined);
  if (options.json)
    printJson({
      policies: results.map(({ policy, operations, failure }) => ({
        policy,
        restored: failure === undefined,
        changed: operations > 0,
        operations,
        error: failure ?? null,
      })),
    });
  else {
    for (const { policy, operations, failure } of results)
      if (failure === undefined)
        print(`${shown(policy)}: ${operations === 0 ? "live already" : `restored, ${plural(operations, "change")}`}`);
    if (results.length === 0) print("nothing is confirmed here, so there is nothing to restore");
  }
  if (failed.length === 0) return;
  for (const { policy, failure } of failed) note(`tsnet: ${shown(policy)} couldn't be restored: ${failure}`);
  throw new Failure(
    EXIT.system,
    `${failed.length} of ${results.length} policies couldn't be restored; nothing of them was changed`,
    "mend what is named above and run `tsnet restore` again, or `tsnet remove --policy NAME` for good",
  );
}
