/**
 * The last applied policies of this host, as their texts, each in a file of its own: NUMBER-HASH-POLICY.record.
 *
 * An entry is what was applied and stayed: what `--confirm` put on trial is one only once it is confirmed, and what a
 * trial went back to was one already. Applying the text of the newest entry again makes none.
 *
 * People count back from what is live, which is 0: 1 is the entry before it, whichever policies were applied between.
 * After a remove nothing is 0, and 1 is what was removed.
 */
import { beginDigest } from "../system/digest.js";
import { readdirSync, readFileSync } from "node:fs";
import type { BackendName } from "../backend/backend.js";
import { component } from "../topology/names.js";
import { unlink } from "../system/files.js";
import { linkSecret, saveSecret, STATE_ROOT } from "./files.js";
import { readRecord, recordBytes } from "./record-text.js";

const ROOT = `${STATE_ROOT}/history`;
/** Entries of a host. Of each live policy the last two stay in any case, so that there is a way back. */
const LIMIT = 16;
const VERSION = 1;

/** What a policy can be compiled from again. */
export interface Texts {
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** Names of those of the files that were given on the command line; the others were included. */
  readonly roots: readonly string[];
  /** What carried it; undefined: nftables. */
  readonly backend?: BackendName | undefined;
}

export interface Entry extends Texts {
  readonly version: number;
  readonly policy: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The user who applied it. */
  readonly by: string;
}

/** A short name for texts: 12 hexadecimal digits, whatever the files are called. */
export function hashTexts(texts: Pick<Texts, "files">): string {
  return digestTexts(texts).slice(0, 12);
}

/** SHA-256 of texts, whatever the files are called. */
export function digestTexts({ files }: Pick<Texts, "files">): string {
  let known = hashes.get(files);
  if (known === undefined) {
    known = hashed !== undefined && isSame(hashed.files, files) ? hashed.hash : hashOf(files);
    hashed = { files, hash: known };
    hashes.set(files, known);
  }
  return known;
}

/** These texts have this digest: whoever wrote them down has worked it out. */
export function knowDigest(files: Texts["files"], digest: string): void {
  hashes.set(files, digest);
}

function hashOf(files: Texts["files"]): string {
  const hash = beginDigest("sha256");
  for (const { text } of files) hash.update(`${Buffer.byteLength(text)}\n`).update(text);
  return hash.hex();
}

const hashes = new WeakMap<Texts["files"], string>();

// The last is known by what it is, not by the object: each record has an array of its own.
let hashed: { readonly files: Texts["files"]; readonly hash: string } | undefined;

function isSame(some: Texts["files"], others: Texts["files"]): boolean {
  return (
    some.length === others.length &&
    some.every(({ name, text }, i) => name === others[i]?.name && text === others[i]?.text)
  );
}

/** What an entry's file name tells. */
export interface EntryName {
  readonly file: string;
  readonly sequence: number;
  readonly hash: string;
  /** The policy's name as a path component. */
  readonly policy: string;
}

/** Undefined for files that are no entries. Pure. */
export function parseEntryName(file: string): EntryName | undefined {
  const parts = /^(\d{8,})-([0-9a-f]{12})-(.+)\.record$/.exec(file);
  if (parts === null) return undefined;
  const [, sequence = "", hash = "", policy = ""] = parts;
  return { file, sequence: Number(sequence), hash, policy };
}

/** Newest first. */
function names(): EntryName[] {
  let files: string[];
  try {
    files = readdirSync(ROOT);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return files.flatMap((file) => parseEntryName(file) ?? []).sort((a, b) => b.sequence - a.sequence);
}

/** Which entries to drop, given all of them, newest first, and the live policies as path components. Pure. */
export function superfluous(entries: readonly EntryName[], live: ReadonlySet<string>): EntryName[] {
  const seen = new Map<string, number>();
  return entries.filter(({ policy }, i) => {
    const before = seen.get(policy) ?? 0;
    seen.set(policy, before + 1);
    return i >= LIMIT && !(live.has(policy) && before < 2);
  });
}

/** The policy's entries, newest first; without a name those of every policy. */
export function readHistory(policy?: string): Entry[] {
  const wanted = policy === undefined ? undefined : component(policy);
  return names()
    .filter((name) => wanted === undefined || name.policy === wanted)
    .flatMap(({ file }) => readEntry(`${ROOT}/${file}`) ?? []);
}

function newestName(policy: string): EntryName | undefined {
  const wanted = component(policy);
  return names().find((name) => name.policy === wanted);
}

/** The hash of the policy's newest entry. */
export function newestHash(policy: string): string | undefined {
  return newestName(policy)?.hash;
}

export function newestEntry(policy: string): Entry | undefined {
  const name = newestName(policy);
  return name === undefined ? undefined : readEntry(`${ROOT}/${name.file}`);
}

/** Undefined for what was damaged, or written by another version of tsnet. */
export function readEntry(path: string): Entry | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const entry = readRecord<Entry>(bytes);
    return entry.version === VERSION ? entry : undefined;
  } catch {
    return undefined;
  }
}

export function makeEntry(policy: string, at: string, by: string, { files, roots, backend }: Texts): Entry {
  return {
    version: VERSION,
    policy,
    at,
    by,
    files: files.map(({ name, text }) => ({ name, text })),
    roots,
    ...(backend === undefined ? {} : { backend }),
  };
}

/**
 * Adds an entry; one with the same texts as the policy's newest takes its place. `live`: the live policies as path
 * components. `same`: a file that holds the same entry.
 */
export function addEntry(entry: Entry, live: readonly string[], durable: boolean, same?: string): void {
  const policy = component(entry.policy);
  const hash = hashTexts(entry);
  const all = names();
  const newest = all.find((name) => name.policy === policy);
  const sequence = (all[0]?.sequence ?? 0) + 1;
  const file = `${String(sequence).padStart(8, "0")}-${hash}-${policy}.record`;
  const path = `${ROOT}/${file}`;
  if (same === undefined || !linkSecret(same, path, durable)) saveSecret(path, recordBytes(entry), durable);
  const replaced = newest?.hash === hash ? [newest] : [];
  const rest = [{ file, sequence, hash, policy }, ...all.filter((name) => !replaced.includes(name))];
  const doomed = superfluous(rest, new Set([...live, policy]));
  for (const { file } of [...replaced, ...doomed]) unlink(`${ROOT}/${file}`);
}

/** An entry as people count. */
export interface Numbered {
  /** 0 is live; 1 is what `tsnet rollback` goes back to. */
  readonly n: number;
  readonly hash: string;
  readonly entry: Entry;
}

/** Numbers a policy's entries, newest first, from what is live. Pure. */
export function numbered(entries: readonly Entry[], live: Entry | undefined): Numbered[] {
  const liveHash = live === undefined ? undefined : hashTexts(live);
  const past = entries.map((entry) => ({ hash: hashTexts(entry), entry }));
  if (live === undefined || liveHash === undefined) return past.map((one, i) => ({ n: i + 1, ...one }));
  // The newest is the live one, unless it is on trial or its entry couldn't be written.
  const [first] = past;
  const known = first?.hash === liveHash ? past.slice(1) : past;
  const head = first?.hash === liveHash ? first : { hash: liveHash, entry: live };
  return [head, ...known].map((one, i) => ({ n: i, ...one }));
}
