/**
 * What was applied, beside the kernel state that it made: /run is cleared with the kernel at a reboot. The texts are
 * kept, not what was compiled from them: compiling is pure, so they give the policy back whole.
 */
import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { Committed } from "../backend/nftables/apply.js";
import { type Compiled, compileFiles } from "../ir/compile.js";
import { removeFile, writeWhole } from "../system/files.js";
import { SourceFile } from "../text/source.js";
import type { CutFlow } from "./connections.js";
import { Obstacle } from "./obstacle.js";
import { component, NETNS_ROOT, POLICIES_ROOT, policyDirectory, policyNetnsDirectory } from "../topology/names.js";

const ROOT = "/run/tsnet/applied";
const VERSION = 2;

export interface Applied {
  readonly version: number;
  readonly policy: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** How many of the files were named on the command line; the others were included. */
  readonly roots: readonly string[];
  /** How the rules stood after the commit. */
  readonly committed: Committed;
  /** UDP flows that were cut not long ago. */
  readonly cut: readonly CutFlow[];
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

export function isApplied(policy: string): boolean {
  return existsSync(pathOf(policy));
}

/** Every applied policy, by name. */
export function allApplied(): Applied[] {
  return appliedComponents()
    .flatMap((name) => readFile(join(ROOT, `${name}.json`)) ?? [])
    .sort((a, b) => (a.policy < b.policy ? -1 : 1));
}

/** Names of the applied policies, each as a path component. */
export function appliedComponents(): string[] {
  try {
    return readdirSync(ROOT).flatMap((name) => (name.endsWith(".json") ? [name.slice(0, -".json".length)] : []));
  } catch {
    return [];
  }
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

export function writeApplied(compiled: Compiled, committed: Committed, cut: readonly CutFlow[]): void {
  const applied: Applied = {
    version: VERSION,
    policy: compiled.policy.name,
    at: new Date().toISOString(),
    files: compiled.files.map((file) => ({ name: file.name, text: file.text })),
    roots: compiled.roots,
    committed: { digest: committed.digest, generation: committed.generation },
    cut,
  };
  rewriteApplied(applied);
}

/** A record as it was. */
export function rewriteApplied(applied: Applied): void {
  writeWhole(pathOf(applied.policy), JSON.stringify(applied));
}

export function forgetApplied(policy: string): void {
  removeFile(pathOf(policy));
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
