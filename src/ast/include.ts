/** Follows `include`: the trees of all files of a policy. */
import { posix } from "node:path";
import type { Diagnostics } from "../text/diagnostic.js";
import { SourceFile, type Span } from "../text/source.js";
import { Unreadable } from "../text/unreadable.js";
import type { IncludeStatement } from "./nodes.js";
import type { Tree } from "./tree.js";

/** Reads an included file; throws an error whose message says why it can't (`Unreadable`: and the mend). */
export type ReadFile = (path: string) => string;

/** The same text for all paths of one file. */
export type Identify = (path: string) => string;

export type Parse = (file: SourceFile, diagnostics: Diagnostics) => Tree;

/** What a file is read with. */
export interface Reading {
  readonly parse: Parse;
  readonly read: ReadFile;
  /** Without it two paths are one file where they are the same when written out. */
  readonly identify?: Identify | undefined;
}

/**
 * Parses the files and, each once, what they include. Order never changes a verdict, so an included file's statements
 * are simply appended. A cycle is an error that shows the chain.
 */
export function parseAll(files: readonly SourceFile[], reading: Reading, diagnostics: Diagnostics): Tree[] {
  const walk = new Walk(files, reading, diagnostics);
  for (const file of files) walk.visit(file, []);
  return walk.trees;
}

/** A file on the way to an include. */
interface Step {
  readonly id: string;
  readonly name: string;
}

class Walk {
  readonly trees: Tree[] = [];
  /** By identity: the files that were given, and those that were read. */
  private readonly known = new Map<string, SourceFile>();
  private readonly visited = new Set<string>();
  /** Other names of known files. */
  private readonly aliases = new Set<string>();
  private readonly reading: Reading;
  private readonly diagnostics: Diagnostics;

  constructor(files: readonly SourceFile[], reading: Reading, diagnostics: Diagnostics) {
    this.reading = reading;
    this.diagnostics = diagnostics;
    // Also where another file includes it first, a file that was given keeps the name by which it was.
    for (const file of files) {
      const id = this.identityOf(file.name);
      if (!this.known.has(id)) this.known.set(id, file);
    }
  }

  visit(file: SourceFile, chain: readonly Step[]): void {
    const id = this.identityOf(file.name);
    if (this.visited.has(id)) return;
    this.visited.add(id);
    const tree = this.reading.parse(file, this.diagnostics);
    this.trees.push(tree);
    const steps = [...chain, { id, name: normal(file.name) }];
    for (const statement of tree.others) if (statement.kind === "include") this.follow(statement, file, steps);
  }

  private follow({ path: { text, span } }: IncludeStatement, from: SourceFile, steps: readonly Step[]): void {
    const target = resolve(from.name, text);
    const found = this.find(target, span);
    if (found === undefined) return;
    const at = steps.findIndex((step) => step.id === this.identityOf(found.name));
    if (at === -1) return this.visit(found, steps);
    const shown = [...steps.slice(at).map(({ name }) => name), target].join(" -> ");
    this.diagnostics.error("include-cycle", span, "this include leads back to itself", {
      why: `The chain is ${shown}.`,
      help: "move what both files need into a third one",
    });
  }

  /** The file that a path names, read where it isn't yet. */
  private find(path: string, span: Span): SourceFile | undefined {
    const before = this.known.get(this.identityOf(path));
    if (before !== undefined) {
      if (path !== normal(before.name)) this.alias(path, before.name);
      return before;
    }
    const file = this.open(path, span);
    if (file === undefined) return undefined;
    const other = otherName(file);
    if (other !== undefined) {
      this.alias(path, other);
      return this.known.get(this.identityOf(other)) ?? this.keep(this.open(other, span));
    }
    return this.keep(file);
  }

  private keep(file: SourceFile | undefined): SourceFile | undefined {
    if (file !== undefined) this.known.set(this.identityOf(file.name), file);
    return file;
  }

  /** Whoever compiles the same texts again, without the file system, finds this name among them, and where it leads. */
  private alias(path: string, name: string): void {
    if (this.aliases.has(path)) return;
    this.aliases.add(path);
    this.trees.push(this.reading.parse(new SourceFile(path, aliasText(name)), this.diagnostics));
  }

  private open(path: string, span: Span): SourceFile | undefined {
    try {
      return new SourceFile(path, this.reading.read(path));
    } catch (error) {
      this.diagnostics.error("include-unreadable", span, `'${path}' can't be read: ${(error as Error).message}`, {
        why: "An include's path is relative to the file that it stands in.",
        help: (error instanceof Unreadable ? error.mend : undefined) ?? "correct the path, or make the file readable",
      });
      return undefined;
    }
  }

  private identityOf(name: string): string {
    const path = normal(name);
    return name === STANDARD_INPUT ? path : (this.reading.identify?.(path) ?? path);
  }
}

const STANDARD_INPUT = "-";

function normal(name: string): string {
  return name === STANDARD_INPUT ? name : named(posix.normalize(name));
}

/** An included file may be called `-`, which isn't standard input then. */
function named(path: string): string {
  return path === STANDARD_INPUT ? "./-" : path;
}

function resolve(from: string, path: string): string {
  if (posix.isAbsolute(path)) return posix.normalize(path);
  return named(posix.join(from === STANDARD_INPUT ? "." : posix.dirname(from), path));
}

const ALIAS = /^# tsnet: the same file as (".*")\n$/;

function aliasText(name: string): string {
  return `# tsnet: the same file as ${JSON.stringify(name)}\n`;
}

/** What stands in the place of a file that was read by another name: that name. */
function otherName({ text }: SourceFile): string | undefined {
  const [, name] = ALIAS.exec(text) ?? [];
  try {
    return name === undefined ? undefined : (JSON.parse(name) as string);
  } catch {
    return undefined;
  }
}

/** Whether a file stands only for the name by which another was included too. */
export function isAlias(file: SourceFile): boolean {
  return otherName(file) !== undefined;
}
