/** `tsnet fmt` */
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
  writeSync,
} from "node:fs";
import { parse } from "../../grammar/parser.js";
import { format } from "../ast/format.js";
import { Diagnostics } from "../text/diagnostic.js";
import { EXIT, Failure } from "./exit.js";
import { readFiles } from "./input.js";
import { diagnosticsJson, print, printDiagnostics, printJson, shown } from "./output.js";
import { standardOutput } from "./sink.js";

export interface FmtOptions {
  readonly check?: boolean;
  readonly json?: boolean;
}

export function fmt(paths: readonly string[], { check = false, json = false }: FmtOptions): void {
  const diagnostics = new Diagnostics();
  const files = readFiles(paths).map((file) => ({ file, tree: parse(file, diagnostics) }));
  if (diagnostics.hasErrors) {
    const errors = diagnostics.sorted().filter((diagnostic) => diagnostic.severity === "error");
    if (json) printJson({ diagnostics: diagnosticsJson(errors) });
    else printDiagnostics(errors);
    throw new Failure(EXIT.policy, "a file with syntax errors can't be formatted; nothing was changed");
  }
  const done = files.map(({ file, tree }) => {
    const text = format(tree);
    return { file: file.name, changed: text !== file.text, text };
  });
  if (check && done.some(({ changed }) => changed)) process.exitCode = EXIT.differs;
  for (const { file, changed, text } of done) {
    if (!check && file !== "-" && changed) replace(file, text);
    if (json) continue;
    if (!check && file === "-") standardOutput.write(text);
    else if (changed) print(check ? `${shown(file)} would change` : `formatted ${shown(file)}`);
  }
  if (json)
    printJson({ files: done.map(({ file, changed, text }) => ({ file, changed, ...(file === "-" && { text }) })) });
}

const PRINT = "print it formatted: tsnet fmt - < FILE";

/** How to mend what stands in the way of writing. */
const MENDS: Readonly<Record<string, string>> = {
  EACCES: `make it writable (chmod u+w), or ${PRINT}`,
  EROFS: `its file system is read-only; ${PRINT}`,
  ENOSPC: "free some space on that file system; the file is as it was",
  EDQUOT: "free some space, or ask for more; the file is as it was",
};

function replace(path: string, text: string): void {
  try {
    // Through a link to the file itself: replacing the link would leave the file as it was.
    const real = realpathSync(path);
    // Who may not write a file may not put another in its place either, whoever owns the directory.
    const file = openSync(real, "r+");
    try {
      const stats = fstatSync(file);
      if (!stats.isFile()) throw new Failure(EXIT.usage, `${shown(path)} is no file that could be changed`, PRINT);
      if (stats.nlink > 1 || !renamed(real, stats, text)) overwrite(file, text);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { message, code } = error as NodeJS.ErrnoException;
    throw new Failure(EXIT.system, `can't write ${shown(path)}: ${message}`, MENDS[code ?? ""]);
  }
}

/**
 * Written beside and renamed, so that a full disk or Ctrl-C never leaves half a file; under a name that nobody can have
 * put there before. False where the directory, or the file's owner, doesn't allow it.
 */
function renamed(path: string, { uid, gid, mode }: Stats, text: string): boolean {
  const beside = `${path}.${Math.random().toString(36).slice(2)}.tmp`;
  let file: number;
  try {
    file = openSync(beside, "wx", 0o600);
  } catch {
    return false;
  }
  try {
    if (!given(file, uid, gid)) return false;
    fchmodSync(file, mode & 0o7777);
    writeFileSync(file, text);
    fsyncSync(file);
    renameSync(beside, path);
    return true;
  } finally {
    closeSync(file);
    rmSync(beside, { force: true });
  }
}

/** Whether the file is, or could be made, theirs. */
function given(file: number, uid: number, gid: number): boolean {
  const own = fstatSync(file);
  if (own.uid === uid && own.gid === gid) return true;
  try {
    fchownSync(file, uid, gid);
    return true;
  } catch {
    return false;
  }
}

/** In its place: other names of the file lead to it. Where there is no room for all of it, what was there is put back. */
function overwrite(file: number, text: string): void {
  const before = readFileSync(file);
  try {
    fill(file, Buffer.from(text));
  } catch (error) {
    fill(file, before);
    throw error;
  }
}

/** What is too much goes last, so that no text is ever missing. */
function fill(file: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done, bytes.length - done, done);
  ftruncateSync(file, bytes.length);
  fsyncSync(file);
}
