/** What the command line itself must know of `--confirm`, without loading more. */

/** The hidden command that waits for the end of a trial. */
export const WAITER = "await-end";

/** The longest trial: a day. */
const LONGEST = 86_400;

/** The whole seconds that `--confirm` takes; undefined for anything else. */
export function parseSeconds(text: string): number | undefined {
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  return seconds >= 1 && seconds <= LONGEST ? seconds : undefined;
}
