/** Edits the statements of a compiled policy: what `update` of an open handle applies. */
import { parse } from "../../grammar/parser.js";
import { formatStatement } from "../ast/format.js";
import { type Compiled, compileFiles } from "../ir/compile.js";
import { Diagnostics } from "../text/diagnostic.js";
import { renderDiagnostic } from "../text/render.js";
import { SourceFile } from "../text/source.js";

export interface Update {
  /** Statements to add, as text. */
  readonly add?: string;
  /** Statements to take away; each must be there, written in whatever way. */
  readonly remove?: string;
}

/** A policy or an update that is wrong; `diagnostics` say how. */
export class PolicyError extends Error {
  override readonly name = "PolicyError";
  readonly diagnostics: Compiled["diagnostics"];

  constructor(diagnostics: Compiled["diagnostics"]) {
    const first = diagnostics.find((diagnostic) => diagnostic.severity === "error");
    super(first === undefined ? "the policy is wrong" : renderDiagnostic(first, { color: false }));
    this.diagnostics = diagnostics;
  }
}

/** The edited policy. Throws `PolicyError` where an edit or its result is wrong; nothing is changed then. */
export function edit(compiled: Compiled, { add, remove }: Update): Compiled {
  const diagnostics = new Diagnostics();
  const doomed = new Map<string, number>();
  if (remove !== undefined) {
    const file = new SourceFile("remove", remove);
    for (const statement of parse(file, diagnostics).statements) {
      const text = formatStatement(statement);
      doomed.set(text, (doomed.get(text) ?? 0) + 1);
    }
    if (diagnostics.hasErrors) throw new PolicyError(diagnostics.sorted());
  }
  const files = compiled.files.map((file) => without(file, doomed));
  for (const [text, count] of doomed)
    if (count > 0) {
      const file = new SourceFile("remove", remove ?? "");
      diagnostics.error(
        "not-there",
        { file, start: 0, end: file.text.length },
        `the policy has no statement '${text}'`,
        {
          why: "An update that removes what isn't there would not do what its author thinks.",
          help: "remove statements as they are in the policy",
        },
      );
    }
  if (diagnostics.hasErrors) throw new PolicyError(diagnostics.sorted());

  const texts = new Map(files.map((file) => [file.name, file.text]));
  const roots = files.filter((file) => compiled.roots.includes(file.name));
  const last = roots.pop();
  if (last !== undefined) roots.push(add === undefined ? last : new SourceFile(last.name, `${last.text}\n${add}\n`));
  const result = compileFiles(roots, (path) => texts.get(path) ?? "");
  if (result.failed) throw new PolicyError(result.diagnostics);
  return result;
}

/** A file's text without the statements counted in `doomed`, which is counted down. */
function without(file: SourceFile, doomed: Map<string, number>): SourceFile {
  if (doomed.size === 0) return file;
  let text = file.text;
  for (const statement of [...parse(file, new Diagnostics()).statements].reverse()) {
    const key = formatStatement(statement);
    const count = doomed.get(key) ?? 0;
    if (count === 0) continue;
    doomed.set(key, count - 1);
    const { start, end } = statement.span;
    // Blanks keep every other statement where it was.
    text = text.slice(0, start) + text.slice(start, end).replace(/[^\n]/g, " ") + text.slice(end);
  }
  return new SourceFile(file.name, text);
}
