/** A policy as an editor sees it: compiled from what is in its buffers, else from files. */
import { parse } from "../../grammar/parser.js";
import { type Identify, isAlias, type ReadFile } from "../ast/include.js";
import type { Statement } from "../ast/nodes.js";
import type { Tree } from "../ast/tree.js";
import { type Compiled, compileFiles } from "../ir/compile.js";
import { Diagnostics } from "../text/diagnostic.js";
import { SourceFile, type Span } from "../text/source.js";
import { type Occurrence, occurrencesOf } from "./names.js";
import { touches } from "./ranges.js";

export interface Analysis {
  readonly compiled: Compiled;
  /** Of every file of the policy, by its path. */
  readonly trees: ReadonlyMap<string, Tree>;
  readonly occurrences: readonly Occurrence[];
}

/** `read` gives the text of a path, and throws where there is none; `identify` says which paths are one file. */
export function analyse(path: string, read: ReadFile, identify?: Identify): Analysis {
  const compiled = compileFiles([new SourceFile(path, read(path))], read, identify && { identify });
  const files = compiled.files.filter((file) => !isAlias(file));
  const trees = new Map(files.map((file) => [file.name, parse(file, new Diagnostics())]));
  return { compiled, trees, occurrences: occurrencesOf([...trees.values()]) };
}

export function fileOf({ trees }: Analysis, path: string): SourceFile | undefined {
  return trees.get(path)?.file;
}

/** The name at a place. */
export function occurrenceAt({ occurrences }: Analysis, path: string, offset: number): Occurrence | undefined {
  return occurrences.find(({ span }) => span.file.name === path && touches(span, offset));
}

/** Every place of a name, the declaration first; where nothing declares it, the first mention stands for that. */
export function placesOf({ occurrences }: Analysis, name: string): Occurrence[] {
  const all = occurrences.filter((occurrence) => occurrence.name === name);
  return [...all.filter(({ declares }) => declares), ...all.filter(({ declares }) => !declares)];
}

/** The statement at a place. */
export function statementAt({ trees }: Analysis, path: string, offset: number): Statement | undefined {
  return trees.get(path)?.statements.find(({ span }) => touches(span, offset));
}

export function sameSpan(a: Span, b: Span): boolean {
  return a.file.name === b.file.name && a.start === b.start && a.end === b.end;
}
