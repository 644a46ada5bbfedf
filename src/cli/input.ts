/** Reads policy files from the command line. */
import { resolve } from "node:path";
import { type Compiled, compileFiles } from "../ir/compile.js";
import type { LintOptions } from "../ir/lint.js";
import { identify, readRegular, readText } from "../text/files.js";
import { SourceFile } from "../text/source.js";
import { Unreadable } from "../text/unreadable.js";
import { EXIT, Failure } from "./exit.js";
import { answersPrograms, diagnosticsJson, printDiagnostics, printJson, shown } from "./output.js";

/** The named files, each once, by the name that it has first. Exit 2 where one can't be read. */
export function readFiles(paths: readonly string[]): SourceFile[] {
  const names = new Map<string, string>();
  for (const path of paths) {
    const id = path === "-" ? path : identify(resolve(path));
    if (!names.has(id)) names.set(id, path);
  }
  return [...names.values()].map((path) => {
    try {
      return new SourceFile(path, readText(path));
    } catch (error) {
      const mend = error instanceof Unreadable ? error.mend : undefined;
      const name = path === "-" ? "standard input" : shown(path);
      throw new Failure(EXIT.usage, `can't read ${name}: ${(error as Error).message}`, mend);
    }
  });
}

const FAULTY = "the policy has errors; nothing was changed";

/** Reads and compiles files. With `--json` the caller prints the diagnostics itself. */
export function compilePaths(paths: readonly string[], options: LintOptions = {}): Compiled {
  return compileFiles(readFiles(paths), readRegular, { ...options, identify });
}

/**
 * Compiles, prints the diagnostics for people, and stops with exit 1 on an error. A program that asked for JSON gets
 * `{ diagnostics }` then, from every command.
 */
export function compileOrFail(paths: readonly string[], quiet = false): Compiled {
  const compiled = compilePaths(paths);
  if (compiled.failed && answersPrograms()) {
    printJson({ diagnostics: diagnosticsJson(compiled.diagnostics) });
    throw new Failure(EXIT.policy, FAULTY);
  }
  const shown = quiet ? compiled.diagnostics.filter((d) => d.severity === "error") : compiled.diagnostics;
  printDiagnostics(shown);
  if (compiled.failed) throw new Failure(EXIT.policy, FAULTY);
  return compiled;
}
