/** Reads policy files from the command line. */
import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { type Compiled, compileFiles } from "../ir/compile.js";
import type { LintOptions } from "../ir/lint.js";
import { SourceFile } from "../text/source.js";
import { EXIT, Failure } from "./exit.js";
import { answersPrograms, diagnosticsJson, printDiagnostics, printJson, shown } from "./output.js";

/** Names, not codes: `ENOENT` means nothing to most people. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of the path is no directory",
  ELOOP: "too many symbolic links",
};

/** Why a file can't be read or written. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ""] ?? message;
}

/** Reads a file as UTF-8; throws an error that says why it can't. `-` is standard input. */
export function readText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path === "-" ? 0 : path);
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error });
  }
  // What TextDecoder would do, without loading it.
  if (!isUtf8(bytes)) throw new Error("it is not UTF-8 text");
  return bytes.toString();
}

/** The named files, each once. Exit 2 where one can't be read. */
export function readFiles(paths: readonly string[]): SourceFile[] {
  return [...new Set(paths)].map((path) => {
    try {
      return new SourceFile(path, readText(path));
    } catch (error) {
      throw new Failure(
        EXIT.usage,
        `can't read ${path === "-" ? "standard input" : shown(path)}: ${(error as Error).message}`,
      );
    }
  });
}

const FAULTY = "the policy has errors; nothing was changed";

/** Reads and compiles files. With `--json` the caller prints the diagnostics itself. */
export function compilePaths(paths: readonly string[], options: LintOptions = {}): Compiled {
  return compileFiles(readFiles(paths), readText, options);
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
