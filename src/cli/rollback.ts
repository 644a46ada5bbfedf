/** `tsnet rollback` */
import { entriesOf, knownPolicies, rollBack } from "../transaction/rollback.js";
import { allApplied } from "../transaction/state.js";
import { readTrial } from "../transaction/trial.js";
import { EXIT, Failure } from "./exit.js";
import { hasDone, note, print, printChanges, printJson, shown, waiting } from "./output.js";
import { endOverdue } from "./trial.js";

export interface RollbackFlags {
  readonly policy?: string;
  readonly list?: boolean;
  readonly json?: boolean;
}

export async function rollback(word: string | undefined, options: RollbackFlags): Promise<void> {
  if (options.list) {
    if (word !== undefined) throw new Failure(EXIT.usage, "--list shows every entry, so it takes no number");
    return list(options);
  }
  const n = parseCount(word ?? "1");
  const policy = options.policy ?? whichPolicy();
  // Of this policy, going back from the trial is what is asked for.
  if (readTrial()?.policy !== policy) await endOverdue();
  const { hash, changed, changes, problems, timings } = await rollBack(policy, n, waiting);
  if (changed) hasDone(hash === undefined ? "what was removed stays removed" : "what it has gone back to stays live");
  for (const problem of problems) note(`tsnet: ${problem}`);
  if (options.json)
    return printJson({
      policy,
      n,
      hash: hash ?? null,
      changed,
      operations: changes.length,
      ...(timings === undefined ? {} : { timings }),
      changes,
    });
  printChanges(changes, "did");
  print(`${shown(policy)}: ${hash === undefined ? "removed, as before its trial" : `back to ${hash}`}`);
}

function parseCount(word: string): number {
  if (/^[1-9]\d{0,5}$/.test(word)) return Number(word);
  throw new Failure(
    EXIT.usage,
    `'${shown(word)}' is no number of an entry: 1 is the one before the live one, 2 the one before that`,
    "tsnet rollback --list shows them",
  );
}

/** The policy on trial, else the only live one, else the only one in the history. */
function whichPolicy(): string {
  const trial = readTrial();
  if (trial !== undefined) return trial.policy;
  const live = allApplied().map((applied) => applied.policy);
  const choices = live.length > 0 ? live : knownPolicies([]);
  const [only, ...others] = choices;
  if (only === undefined)
    throw new Failure(
      EXIT.system,
      "there is nothing to go back to: no policy was applied here",
      "tsnet compile FILE --apply",
    );
  if (others.length > 0)
    throw new Failure(
      EXIT.usage,
      `${live.length > 0 ? "several policies are live" : "the history has several policies"}: ${choices.map(shown).join(", ")}`,
      `say which: tsnet rollback --policy ${shown(only)}`,
    );
  return only;
}

function list(options: RollbackFlags): void {
  const live = new Set(allApplied().map((applied) => applied.policy));
  const trial = readTrial();
  const known = knownPolicies([...live]);
  if (options.policy !== undefined && !known.includes(options.policy))
    throw new Failure(
      EXIT.system,
      `the history knows no policy '${shown(options.policy)}'`,
      known.length === 0 ? "no policy was applied here" : `it knows: ${known.map(shown).join(", ")}`,
    );
  const entries = (options.policy === undefined ? known : [options.policy]).flatMap((policy) =>
    entriesOf(policy).map(({ n, hash, entry }) => ({
      policy,
      n,
      hash,
      appliedAt: entry.at,
      by: entry.by,
      files: entry.roots,
      live: n === 0,
      onTrial: n === 0 && trial?.policy === policy,
    })),
  );
  if (options.json) return printJson({ entries });
  if (entries.length === 0) return print("the history is empty: no policy was applied here");
  for (const { policy, n, hash, appliedAt, by, files, onTrial } of entries) {
    const state = onTrial ? "on trial" : n === 0 ? "live" : "";
    const words = [shown(policy).padEnd(12), String(n).padStart(2), hash, appliedAt, shown(by).padEnd(8)];
    print(`${words.join("  ")}  ${state.padEnd(8)}  ${files.map(shown).join(", ")}`.trimEnd());
  }
}
