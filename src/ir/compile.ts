/** The pure front end: text to policy. */
import { now } from "../text/clock.js";
import { parse } from "../../grammar/parser.js";
import { type Identify, parseAll, type ReadFile } from "../ast/include.js";
import { checkAssertions } from "./assertions.js";
import { lint, type LintOptions } from "./lint.js";
import { silence, type Silenced } from "./silence.js";
import { adviseOnText } from "./wide-ranges.js";
import { lower } from "./lower.js";
import type { Policy } from "./policy.js";
import { type Diagnostic, Diagnostics } from "../text/diagnostic.js";
import { SourceFile } from "../text/source.js";

export interface Compiled {
  /** Meaningful only without an error among the diagnostics. */
  readonly policy: Policy;
  readonly diagnostics: readonly Diagnostic[];
  /** What the text has silenced, with its reasons. */
  readonly silenced: readonly Silenced[];
  /** Whether an error is among them. */
  readonly failed: boolean;
  /** Every file that was read, included ones too, in reading order. */
  readonly files: readonly SourceFile[];
  /** Names of those of them that were given, not included. */
  readonly roots: readonly string[];
  /** Milliseconds. */
  readonly timings: { readonly parse: number };
}

export interface FilesOptions extends LintOptions {
  /** The same text for all paths of one file, which is read once then. Without it, paths are compared. */
  readonly identify?: Identify;
}

export interface CompileOptions extends FilesOptions {
  /** Name under which the text is reported; default `policy.tsnet`. */
  readonly file?: string;
  /** Reads an included file. Without it, an include is an error. */
  readonly read?: ReadFile;
}

const noIncludes: ReadFile = () => {
  throw new Error("no reader was given for includes");
};

/** Compiles one text. Pure: never touches the machine, never throws on bad policies. */
export function compile(text: string, options: CompileOptions = {}): Compiled {
  return compileFiles([new SourceFile(options.file ?? "policy.tsnet", text)], options.read, options);
}

/** Compiles several files as one policy. */
export function compileFiles(
  files: readonly SourceFile[],
  read: ReadFile = noIncludes,
  options: FilesOptions = {},
): Compiled {
  const diagnostics = new Diagnostics();
  const started = now();
  const trees = parseAll(files, { parse, read, identify: options.identify }, diagnostics);
  const timings = { parse: now() - started };
  const policy = lower(trees, diagnostics);
  // A statement that didn't parse may be what a name, a server or an assertion depends on.
  if (!diagnostics.hasErrors) {
    checkAssertions(policy, diagnostics);
    lint(policy, diagnostics, options);
    if (options.full) adviseOnText(trees, policy, diagnostics);
  }
  const silenced = silence(trees, diagnostics, options);
  const compiled: Compiled = {
    policy,
    diagnostics: diagnostics.sorted(),
    silenced,
    failed: diagnostics.hasErrors,
    files: trees.map((tree) => tree.file),
    roots: files.map((file) => file.name),
    timings,
  };
  origins.set(policy, compiled);
  return compiled;
}

const origins = new WeakMap<Policy, Compiled>();

/** What a policy was compiled from. Throws when it isn't one of `compile`'s. */
export function compiledFrom(policy: Policy): Compiled {
  const compiled = origins.get(policy);
  if (compiled === undefined) throw new Error("this policy was not made by compile()");
  return compiled;
}
