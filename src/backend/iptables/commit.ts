/** The way from what stands to a plan, and back where it is refused. */
import type { Ending } from "../../system/ending.js";
import { type Family, FAMILIES } from "../../net/address.js";
import type { Ahead } from "./ahead.js";
import { changesOf, changeText, type State, type TableChange, wantedAgain } from "./standing.js";
import { type Both, statesOf } from "./states.js";
import { Hung, restore, type Variant } from "./tools.js";

/**
 * Each table and family is a commit of its own: where one is refused, all go back to what they were. Throws `Refused`,
 * which also says what couldn't go back.
 */
export async function commitAll(
  policy: string,
  variant: Variant,
  before: Both<State>,
  changes: Both<readonly TableChange[]>,
  { ahead, ...beside }: Beside & { readonly ahead: readonly Ahead[] },
): Promise<void> {
  const commits = FAMILIES.map((family, i) => commitFamily(variant, family, changes[i] ?? [], ahead[i], beside));
  const results = await Promise.allSettled(commits);
  const failed = results.find((result) => result.status === "rejected");
  if (failed === undefined) return;
  const left = await takeBack(policy, variant, before);
  const reason = failed.reason as Error;
  if (left.length > 0) reason.message += `; and taking back what was loaded failed: ${left.join("; ")}`;
  throw reason;
}

/** What else there is to a commit. */
interface Beside {
  readonly ending: Ending | undefined;
  readonly meanwhile: (() => void) | undefined;
}

/** What is ahead is within the table of the filter, so what comes before that table is a text of its own. */
async function commitFamily(
  variant: Variant,
  family: Family,
  changes: readonly TableChange[],
  ahead: Ahead | undefined,
  { ending, meanwhile }: Beside,
): Promise<void> {
  const filter = changes.findIndex(({ name }) => name === "filter");
  if (ahead === undefined || ahead.names.size === 0 || filter === -1)
    return restore(variant, family, changeText(changes), ending);
  await restore(variant, family, changeText(changes.slice(0, filter)), ending);
  const ended = ahead.end(changeText(changes.slice(filter)).slice("*filter\n".length));
  try {
    meanwhile?.();
  } finally {
    await ended;
  }
}

/** How often taking back begins anew with what stands by then, where a load of it is refused. */
const TRIES_BACK = 3;

/** Returns what failed, a phrase each. No ending ends it. */
async function takeBack(policy: string, variant: Variant, before: Both<State>): Promise<string[]> {
  let left: Error[] = [];
  for (let tries = 0; tries < TRIES_BACK; tries++) {
    left = await tryBack(policy, variant, before);
    if (left.length === 0 || left.some((error) => error instanceof Hung)) break;
  }
  return left.map(({ message }) => message);
}

/** The one family whatever becomes of the other. Returns what failed. */
async function tryBack(policy: string, variant: Variant, before: Both<State>): Promise<Error[]> {
  const left: Error[] = [];
  try {
    const now = await statesOf(policy, variant, { needed: true });
    for (const [i, family] of FAMILIES.entries()) {
      const back = changesOf(now[i] as State, wantedAgain(before[i] as State, policy), policy);
      await restore(variant, family, changeText(back)).catch((error: Error) => {
        error.message = `IPv${family}: ${error.message}`;
        left.push(error);
      });
    }
  } catch (error) {
    left.push(error as Error);
  }
  return left;
}
