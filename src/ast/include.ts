/** Follows `include`: the trees of all files of a policy. */
import { posix } from "node:path";
import type { Diagnostics } from "../text/diagnostic.js";
import { SourceFile, type Span } from "../text/source.js";
import type { Tree } from "./tree.js";

/** Reads an included file; throws an error whose message says why it can't. */
export type ReadFile = (path: string) => string;

export type Parse = (file: SourceFile, diagnostics: Diagnostics) => Tree;

/**
 * Parses the files and, each once, what they include. Order never changes a verdict, so an included file's statements
 * are simply appended. A cycle is an error that shows the chain.
 */
export function parseAll(files: readonly SourceFile[], parse: Parse, read: ReadFile, diagnostics: Diagnostics): Tree[] {
  const trees: Tree[] = [];
  const done = new Set<string>();
  const visit = (file: SourceFile, chain: readonly string[]): void => {
    const path = file.name === "-" ? "-" : posix.normalize(file.name);
    if (done.has(path)) return;
    done.add(path);
    const tree = parse(file, diagnostics);
    trees.push(tree);
    for (const statement of tree.others) {
      if (statement.kind !== "include") continue;
      const target = resolve(file.name, statement.path.text);
      const at = [...chain, path];
      if (at.includes(target)) {
        const shown = [...at.slice(at.indexOf(target)), target].join(" -> ");
        diagnostics.error("include-cycle", statement.path.span, "this include leads back to itself", {
          why: `The chain is ${shown}.`,
          help: "move what both files need into a third one",
        });
        continue;
      }
      const included = open(target, statement.path.span, read, diagnostics);
      if (included !== undefined) visit(included, at);
    }
  };
  for (const file of files) visit(file, []);
  return trees;
}

function resolve(from: string, path: string): string {
  if (posix.isAbsolute(path)) return posix.normalize(path);
  return posix.join(from === "-" ? "." : posix.dirname(from), path);
}

function open(path: string, span: Span, read: ReadFile, diagnostics: Diagnostics): SourceFile | undefined {
  try {
    return new SourceFile(path, read(path));
  } catch (error) {
    diagnostics.error("include-unreadable", span, `'${path}' can't be read: ${(error as Error).message}`, {
      why: "An include's path is relative to the file that it stands in.",
      help: "correct the path, or make the file readable",
    });
    return undefined;
  }
}
