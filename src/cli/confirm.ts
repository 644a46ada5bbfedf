/** `tsnet confirm` */
import { confirmTrial } from "../transaction/confirm.js";
import { hasDone, note, print, printJson, shown, waiting } from "./output.js";
import { endOverdue } from "./trial.js";

export async function confirm(options: { json?: boolean }): Promise<void> {
  // Too late is too late, also where nobody has gone back yet.
  await endOverdue();
  const { trial, problems } = await confirmTrial(waiting);
  hasDone("it is confirmed all the same");
  for (const problem of problems) note(`tsnet: ${problem}`);
  if (options.json) return printJson({ policy: trial.policy, hash: trial.hash, confirmed: true });
  print(`${shown(trial.policy)}: confirmed, ${trial.hash} stays`);
}
