/**
 * What is written down about an apply or a removal, under the lock and around it: the history, what is confirmed, the
 * trial. Each purpose has its own rules about a trial that is on.
 */
import type { BackendName } from "../backend/backend.js";
import type { Compiled } from "../ir/compile.js";
import { invoker } from "../system/invoker.js";
import { timestamp } from "../text/clock.js";
import type { Beside } from "./beside.js";
import { confirmedPath, forgetConfirmed, isConfirmed, readConfirmed, saveConfirmed } from "./confirmed.js";
import { addEntry, type Entry, hashTexts, makeEntry, newestHash } from "./history.js";
import { Obstacle } from "./obstacle.js";
import { appliedComponents, isApplied, readApplied } from "./state.js";
import { extendTrial, forgetTrial, newTrial, onTrial, readTrial, remaining, type Trial, writeTrial } from "./trial.js";

export type Purpose =
  /**
   * It stays. `quick`: for programs that apply again and again. Nothing waits for the disk, and an edit of rules becomes an
   * entry when the program rests or applies again (`enlist`).
   */
  | { readonly kind: "apply"; readonly quick?: boolean }
  /** It stays; ends a trial of the same policy. */
  | { readonly kind: "rollback" }
  /** Something confirmed is made live again: nothing new for the records. */
  | { readonly kind: "restore" }
  /** It goes back by itself: `watch` has somebody wait for that, and resolves when they do. */
  | {
      readonly kind: "trial";
      readonly seconds: number;
      readonly watch: (trial: Trial) => Promise<void>;
      /** Told what is on record once the apply is done. */
      readonly begun: (trial: Trial) => void;
    }
  | Revert;

/** Ends a trial by going back. */
export interface Revert {
  readonly kind: "revert";
  /** Its id. */
  readonly trial: string;
  /** Without waiting for its end. */
  readonly early: boolean;
}

/** The trial that was to be taken back has ended otherwise, or isn't over yet. */
export class Superseded extends Error {
  override readonly name = "SystemError";
}

interface Outcome {
  readonly backend: BackendName;
  readonly changed: boolean;
  readonly problems: readonly string[];
}

interface Options {
  readonly dryRun?: boolean;
  readonly rules?: boolean;
  readonly purpose?: Purpose;
  readonly beside?: Beside;
}

const APPLY: Purpose = { kind: "apply" };

/**
 * Runs an apply, and records it as its purpose asks. What can't be recorded afterwards is a problem of the result, not a
 * failure: the kernel has the policy by then.
 *
 * Throws `Obstacle` where a trial is in the way, and `Superseded` where the trial that was to be taken back is over.
 */
export async function recorded<T extends Outcome>(
  compiled: Compiled,
  options: Options,
  work: () => Promise<T>,
): Promise<T> {
  if (options.dryRun === true || options.rules === false) return work();
  const purpose = options.purpose ?? APPLY;
  const { name } = compiled.policy;
  const trial = readTrial();
  checkTrial(purpose, name, trial);
  const quick = purpose.kind === "apply" && purpose.quick === true;
  const fresh = !isApplied(name);
  const problems = trial === undefined && !quick ? keeping(() => catchUp(name)) : [];
  const begun = purpose.kind === "trial" ? await begin(compiled, purpose) : undefined;
  let result: T;
  try {
    result = await work();
  } catch (error) {
    if (begun !== undefined) forgetTrial(begun);
    throw error;
  }
  if (begun !== undefined && purpose.kind === "trial") purpose.begun(extendTrial(begun));
  // First, because it decides: whoever waits for the trial's end must find it gone.
  if (trial?.policy === name) forgetTrial(trial);
  // Who notes edits beside the record writes both when there is time.
  const later = quick && options.beside?.isOpen === true;
  if (!later && (purpose.kind === "apply" || purpose.kind === "rollback")) {
    const { files, roots } = compiled;
    const texts = { files, roots, backend: result.backend };
    const entry = makeEntry(name, timestamp(), invoker(), texts);
    problems.push(...keeping(() => keep(entry, { fresh, durable: !quick })));
  }
  return problems.length === 0 ? result : { ...result, problems: [...result.problems, ...problems] };
}

/** As `recorded`, for a removal. */
export async function recordedRemoval<T extends { readonly problems: readonly string[] }>(
  policy: string,
  revert: Revert | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const trial = readTrial();
  if (revert !== undefined) checkTrial(revert, policy, trial);
  const problems = trial === undefined ? keeping(() => catchUp(policy)) : [];
  // First: a removal that is killed is finished by the next command, and mustn't come back with a reboot before that.
  if (revert === undefined) problems.push(...keeping(() => forgetConfirmed(policy)));
  const result = await work();
  if (trial?.policy === policy) forgetTrial(trial);
  return problems.length === 0 ? result : { ...result, problems: [...result.problems, ...problems] };
}

function checkTrial(purpose: Purpose, policy: string, trial: Trial | undefined): void {
  if (purpose.kind === "revert") {
    if (trial === undefined || trial.id !== purpose.trial) throw new Superseded("the trial has ended already");
    if (!purpose.early && remaining(trial) > 0) throw new Superseded("the trial isn't over yet");
    return;
  }
  if (trial === undefined || (purpose.kind === "rollback" && trial.policy === policy)) return;
  // Going back was tried, and failed: nobody is kept any longer from what is to be in force.
  if (remaining(trial) <= 0 && purpose.kind !== "trial") return;
  throw onTrial(trial);
}

async function begin(compiled: Compiled, { seconds, watch }: Extract<Purpose, { kind: "trial" }>): Promise<Trial> {
  const before = readApplied(compiled.policy.name);
  const trial = newTrial({
    policy: compiled.policy.name,
    hash: hashTexts(compiled),
    by: invoker(),
    seconds,
    before: before === undefined ? null : { files: before.files, roots: before.roots, backend: before.backend },
  });
  writeTrial(trial);
  try {
    await watch(trial);
  } catch (error) {
    forgetTrial(trial);
    throw error;
  }
  return trial;
}

/** What is live and has no entry was applied by a program, or by a command that was killed before it wrote one. */
function catchUp(policy: string): void {
  const applied = readApplied(policy);
  if (applied === undefined) return;
  const hash = hashTexts(applied);
  if (newestHash(policy) === hash) return;
  const confirmed = readConfirmed(policy);
  const by = confirmed !== undefined && hashTexts(confirmed) === hash ? confirmed.by : "unknown";
  keep(makeEntry(policy, applied.at, by, applied), { fresh: true, durable: false });
}

/** Makes it the policy's newest entry, and what a reboot brings back. `fresh`: it wasn't live before. */
function keep(entry: Entry, { fresh, durable }: { fresh: boolean; durable: boolean }): void {
  const known = !fresh && newestHash(entry.policy) === hashTexts(entry);
  if (known && isConfirmed(entry.policy)) return;
  saveConfirmed(entry, durable);
  if (!known) addEntry(entry, appliedComponents(), durable, confirmedPath(entry.policy));
}

/**
 * Makes it the policy's newest entry, where it isn't; `confirmed`: it is what a reboot brings back. Throws what node:fs
 * throws.
 */
export function enlist(entry: Entry, confirmed: boolean): void {
  if (newestHash(entry.policy) === hashTexts(entry)) return;
  addEntry(entry, appliedComponents(), false, confirmed ? confirmedPath(entry.policy) : undefined);
}

/** Runs it, and returns what is to be said when it fails. */
export function keeping(work: () => void): string[] {
  try {
    work();
    return [];
  } catch (error) {
    return [
      `the history can't be written, so \`tsnet rollback\` and a reboot won't know of this: ${(error as Error).message}`,
    ];
  }
}

export function nothingOnTrial(): Obstacle {
  return new Obstacle(
    "nothing is on trial here",
    "`tsnet compile FILE --apply --confirm SECONDS` puts a policy on trial",
  );
}

/** Puts what is on trial on the record for good. Throws `Obstacle` when there is nothing that could be kept. */
export function confirmLocked(): { readonly trial: Trial; readonly problems: readonly string[] } {
  const trial = readTrial();
  if (trial === undefined || remaining(trial) <= 0) throw nothingOnTrial();
  const applied = readApplied(trial.policy);
  if (!trial.applied || applied === undefined || hashTexts(applied) !== trial.hash)
    throw new Obstacle(
      `the apply of '${trial.policy}' that is on trial didn't come to its end, so there is nothing to keep`,
      `\`tsnet rollback\` takes it back at once; otherwise it goes back at ${trial.until}`,
    );
  // What decides: from here on nobody takes it back. A kill before the rest is mended by the next apply.
  forgetTrial(trial);
  const entry = makeEntry(trial.policy, applied.at, trial.by, applied);
  return { trial, problems: keeping(() => keep(entry, { fresh: trial.before === null, durable: true })) };
}
