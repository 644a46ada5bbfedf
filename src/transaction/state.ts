/**
 * What was applied, beside the kernel state that it made: /run is cleared with the kernel at a reboot. The texts are
 * kept, not what was compiled from them: compiling is pure, so they give the policy back whole.
 */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmdirSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { BackendName, Committed } from "../backend/backend.js";
import { type Compiled, compileFiles } from "../ir/compile.js";
import { attempt } from "../system/attempt.js";
import { removeFile, textAt, unlink, writeWhole } from "../system/files.js";
import { Diagnostics } from "../text/diagnostic.js";
import { SourceFile } from "../text/source.js";
import { timestamp } from "../text/clock.js";
import type { CutFlow } from "./connections.js";
import { applyEdits, type Update } from "./edits.js";
import { digestTexts, knowDigest, type Texts } from "./history.js";
import { Obstacle } from "./obstacle.js";
import { readRecord, recordBytes } from "./record-text.js";
import { component, NETNS_ROOT, POLICIES_ROOT, policyDirectory, policyNetnsDirectory } from "../topology/names.js";

const ROOT = "/run/tsnet/applied";
const VERSION = 2;
const SUFFIX = ".record";

export interface Applied {
  readonly version: number;
  readonly policy: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** How many of the files were named on the command line; the others were included. */
  readonly roots: readonly string[];
  /** What carries it; of records from before there was a choice, undefined. */
  readonly backend?: BackendName;
  /** How the rules stood after the commit. */
  readonly committed: Committed;
  /** UDP flows that were cut not long ago. */
  readonly cut: readonly CutFlow[];
}

/** A part of a file's text that is another: what the files of an applied policy and of an edited one differ by. */
export interface Splice {
  /** The file's position. */
  readonly file: number;
  /** Of the part that goes: from `start` to before `end`. */
  readonly start: number;
  readonly end: number;
  /** What stands in its place. */
  readonly text: string;
}

/** What a program edited since the record was written: one line of JSON each. */
export interface EditLine extends Update {
  readonly splice?: Splice;
  /** How the rules stood after it; of updates, which are sent piece by piece, no digest of the whole. */
  readonly digest?: string;
  readonly generation: number;
}

/** Undefined when the policy isn't applied, or by a version of tsnet that wrote something else. */
export function readApplied(policy: string): Applied | undefined {
  return readFile(pathOf(policy));
}

function pathOf(policy: string): string {
  return join(ROOT, `${component(policy)}.record`);
}

/** The record that was read last, and what its files were then: an apply asks for it more than once. */
let latest: { readonly stamp: string; readonly applied: Applied | undefined } | undefined;

/** The states of a record's files: another one, or the same with other content, has another. */
function stampOfFiles(record: string): string {
  const stamps = [record, record.replace(/record$/, "edits")].map((path) => {
    const { ino, mtimeNs, size } = statSync(path, { bigint: true, throwIfNoEntry: false }) ?? {};
    return `${path} ${ino} ${mtimeNs} ${size}`;
  });
  return stamps.join(" ");
}

function readFile(path: string): Applied | undefined {
  const stamp = stampOfFiles(path);
  if (latest?.stamp === stamp) return latest.applied;
  const applied = parsed(path);
  latest = { stamp, applied };
  return applied;
}

function parsed(path: string): Applied | undefined {
  try {
    const { digest, ...applied } = readRecord<Applied & { readonly digest?: string }>(readFileSync(path));
    if (typeof digest === "string") knowDigest(applied.files, digest);
    return applied.version === VERSION ? edited(applied) : undefined;
  } catch (error) {
    // A policy may hold secrets in `env`: the record is root's, and who can't read it must not hear "nothing is live".
    if ((error as NodeJS.ErrnoException).code === "EACCES") throw error;
    return undefined;
  }
}

/** Edits are of the one record that their first line names: a later record holds them. */
function edited(applied: Applied): Applied {
  const text = textAt(editsPath(applied.policy));
  if (text === undefined) return applied;
  // A line that a kill cut off is none.
  const [head, ...lines] = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  if (head !== baseOf(applied)) return applied;
  const edits = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as EditLine);
  const last = edits.at(-1);
  if (last === undefined) return applied;
  const committed = { digest: last.digest ?? "", generation: last.generation };
  const result = { ...applied, files: afterEdits(applied, edits), committed };
  beside.add(result);
  return result;
}

/** Records that are what they are only by the edits beside them. */
const beside = new WeakSet<Applied>();

export function hasEdits(applied: Applied): boolean {
  return beside.has(applied);
}

/** Splices and updates in their order; updates that follow each other at once. */
function afterEdits({ files: before, roots }: Texts, edits: readonly EditLine[]): Texts["files"] {
  let files = before;
  for (let i = 0; i < edits.length;) {
    const { splice } = edits[i] as EditLine;
    if (splice !== undefined) {
      files = files.map((file, k) => (k === splice.file ? { ...file, text: spliced(file.text, splice) } : file));
      i++;
      continue;
    }
    let end = i;
    while (end < edits.length && edits[end]?.splice === undefined) end++;
    ({ files } = applyEdits({ files, roots }, edits.slice(i, end), new Diagnostics()));
    i = end;
  }
  return files;
}

function spliced(whole: string, { start, end, text }: Splice): string {
  return whole.slice(0, start) + text + whole.slice(end);
}

/** Where edits are noted beside the record. */
export const editsPath = (policy: string): string => join(ROOT, `${component(policy)}.edits`);

const baseOf = ({ at, committed }: Applied): string => `${at} ${committed.generation ?? 0}`;

/** How often this process has taken a policy's edits away; only who holds the lock does, so nobody else has meanwhile. */
const taken = new Map<string, number>();

function takeEdits(policy: string): void {
  unlink(editsPath(policy));
  taken.set(policy, (taken.get(policy) ?? 0) + 1);
}

/** Notes edits beside a policy's record, which stays as it is. */
export class EditLog {
  private readonly fd: number;
  private readonly policy: string;
  private readonly since: number | undefined;

  /** Throws what node:fs throws. */
  constructor(applied: Applied) {
    const path = editsPath(applied.policy);
    attempt(`write ${path}`);
    this.policy = applied.policy;
    this.since = taken.get(applied.policy);
    this.fd = openSync(path, "w", 0o600);
    writeSync(this.fd, `${baseOf(applied)}\n`);
  }

  append(line: EditLine): void {
    attempt("write an edit");
    writeSync(this.fd, `${JSON.stringify(line)}\n`);
  }

  /** False once a record that was written anew has taken it away. */
  isThere(): boolean {
    return this.since === taken.get(this.policy);
  }

  close(): void {
    closeSync(this.fd);
  }
}

export function isApplied(policy: string): boolean {
  return existsSync(pathOf(policy));
}

/** Every applied policy, by name. */
export function allApplied(): Applied[] {
  return appliedComponents()
    .flatMap((name) => readFile(join(ROOT, `${name}.record`)) ?? [])
    .sort((a, b) => (a.policy < b.policy ? -1 : 1));
}

/** The applied policies but one. */
export function otherApplied(policy: string): Applied[] {
  const own = component(policy);
  return appliedComponents().flatMap((name) => (name === own ? [] : (readFile(join(ROOT, `${name}.record`)) ?? [])));
}

/** Names of the applied policies, each as a path component. */
export function appliedComponents(): string[] {
  try {
    return readdirSync(ROOT).flatMap((name) => (name.endsWith(SUFFIX) ? [name.slice(0, -SUFFIX.length)] : []));
  } catch {
    return [];
  }
}

/** The states of a policy's record and of the edits beside it; undefined where there is no record. */
export function stampOf(policy: string): string | undefined {
  return existsSync(pathOf(policy)) ? stampOfFiles(pathOf(policy)) : undefined;
}

/** The same of all policies but one. */
export function stampOfOthers(policy: string): string {
  const own = component(policy);
  return appliedComponents()
    .map((name) => (name === own ? "" : stampOfFiles(join(ROOT, name + SUFFIX))))
    .join("\n");
}

/** The backend that carries what is on record. */
export function backendOf({ backend }: Pick<Applied, "backend">): BackendName {
  return backend ?? "nft";
}

/** Whether the record holds exactly these texts. */
export function isRecorded(compiled: Compiled, applied: Applied | undefined): boolean {
  const { files } = compiled;
  return (
    applied !== undefined &&
    applied.files.length === files.length &&
    applied.files.every((file, i) => file.name === files[i]?.name && file.text === files[i]?.text)
  );
}

export function writeApplied(
  compiled: Compiled,
  backend: BackendName,
  committed: Committed,
  cut: readonly CutFlow[],
): void {
  const applied: Applied = {
    version: VERSION,
    policy: compiled.policy.name,
    at: timestamp(),
    files: compiled.files.map((file) => ({ name: file.name, text: file.text })),
    roots: compiled.roots,
    backend,
    committed: { digest: committed.digest, generation: committed.generation },
    cut,
  };
  rewriteApplied(applied);
}

/** Works out what a record will hold, which takes time for large texts and changes nothing. */
export function prepareRecord({ files }: Pick<Compiled, "files">): void {
  const texts = { files: files.map(({ name, text }) => ({ name, text })) };
  recordBytes(texts);
  digestTexts(texts);
}

/** A record as it was. With it stands the digest of its texts: to read it is a tenth of what it takes to work it out. */
export function rewriteApplied(applied: Applied): void {
  writeWhole(pathOf(applied.policy), recordBytes({ ...applied, digest: digestTexts(applied) }));
  takeEdits(applied.policy);
}

export function forgetApplied(policy: string): void {
  removeFile(pathOf(policy));
  takeEdits(policy);
}

/** Takes away directories that a policy has left empty, and ours above them. */
export function tidyDirectories(policy: string): void {
  const directories = [policyNetnsDirectory(policy), policyDirectory(policy), NETNS_ROOT, POLICIES_ROOT];
  // Where its record is.
  if (!existsSync(pathOf(policy))) directories.push(ROOT, "/run/tsnet");
  for (const directory of directories)
    try {
      // Mostly it holds something, and an error takes longer to make than the question.
      if (readdirSync(directory).length === 0) rmdirSync(directory);
    } catch {
      // It isn't there, or somebody puts something into it.
    }
}

/** Compiles what was applied; includes come from the texts that were kept. */
export function recompile(applied: Pick<Applied, "files" | "roots">): Compiled {
  const texts = new Map(applied.files.map((file) => [file.name, file.text]));
  const roots = applied.files.filter((file) => applied.roots.includes(file.name));
  return compileFiles(
    roots.map((file) => new SourceFile(file.name, file.text)),
    (path) => {
      const text = texts.get(path);
      if (text === undefined) throw new Error("it was not kept");
      return text;
    },
  );
}

/** As `recompile`. Throws where this version of tsnet finds an error in what an earlier one applied. */
export function recompileKept(texts: Pick<Applied, "files" | "roots">): Compiled {
  const compiled = recompile(texts);
  const wrong = compiled.diagnostics.find(({ severity }) => severity === "error");
  if (wrong === undefined) return compiled;
  throw new Obstacle(`this version of tsnet finds an error in it: ${wrong.message}`, "apply a corrected policy");
}
