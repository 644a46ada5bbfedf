/**
 * The transaction: rules, topology, sysctls and the record change together or not at all.
 *
 * A signal that would end the process is heeded between steps, and takes back what was done; see interruption.ts.
 *
 * Order: new devices are made down and devices that go away are gone before the rules change; then links come up. What
 * was made is read back. Up to the record every failure takes back what was done; what the new policy no longer has
 * goes last, when it is in force. The journal names each step before it begins, so that a kill leaves a trace.
 */
import type { Approach, Backend, Committed, Standing } from "../backend/backend.js";
import { backendNamed } from "../backend/registry.js";
import type { Compiled } from "../ir/compile.js";
import type { Policy } from "../ir/policy.js";
import { MissingTool } from "../system/run.js";
import { usesNetlink } from "../system/transport.js";
import { prepare, raise, retire, type Withstood } from "../topology/apply.js";
import type { Actual } from "../topology/actual.js";
import { differ, type Difference } from "../topology/difference.js";
import { readForwarding, requireForwarding, restoreForwarding } from "../topology/forwarding.js";
import { planTopology } from "../topology/plan.js";
import { readTopology } from "../topology/read.js";
import type { Topology } from "../topology/topology.js";
import { placesOf, type Work } from "../topology/work.js";
import type { Beside } from "./beside.js";
import { cutConnections, standingConnections } from "./connections.js";
import { beginJournal, endJournal, step } from "./journal.js";
import { withoutInterruption } from "./interruption.js";
import { Obstacle } from "./obstacle.js";
import { onlyAllowsMore, onlyPublishesMore, type PlainEdit } from "./plain-edit.js";
import {
  type Applied,
  backendOf,
  forgetApplied,
  isRecorded,
  prepareRecord,
  recompile,
  rewriteApplied,
  writeApplied,
} from "./state.js";

export interface Changes {
  readonly compiled: Compiled;
  readonly topology: Topology;
  /** The network as it was before. */
  readonly actual: Actual;
  readonly difference: Difference;
  /** What is to carry the rules, and others that carried them, or may have. */
  readonly backend: Backend;
  readonly former: readonly Backend[];
  /** Undefined: the network is built without its rules. */
  readonly rules: Approach | undefined;
  readonly rulesChanged: boolean;
  /** What was applied before, or what differs from it by plain rules only; and its record. */
  readonly before: Compiled | undefined;
  readonly applied: Applied | undefined;
  /** How the texts differ from those on record, where that is plain rules only, and where that may be noted. */
  readonly edit: PlainEdit | undefined;
  readonly beside: Beside | undefined;
  /** Whether to write the record. */
  readonly record: boolean;
}

/** Takes a step back; returns what couldn't be, a sentence each. */
type Undo = () => Promise<string[]> | string[];

/** Makes the changes, or throws and leaves what was there. Returns what couldn't be tidied up, a sentence each. */
export function commit(changes: Changes): Promise<string[]> {
  return withoutInterruption((heed) => commitUninterrupted(changes, heed));
}

/** `heed` throws where the process is to end. */
async function commitUninterrupted(changes: Changes, heed: () => Promise<void>): Promise<string[]> {
  // The last to be taken back: what the approach has begun.
  const undos: Undo[] = [
    async () => {
      await changes.rules?.abandon?.();
      return [];
    },
  ];
  beginJournal(
    changes.compiled.policy.name,
    "apply",
    [changes.backend, ...changes.former].map(({ name }) => name),
  );
  let problems: string[];
  try {
    problems = await make(changes, undos, heed);
  } catch (error) {
    const left = await takeBack(undos);
    if (left.length > 0) (error as Error).message += `; and taking back what was done failed: ${left.join("; ")}`;
    else endJournal();
    throw error;
  }
  step("retire");
  problems.push(...(await retire(changes.difference)));
  endJournal();
  return problems;
}

async function make(changes: Changes, undos: Undo[], heed: () => Promise<void>): Promise<string[]> {
  const { compiled, topology, difference, backend, former, rules, rulesChanged, before, applied } = changes;
  const { policy } = compiled;
  step("prepare");
  const takeRulesBack = (): Promise<string[]> => restoreRules(policy, backend, applied);
  // A device that was gone comes back bare: rules that hang on devices are put there before it is up.
  const onDevices = [backend, ...former].some(({ hangsOnDevices }) => hangsOnDevices === true);
  undos.push(await prepare(difference, onDevices ? () => takeBack([takeRulesBack]) : undefined));
  const undoRules = onDevices ? () => [] : takeRulesBack;
  let committed = rules?.now;
  const problems: string[] = [];
  const standing = async (): Promise<readonly Standing[]> => {
    try {
      return await standingConnections(policy);
    } catch (error) {
      if (!(error instanceof MissingTool)) throw error;
      problems.push(`connections that are open may be cut: ${error.message}`);
      return [];
    }
  };
  if (rules !== undefined && rulesChanged) {
    await heed();
    step("rules");
    undos.push(undoRules);
    committed = await rules.commit(() => prepareRecord(compiled), before === undefined ? undefined : standing);
  }
  await heed();
  step("raise");
  const { undo, withstood } = await raise(difference, (path) => hadSandbox(before, path));
  undos.push(undo);
  problems.push(...withstood.problems);
  await heed();
  step("forwarding");
  const forwarding = readForwarding();
  undos.push(() => restoreForwarding(forwarding));
  await requireForwarding(policy.name, topology.forwards);
  step("verify");
  const verified = await verify(changes, withstood);
  // The guard against strangers is a change of rules too, and comes after ours.
  if (committed !== undefined && verified !== undefined) committed = { ...committed, generation: verified };
  // From here on it goes through: connections that are cut stay so.
  await heed();
  let cut = applied?.cut ?? [];
  if ((rulesChanged && cut.length > 0) || mayCut(changes)) {
    step("cut");
    // Connections that are gone stay gone; but what the old rules allow isn't stopped.
    if (before !== undefined && former.length === 0)
      undos.push(async () => {
        await backend.stop(before.policy, applied?.cut ?? [], true);
        return [];
      });
    const done = await cutConnections(backend, policy, before?.policy, cut);
    cut = done.flows;
    problems.push(...done.problems);
  }
  // Both stand until here: a packet passes only where both let it.
  if (former.length > 0) {
    step("switch");
    undos.push(undoRules);
    for (const one of former) {
      await one.handOver?.(policy.name);
      await one.remove(policy.name, true);
    }
  }
  if (changes.record && committed !== undefined) {
    step("record");
    if (cut.length === 0 && noteEdit(changes, committed)) return problems;
    undos.push(() => {
      if (applied === undefined) forgetApplied(policy.name);
      else rewriteApplied(applied);
      return [];
    });
    writeApplied(compiled, backend.name, committed, cut);
  }
  return problems;
}

function hadSandbox(before: Compiled | undefined, path: string): boolean {
  return before !== undefined && planTopology(before.policy).sandboxes.some((sandbox) => sandbox.path === path);
}

/** Whether connections may have to be cut: what is denied now may be one's that is open. */
function mayCut({ rules, rulesChanged, compiled, before, applied, beside }: Changes): boolean {
  if (rules === undefined) return false;
  const { generation } = rules.now;
  const isAsRecorded = generation === undefined || generation === applied?.committed.generation;
  if (isAsRecorded && (!rulesChanged || rules.loosens)) return false;
  // Asked after the commit: what begins now has met the new rules.
  if (beside !== undefined && rules.tightened !== undefined) return beside.covers(rules.tightened);
  // Where somebody may have changed the kernel, its difference from the plan isn't that of the policies: what was looser
  // may have let connections in, and what was killed in an update may have tightened without cutting.
  const tightens = rulesChanged && !rules.loosens;
  if (isRecorded(compiled, applied)) return tightens;
  if (!isAsRecorded && tightens) return true;
  const [now, then] = [compiled.policy.containers, before?.policy.containers];
  if (applied === undefined || now.length !== then?.length) return true;
  // A statement more can name a container that no other one names.
  if (now.some(({ name }, i) => name !== then[i]?.name)) return true;
  return !onlyAllowsMore(compiled, applied) && !onlyPublishesMore(compiled, applied);
}

/** False where the record must be written anew. */
function noteEdit(changes: Changes, { digest, generation }: Committed): boolean {
  const { compiled, applied, edit, beside, backend, former } = changes;
  if (applied === undefined || edit === undefined || beside === undefined || former.length > 0) return false;
  if (generation === undefined || applied.cut.length > 0 || backendOf(applied) !== backend.name) return false;
  try {
    const files = compiled.files.map(({ name, text }) => ({ name, text }));
    const after = { ...applied, files, roots: compiled.roots, committed: { digest, generation } };
    return beside.note(applied, { splice: edit.splice, digest, generation }, after);
  } catch {
    // Writing it anew says what is wrong, and goes back where that fails too.
    return false;
  }
}

/** Goes on where something fails. */
async function takeBack(undos: readonly Undo[]): Promise<string[]> {
  const left: string[] = [];
  for (const undo of [...undos].reverse())
    try {
      left.push(...(await undo()));
    } catch (error) {
      left.push(String((error as Error).message));
    }
  return left;
}

/** The rules of the policy that stood before, or none. */
async function restoreRules(policy: Policy, backend: Backend, applied: Applied | undefined): Promise<string[]> {
  if (applied !== undefined) {
    const former = await backendNamed(backendOf(applied));
    const old = await former.approach(recompile(applied).policy, undefined);
    if (old.standing !== "equal") await old.commit();
    if (former.name === backend.name) return [];
  }
  await backend.remove(policy.name, false);
  return [];
}

/**
 * Reads back what was made. Narrow, or it would cost as much as the making: our own tables and devices, by netlink, and
 * the sandboxes that something was done in.
 * Where the tools do the work, what they said of it has to do. Returns the rules' generation, where they were read.
 * Throws `Obstacle`.
 */
async function verify(changes: Changes, withstood: Withstood): Promise<number | undefined> {
  const { topology, rules, rulesChanged, difference } = changes;
  if (!usesNetlink()) return undefined;
  const generation = rulesChanged ? await rules?.verify() : undefined;
  if (difference.changes.length === 0) return generation;
  const works = difference.changes.flatMap((change) => change.works);
  const places = placesOf(works) ?? new Set(changes.actual.sandboxes.keys());
  const since = { actual: changes.actual, places, hosts: works.some(({ kind }) => kind === "file") };
  const actual = await readTopology(topology, { since, known: changes.beside?.sandboxes });
  const isKnown = (work: Work): boolean =>
    work.stage === "retire" || ("place" in work && work.place !== undefined && withstood.places.has(work.place));
  const left = differ(topology, actual).changes.find((change) => !change.works.every(isKnown));
  if (left !== undefined)
    throw new Obstacle(
      `the network isn't as it was made: to do is still: ${left.text}`,
      "something else changes it at the same time; look for what manages devices on this host, and apply again",
    );
  return generation;
}
