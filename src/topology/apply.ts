/**
 * Makes a topology so, in three phases around the commit of the rules:
 *
 *     const difference = differ(planTopology(policy), await readTopology(topology));
 *     const undo = await prepare(difference);      // everything is there, and down
 *     … commit the rules; on failure: await undo() …
 *     const undoRaise = await raise(difference);   // links up, routes, neighbours
 *     const left = await retire(difference);       // what went away for good
 *
 * A phase that fails undoes what it did itself before it throws; `undo` takes a finished one back.
 */
import { existsSync, rmdirSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { attempt } from "../system/attempt.js";
import { writeWhole } from "../system/files.js";
import { ipBatch, ipBatchForced, IpFailed } from "../system/ip.js";
import { createNetns, ownNetns, removeNetns } from "../system/netns.js";
import { settle } from "../system/settle.js";
import { readSysctl, writeSysctl, writeSysctlsIn } from "../system/sysctl.js";
import type { Difference } from "./difference.js";
import { HERE } from "./lines.js";
import { makeShare, removeShare } from "./share-directory.js";
import { deleteLinks } from "./unlink.js";
import type { Sysctl } from "./topology.js";
import { type Change, PREPARE, RAISE, type Stage, type Work } from "./work.js";

/** Takes a phase back. Goes on where something fails, and returns what couldn't be undone, a sentence each. */
export type Undo = () => Promise<string[]>;

const nothing: Undo = () => Promise.resolve([]);

/**
 * Throws when there are conflicts: the caller reports them before it changes anything. `back`: done when this is taken
 * back and the devices that were there are there again, before a packet passes them.
 */
export async function prepare(difference: Difference, back: Undo = nothing): Promise<Undo> {
  const [conflict] = difference.conflicts;
  if (conflict !== undefined) throw new Error(conflict.message);
  return phase(difference.changes, PREPARE, back);
}

/** What couldn't be done in sandboxes that the policy had before, and which. */
export interface Withstood {
  readonly places: ReadonlySet<string>;
  /** A sentence each. */
  readonly problems: readonly string[];
}

/**
 * What runs in a sandbox has a say in the network there, by rules of its own routing, say. That mustn't keep a policy from
 * being in force everywhere else: where `had` says that the policy had a sandbox before, a line that fails in it is told
 * and left, and the next apply tries again. What is new to the policy is refused instead.
 */
export async function raise(
  difference: Difference,
  had: (path: string) => boolean,
): Promise<{ undo: Undo; withstood: Withstood }> {
  const places = new Set<string>();
  const problems: string[] = [];
  const lenient = (place: string, error: IpFailed): boolean => {
    if (!places.has(place) && !had(place)) return false;
    places.add(place);
    problems.push(
      `${error.message}; all else is in force. What runs in there has changed its network: see \`ip rule\` inside`,
    );
    return true;
  };
  const undo = await phase(difference.changes, RAISE, nothing, lenient);
  return { undo, withstood: { places, problems } };
}

/**
 * Takes away namespaces, bridges and files that the policy no longer has. The new policy is in force by now, so a
 * failure undoes nothing: what couldn't be removed is returned, a sentence each, and the next apply tries again.
 */
export async function retire(difference: Difference): Promise<string[]> {
  const works = difference.changes.flatMap((change) => change.works.filter((work) => work.stage === "retire"));
  const problems: string[] = [];
  for (const kind of ["delete", "netns", "file", "directory"] as const) {
    const done: Work[] = [];
    const part = works.filter((work) => work.kind === kind);
    await doTogether(part, done).catch((error: unknown) => problems.push(String((error as Error).message)));
  }
  return problems;
}

/** Whether a line's failure in a sandbox is to be gone on from. */
type Lenient = (place: string, error: IpFailed) => boolean;

async function phase(
  changes: readonly Change[],
  stages: readonly Stage[],
  back: Undo = nothing,
  lenient?: Lenient,
): Promise<Undo> {
  const done: Work[] = [];
  const undo = () => takeBack(changes, done, stages, back);
  try {
    await doStages(
      changes.flatMap((change) => change.works),
      stages,
      done,
      lenient,
    );
  } catch (error) {
    const left = await undo();
    if (left.length > 0 && error instanceof Error) error.message += `; and undoing it failed: ${left.join("; ")}`;
    throw error;
  }
  return undo;
}

async function doStages(
  works: readonly Work[],
  stages: readonly Stage[],
  done: Work[],
  lenient?: Lenient,
): Promise<void> {
  for (const stage of stages) {
    await doTogether(
      works.filter((work) => work.stage === stage),
      done,
      lenient,
    );
  }
}

// Doing --------------------------------------------------------------------------------------------------------------

type Of<K extends Work["kind"]> = Extract<Work, { kind: K }>;

/** Does the work of one stage at once. What was done is added to `done` even when something throws. */
async function doTogether(works: readonly Work[], done: Work[], lenient?: Lenient): Promise<void> {
  const jobs: Promise<void>[] = [];
  for (const [place, batch] of byPlace(ofKind(works, "ip"))) jobs.push(doLines(place, batch, done, lenient));
  const sysctls = ofKind(works, "sysctl");
  jobs.push(doSysctls(inSandboxes(sysctls), done));
  jobs.push(Promise.resolve(onHost(sysctls)).then((own) => doHostSysctls(own, done)));
  const deleted = ofKind(works, "delete");
  if (deleted.length > 0) jobs.push(deleteLinks(deleted.map(({ device }) => device)).then(() => append(done, deleted)));
  for (const work of ofKind(works, "netns")) {
    if (work.verb === "add") jobs.push(createNetns(work.path).then(() => void done.push(work)));
  }
  const removed = ofKind(works, "netns").filter((work) => work.verb === "remove");
  if (removed.length > 0) jobs.push(removeNamespaces(removed));
  jobs.push(doFiles(ofKind(works, "file"), done), doDirectories(ofKind(works, "directory"), done));
  await settle(jobs);
}

async function doLines(
  place: string | undefined,
  works: readonly Of<"ip">[],
  done: Work[],
  lenient?: Lenient,
): Promise<void> {
  const here = ownNetns();
  try {
    await ipBatch(
      place,
      works.map(({ line }) => line.map((word) => (word === HERE ? here : word))),
    );
  } catch (error) {
    // Without a place any line may have been done, and undoing one that wasn't only fails.
    append(done, error instanceof IpFailed ? works.slice(0, error.index) : works);
    if (!(error instanceof IpFailed) || place === undefined || lenient?.(place, error) !== true) throw error;
    return doLines(place, works.slice(error.index + 1), done, lenient);
  }
  append(done, works);
}

function doHostSysctls(works: readonly Of<"sysctl">[], done: Work[]): void {
  for (const work of works) {
    const { path, value } = work.sysctl;
    if (writeSysctl(path, value) !== undefined) done.push(work);
    else if (!work.sysctl.optional) throw new Error(`there is no sysctl net/${path} to set to ${value}`);
  }
}

/** Most sandboxes want the same: those are served together. */
async function doSysctls(works: readonly Of<"sysctl">[], done: Work[]): Promise<void> {
  append(done, works);
  const known = new Map<string, boolean>();
  const groups = new Map<string, { places: string[]; sysctls: Sysctl[] }>();
  for (const [place, batch] of byPlace(works)) {
    const sysctls = batch.map((work) => work.sysctl).filter(({ path, optional }) => !optional || isKnown(path, known));
    const key = JSON.stringify(sysctls);
    const group = groups.get(key) ?? { places: [], sysctls };
    groups.set(key, group);
    if (place !== undefined) group.places.push(place);
  }
  await settle([...groups.values()].map(({ places, sysctls }) => writeSysctlsIn(places, sysctls)));
}

/** Whether this kernel has such a sysctl of a device; lo, which is everywhere, stands for the device. */
function isKnown(path: string, known: Map<string, boolean>): boolean {
  const onLoopback = path.replace(/^(ipv[46]\/conf\/)[^/]+/, "$1lo");
  const answer = known.get(onLoopback) ?? readSysctl(onLoopback) !== undefined;
  known.set(onLoopback, answer);
  return answer;
}

/** Asynchronous, so that a failure is one among those of the other jobs. */
async function doFiles(works: readonly Of<"file">[], done: Work[]): Promise<void> {
  for (const work of works) {
    doFile(work.path, work.text);
    done.push(work);
  }
  return Promise.resolve();
}

async function doDirectories(works: readonly Of<"directory">[], done: Work[]): Promise<void> {
  for (const work of works) {
    if (work.verb === "add") makeShare(work.path);
    else removeShare(work.path);
    done.push(work);
  }
  return Promise.resolve();
}

/** `undefined`: removes it, and its directory if that is empty. Written beside and renamed, so never half there. */
function doFile(path: string, text: string | undefined): void {
  attempt(`file ${path}`);
  if (text === undefined) {
    ignoring(["ENOENT"], () => unlinkSync(path));
    removeEmpty(dirname(path));
    return;
  }
  // A sandbox may have the file mounted over its /etc/hosts, which follows the file and not its name.
  if (existsSync(path)) return writeFileSync(path, text);
  writeWhole(path, text, 0o644);
}

async function removeNamespaces(works: readonly Of<"netns">[]): Promise<void> {
  await removeNetns(...works.map((work) => work.path));
  for (const directory of new Set(works.map((work) => dirname(work.path)))) removeEmpty(directory);
}

function removeEmpty(directory: string): void {
  ignoring(["ENOTEMPTY", "ENOENT", "EEXIST", "EBUSY"], () => rmdirSync(directory));
}

function ignoring(codes: readonly string[], work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!codes.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

// Undoing ------------------------------------------------------------------------------------------------------------

async function takeBack(
  changes: readonly Change[],
  done: readonly Work[],
  stages: readonly Stage[],
  back: Undo,
): Promise<string[]> {
  const problems: string[] = [];
  for (const stage of [...stages].reverse()) {
    const works = done.filter((work) => work.stage === stage).reverse();
    problems.push(...(await undoTogether(works)));
  }
  // Devices that were removed come back last, when their names are free.
  const gone = new Set(done);
  const restore = changes.flatMap((change) =>
    change.restore.length > 0 && change.works.some((work) => work.stage === "unlink" && gone.has(work))
      ? change.restore
      : [],
  );
  const failed = (error: unknown): void => void problems.push(String((error as Error).message));
  await doStages(restore, PREPARE, []).catch(failed);
  problems.push(...(await back()));
  await doStages(restore, RAISE, []).catch(failed);
  return problems;
}

async function undoTogether(works: readonly Work[]): Promise<string[]> {
  const jobs: Promise<string | void>[] = [];
  for (const [place, batch] of byPlace(ofKind(works, "ip"))) {
    const undos = batch.flatMap((work) => work.undo);
    jobs.push(ipBatchForced(place, undos));
  }
  for (const [place, batch] of byPlace(ofKind(works, "sysctl"))) jobs.push(undoSysctls(place, batch));
  for (const work of ofKind(works, "netns")) {
    if (work.verb === "add") jobs.push(removeNamespaces([work]));
  }
  for (const work of ofKind(works, "file"))
    jobs.push(Promise.resolve(work).then(({ path, before }) => doFile(path, before)));
  for (const work of ofKind(works, "directory"))
    if (work.verb === "add") jobs.push(Promise.resolve(work).then(({ path }) => removeShare(path)));
  const results = await Promise.allSettled(jobs);
  return results
    .map((result) => (result.status === "fulfilled" ? (result.value ?? "") : String((result.reason as Error).message)))
    .map((text) => text.trim())
    .filter((text) => text !== "");
}

async function undoSysctls(place: string | undefined, works: readonly Of<"sysctl">[]): Promise<void> {
  const old = works.flatMap(({ sysctl, before }) =>
    before === undefined ? [] : [{ path: sysctl.path, value: before }],
  );
  if (place !== undefined) await writeSysctlsIn([place], old);
  else for (const { path, value } of old) writeSysctl(path, value);
}

/** `push(...more)` has its arguments on the stack, which holds some hundred thousand. */
function append(done: Work[], more: readonly Work[]): void {
  for (const work of more) done.push(work);
}

// Grouping -----------------------------------------------------------------------------------------------------------

function ofKind<K extends Work["kind"]>(works: readonly Work[], kind: K): Of<K>[] {
  return works.filter((work): work is Of<K> => work.kind === kind);
}

function onHost<W extends { readonly place: string | undefined }>(works: readonly W[]): W[] {
  return works.filter((work) => work.place === undefined);
}

function inSandboxes<W extends { readonly place: string | undefined }>(works: readonly W[]): W[] {
  return works.filter((work) => work.place !== undefined);
}

function byPlace<W extends { readonly place: string | undefined }>(works: readonly W[]): Map<string | undefined, W[]> {
  const places = new Map<string | undefined, W[]>();
  for (const work of works) {
    const batch = places.get(work.place);
    if (batch === undefined) places.set(work.place, [work]);
    else batch.push(work);
  }
  return places;
}
