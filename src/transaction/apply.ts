/**
 * Applies a policy: reads what is there, finds what differs, and refuses what is in the way before anything is changed.
 * commit.ts makes the changes.
 */
import { now } from "../text/clock.js";
import type { Backend, BackendName } from "../backend/backend.js";
import type { Asked, Choice } from "../backend/choice.js";
import { Inexpressible } from "../backend/inexpressible.js";
import { Leftover } from "../backend/refused.js";
import type { Compiled } from "../ir/compile.js";
import type { Policy } from "../ir/policy.js";
import { requireForwarding } from "../topology/forwarding.js";
import type { Beside } from "./beside.js";
import { commit } from "./commit.js";
import { beginHolding, type Holding } from "./interruption.js";
import { withLock } from "./lock.js";
import { beginJournal, endJournal, readJournal } from "./journal.js";
import { requireSystem } from "./ready.js";
import { type Purpose, recorded } from "./records.js";
import { recover } from "./recover.js";
import { type Applied, isRecorded, readApplied, rewriteApplied, tidyDirectories } from "./state.js";
import { type Survey, survey } from "./survey.js";
import { unheardPublishes } from "./unheard.js";

export interface ApplyOptions {
  /** What carries the rules; `auto`: what can, here. Undefined: what carries them now, or else nftables. */
  readonly backend?: Asked | undefined;
  /** Have the kernel check everything, change nothing. */
  readonly dryRun?: boolean;
  /** False: build the network without its rules, and leave no record. For measuring what the rules do. */
  readonly rules?: boolean;
  /** Look at sysctls inside the sandboxes too, which only somebody in there can have changed. */
  readonly thorough?: boolean;
  /** Told once when another writer holds the lock. */
  readonly waiting?: (holder: string) => void;
  /** The caller holds the lock. */
  readonly held?: boolean;
  /** What is live of this policy, where the caller has it compiled. */
  readonly before?: Compiled;
  /** Its record, where the caller knows it. */
  readonly applied?: Applied | undefined;
  /** Where an edit may be noted, so that the record need not be written anew each time. */
  readonly beside?: Beside;
  /** What it is for, which decides what is recorded of it. An apply that stays, unless given. */
  readonly purpose?: Purpose;
}

export interface ApplyResult {
  readonly backend: BackendName;
  /** How it was chosen, where this host was to decide. */
  readonly choice?: Choice | undefined;
  readonly changed: boolean;
  /** Kernel objects and files that were added, changed or removed. Where nft replaces tables whole, each counts as one. */
  readonly operations: number;
  /** What was done, a sentence each. */
  readonly changes: readonly string[];
  /** Things that couldn't be tidied up afterwards. */
  readonly problems: readonly string[];
  /** What is in force and does nothing yet, such as a publish on an address that this host doesn't have. */
  readonly warnings: readonly string[];
  /** Milliseconds. */
  readonly timings: { readonly plan: number; readonly commit: number };
}

/** Statements that are understood but can't be carried out yet. */
export function inexpressible(policy: Policy): Inexpressible | undefined {
  const macvlan = policy.networks.find((network) => network.driver === "macvlan");
  if (macvlan?.origin !== undefined)
    return new Inexpressible("'driver macvlan' can't be applied yet", macvlan.origin.span);
  return undefined;
}

export async function applyPolicy(compiled: Compiled, options: ApplyOptions = {}): Promise<ApplyResult> {
  const { policy } = compiled;
  const obstacle = inexpressible(policy);
  if (obstacle !== undefined) throw obstacle;
  await requireSystem();
  const lock = options.waiting === undefined ? {} : { waiting: options.waiting };
  try {
    const work = (): Promise<ApplyResult> => recorded(compiled, options, () => applyLocked(compiled, options));
    return await (options.held === true ? work() : withLock(work, lock));
  } finally {
    tidyDirectories(policy.name);
  }
}

/** For who holds the lock. */
export async function applyLocked(compiled: Compiled, options: ApplyOptions): Promise<ApplyResult> {
  const started = now();
  const recovered = options.dryRun === true ? [] : await recover(compiled.policy.name);
  let holding: Holding | undefined;
  let found: Survey | undefined;
  /** Whether an earlier command was cut off, of which something may be left. */
  let wasCutOff = false;
  try {
    found = await survey(compiled, {
      backend: options.backend,
      rules: options.rules !== false,
      known: options.before,
      applied: options.applied,
      thorough: options.thorough === true,
      hurry: options.dryRun !== true,
      begins: (carriers) => {
        holding = beginHolding();
        wasCutOff = readJournal() !== undefined;
        beginJournal(compiled.policy.name, "apply", carriers);
        return holding;
      },
      again: options.beside?.sandboxes,
      // Nobody is there who could start what is gone, and without it the rest is safer than what is live.
      partly: options.purpose?.kind === "revert" || options.purpose?.kind === "restore",
    });
    const result = await applyFound(compiled, options, found, [...recovered, ...found.gone], started);
    // A tool may wait for more than came.
    await found.rules?.abandon?.();
    return result;
  } catch (error) {
    await found?.rules?.abandon?.();
    // Before the first step nothing was changed, and what had begun is gone.
    const untouched = !wasCutOff && !(error instanceof Leftover) && readJournal()?.steps.length === 0;
    if (holding !== undefined && untouched) endJournal();
    throw error;
  } finally {
    holding?.end();
  }
}

/** `beforehand`: what couldn't be tidied up of an apply that was cut off, and what this one does without. */
async function applyFound(
  compiled: Compiled,
  options: ApplyOptions,
  { topology, applied, before, backend, former, choice, rules, actual, difference, edit }: Survey,
  beforehand: readonly string[],
  started: number,
): Promise<ApplyResult> {
  const { policy } = compiled;
  backend.tidy();
  // What the collector has to do after all that was read and planned is done before anything begins.
  await new Promise(setImmediate);
  const rulesChanged = rules !== undefined && rules.standing !== "equal";
  const planned = now();
  const changes = difference.changes.map((change) => change.text);
  if (rulesChanged) changes.push(rules.describe());
  for (const { name } of former) changes.push(`take away what the backend ${name} carried`);
  const mended: string[] = [];
  const result = (problems: readonly string[]): ApplyResult => ({
    backend: backend.name,
    choice,
    changed: changes.length > 0,
    operations: difference.changes.length + mended.length + (rulesChanged ? rules.objects : 0),
    changes,
    problems,
    warnings: unheardPublishes(policy, actual.host),
    timings: { plan: planned - started, commit: now() - planned },
  });
  if (options.dryRun === true) {
    if (rulesChanged) await rules.check();
    return result([]);
  }
  if (changes.length === 0 && isRecorded(compiled, applied)) {
    // Somebody else's change has moved the generation: with the new one on record the next apply need not read.
    if (applied !== undefined && rules !== undefined && rules.now !== applied.committed)
      rewriteApplied({ ...applied, committed: rules.now });
    // Forwarding is the host's: its administrator, or a new device, may have changed what is needed of it.
    if (rules !== undefined) mended.push(...(await requireForwarding(policy.name, topology.forwards)));
    changes.push(...mended);
    endJournal();
    if (options.thorough === true && rules !== undefined) await stopAnew(backend, policy);
    return result(beforehand);
  }
  // A text may change what no kernel object shows, such as whose sandbox a container shares.
  const record = options.rules !== false;
  const { beside } = options;
  const known = { before, applied, edit, beside };
  const all = { compiled, topology, actual, difference, backend, former, rules, rulesChanged, ...known, record };
  const problems = await commit(all);
  if (options.thorough === true && rules !== undefined) await stopAnew(backend, policy);
  return result([...beforehand, ...problems]);
}

/** No comparison sees which flows are stopped, as they come and go: what isn't on record as cut goes on. */
async function stopAnew(backend: Backend, policy: Policy): Promise<void> {
  const cut = readApplied(policy.name)?.cut ?? [];
  const now = Date.now();
  await backend.stop(
    policy,
    cut.filter(({ until }) => until > now),
    true,
  );
}
