/**
 * What was applied, beside the kernel state that it made: /run is cleared with the kernel at a reboot. The texts are
 * kept, not what was compiled from them: compiling is pure, so they give the policy back whole.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Compiled, compileFiles } from "../ir/compile.js";
import { SourceFile } from "../text/source.js";
import type { CutFlow } from "./connections.js";
import { component, NETNS_ROOT, POLICIES_ROOT, policyDirectory, policyNetnsDirectory } from "../topology/names.js";

const ROOT = "/run/tsnet/applied";
const VERSION = 1;

export interface Applied {
  readonly version: number;
  readonly policy: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** How many of the files were named on the command line; the others were included. */
  readonly roots: readonly string[];
  /** Digest of the ruleset's text. */
  readonly ruleset: string;
  /** UDP flows that were cut not long ago. */
  readonly cut: readonly CutFlow[];
}

export function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Undefined when the policy isn't applied, or by a version of tsnet that wrote something else. */
export function readApplied(policy: string): Applied | undefined {
  return readFile(pathOf(policy));
}

function pathOf(policy: string): string {
  return join(ROOT, `${component(policy)}.json`);
}

function readFile(path: string): Applied | undefined {
  try {
    const applied = JSON.parse(readFileSync(path, "utf8")) as Applied;
    return applied.version === VERSION ? applied : undefined;
  } catch (error) {
    // A policy may hold secrets in `env`: the record is root's, and who can't read it must not hear "nothing is live".
    if ((error as NodeJS.ErrnoException).code === "EACCES") throw error;
    return undefined;
  }
}

/** Every applied policy, by name. */
export function allApplied(): Applied[] {
  let names: string[];
  try {
    names = readdirSync(ROOT);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith(".json"))
    .flatMap((name) => readFile(join(ROOT, name)) ?? [])
    .sort((a, b) => (a.policy < b.policy ? -1 : 1));
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

export function writeApplied(compiled: Compiled, ruleset: string, cut: readonly CutFlow[]): void {
  const applied: Applied = {
    version: VERSION,
    policy: compiled.policy.name,
    at: new Date().toISOString(),
    files: compiled.files.map((file) => ({ name: file.name, text: file.text })),
    roots: compiled.roots,
    ruleset: digest(ruleset),
    cut,
  };
  mkdirSync(ROOT, { recursive: true, mode: 0o755 });
  const path = pathOf(applied.policy);
  writeFileSync(`${path}.new`, JSON.stringify(applied), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function forgetApplied(policy: string): void {
  rmSync(pathOf(policy), { force: true });
}

/** Takes away directories that a policy has left empty, and ours above them. */
export function tidyDirectories(policy: string): void {
  for (const directory of [
    policyNetnsDirectory(policy),
    policyDirectory(policy),
    NETNS_ROOT,
    POLICIES_ROOT,
    ROOT,
    "/run/tsnet",
  ])
    try {
      rmdirSync(directory);
    } catch {
      // It holds something, or isn't there.
    }
}

/** Compiles what was applied; includes come from the texts that were kept. */
export function recompile(applied: Applied): Compiled {
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
