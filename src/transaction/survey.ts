/** What stands between a policy and this machine: reads both, finds what differs, and refuses what is in the way. */
import type { Approach, Backend, BackendName } from "../backend/backend.js";
import { type Asked, AUTO, type Choice } from "../backend/choice.js";
import { backendNamed } from "../backend/registry.js";
import type { Compiled } from "../ir/compile.js";
import type { Actual } from "../topology/actual.js";
import type { KnownSandboxes } from "../topology/known.js";
import { withoutGone } from "../topology/conflicts.js";
import { differ, type Difference } from "../topology/difference.js";
import type { Ending } from "../system/ending.js";
import { planTopology } from "../topology/plan.js";
import { readTopology } from "../topology/read.js";
import type { Topology } from "../topology/topology.js";
import { chooseBackend } from "./choose.js";
import { digestTexts } from "./history.js";
import { type Journal, readJournal } from "./journal.js";
import { Obstacle } from "./obstacle.js";
import { type PlainEdit, plainEdit } from "./plain-edit.js";
import { holderOfPorts } from "./ports.js";
import { type Applied, backendOf, isRecorded, readApplied, recompile } from "./state.js";

export interface Survey {
  readonly topology: Topology;
  /** What is on record of the policy, and what it was compiled from. */
  readonly applied: Applied | undefined;
  readonly before: Compiled | undefined;
  /** What is to carry the policy, and others that carry it now, or may since a switch was cut off. */
  readonly backend: Backend;
  readonly former: readonly Backend[];
  /** How the backend was chosen, where this host was to decide. */
  readonly choice: Choice | undefined;
  /** Undefined where the rules weren't asked for. */
  readonly rules: Approach | undefined;
  /** The network as it was read, and how it differs. */
  readonly actual: Actual;
  readonly difference: Difference;
  /** How the texts differ from those on record, where that is plain rules only. */
  readonly edit: PlainEdit | undefined;
  /** What the topology is without, a sentence each. */
  readonly gone: readonly string[];
}

export interface SurveyOptions {
  /** False: the rules aren't asked for. */
  readonly rules?: boolean;
  /** What may be on record, compiled already. */
  readonly known?: Compiled | undefined;
  /** What is on record, where the caller knows. */
  readonly applied?: Applied | undefined;
  /** Read the sysctls inside the sandboxes too. */
  readonly thorough?: boolean;
  /** Undefined: the one that carries the policy, or else the default. */
  readonly backend?: Asked | undefined;
  /** It will be committed, most likely; whoever doesn't lets go of the approach. */
  readonly hurry?: boolean;
  /**
   * Called before anything begins that would be left behind by a process that is killed; with what may carry the rules. What
   * it returns ends tools under way.
   */
  readonly begins?: (carriers: readonly BackendName[]) => Ending;
  /** Others will follow by this process: what is known of sandboxes meanwhile. */
  readonly again?: KnownSandboxes | undefined;
  /** Find what differs by reading it all, and what was compiled before, where less would do for an apply. */
  readonly whole?: boolean;
  /** Do without containers whose adopted namespace is gone: it is to be in force as far as it can be. */
  readonly partly?: boolean;
}

/** Changes nothing. Throws `Obstacle`, `Inexpressible` or `MissingTool` where something is in the way of an apply. */
export async function survey(compiled: Compiled, options: SurveyOptions = {}): Promise<Survey> {
  const { policy } = compiled;
  const planned = planTopology(policy);
  const applied = options.applied ?? readApplied(policy.name);
  const carrier = applied && backendOf(applied);
  const choice = options.backend === AUTO ? await chooseBackend(policy, { applied }) : undefined;
  const named = options.backend === AUTO ? undefined : options.backend;
  const backend = await backendNamed(choice?.backend ?? named ?? carrier ?? "nft");
  const obstacle = backend.inexpressible(policy);
  if (obstacle !== undefined) throw obstacle;
  await backend.require();
  // Before one of this command's own begins.
  const journal = readJournal();
  const left = journal?.policy === policy.name ? journal : undefined;
  const former = await formerOf(left, carrier, backend);
  for (const one of former) await one.requireRemoval();
  // Compiling is pure: the same texts need it once.
  const compiledBefore = [compiled, options.known].find((one) => one !== undefined && isRecorded(one, applied));
  const quick = options.whole !== true && compiledBefore !== compiled && applied !== undefined;
  const edit = quick ? plainEdit(compiled, applied) : undefined;
  // What isn't a plain rule is the same then, and nobody asks for more.
  const before = applied && (compiledBefore ?? (edit === undefined ? recompile(applied) : compiled));
  const textsOf = (files: Applied["files"]): string[] => [...files.map(({ name }) => name), digestTexts({ files })];
  const last = edit && applied && { texts: textsOf(applied.files), edit };
  const { hurry = false } = options;
  const again = options.again !== undefined;
  const known = carrier === backend.name ? applied?.committed : undefined;
  const carriers = [backend, ...former].map(({ name }) => name);
  const ending = hurry && backend.beginsAhead === true ? options.begins?.(carriers) : undefined;
  const source = { texts: textsOf(compiled.files), last, hurry, again, ending };
  const approaching = options.rules === false ? undefined : backend.approach(policy, known, source);
  // It is waited for below, whatever comes before.
  approaching?.catch(() => undefined);
  try {
    // First the rules are planned: tools that have begun with them are at it while the network is read.
    await new Promise(setImmediate);
    const reading = {
      before: before && planTopology(before.policy),
      settings: options.thorough === true,
      cutOff: left !== undefined,
      known: options.again,
    };
    const actual = await readTopology(planned, reading);
    const { topology, gone } = options.partly === true ? withoutGone(planned, actual) : { topology: planned, gone: [] };
    const rules = await approaching;
    const difference = differ(topology, actual);
    refuse(difference);
    if (rules?.conflict !== undefined) throw new Obstacle(rules.conflict.message, rules.conflict.mend);
    await holderOfPorts(policy, before?.policy);
    return { topology, applied, before, backend, former, choice, rules, actual, difference, edit, gone };
  } catch (error) {
    const rules = await approaching?.catch(() => undefined);
    await rules?.abandon?.();
    throw error;
  }
}

/** What carries rules of the policy on record, and what a killed command may have left, but for this one. */
function formerOf(left: Journal | undefined, carrier: BackendName | undefined, backend: Backend): Promise<Backend[]> {
  const names = new Set([...(carrier === undefined ? [] : [carrier]), ...(left?.carriers ?? [])]);
  names.delete(backend.name);
  return Promise.all([...names].map(backendNamed));
}

function refuse(difference: Difference): void {
  const [first, ...others] = difference.conflicts;
  if (first === undefined) return;
  const more = others.map((conflict) => `\n       also: ${conflict.message}`).join("");
  throw new Obstacle(`${first.message}${first.from === undefined ? "" : ` (${first.from})`}${more}`, first.mend);
}
