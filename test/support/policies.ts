/** The policies of this repository, and what their comments say must become of them. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type Compiled, compile } from "../../src/ir/compile.js";
import type { Diagnostic } from "../../src/text/diagnostic.js";

export const root = path.dirname(path.dirname(import.meta.dirname));

/** The policies of a folder, as paths below `policies/`, in order of their names. */
export function policiesIn(folder: string): string[] {
  return readdirSync(path.join(root, "policies", folder))
    .filter((name) => name.endsWith(".tsnet"))
    .sort()
    .map((name) => path.posix.join(folder, name));
}

/** Reads a file below `policies/`. Says why it can't without saying where: goldens are the same on every machine. */
export function readPolicy(name: string): string {
  try {
    return readFileSync(path.join(root, "policies", name), "utf8");
  } catch {
    throw new Error("there is no such file");
  }
}

/** Compiles a policy under its path below `policies/`, so that no diagnostic says where this checkout is. */
export function compilePolicy(name: string): Compiled {
  return compile(readPolicy(name), { file: name, read: readPolicy });
}

const EXPECTED = /^# expect: ([a-z0-9-]+) at (\d+):(\d+)(?: in (\S+))?$/gm;

/** What the comments of a policy expect: `CODE at LINE:COLUMN`, `CODE at LINE:COLUMN in FILE` of an included one. */
export function expected(name: string): string[] {
  const all = [...readPolicy(name).matchAll(EXPECTED)];
  return all.map(([, code, line, column, file]) => {
    const at = file === undefined ? name : path.posix.join(path.posix.dirname(name), file);
    return `${at}:${line}:${column} ${code}`;
  });
}

/** A diagnostic as `expected` writes it. */
export function found({ code, span }: Diagnostic): string {
  const { line, column } = span.file.position(span.start);
  return `${span.file.name}:${line}:${column} ${code}`;
}
