/** Edits the statements of a compiled policy: what `update` of an open handle applies. */
import { type Compiled, compileFiles } from "../ir/compile.js";
import { Diagnostics } from "../text/diagnostic.js";
import { renderDiagnostic } from "../text/render.js";
import { SourceFile } from "../text/source.js";
import { applyEdits, type Update } from "./edits.js";

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
export function edit(compiled: Compiled, updates: readonly Update[]): Compiled {
  const diagnostics = new Diagnostics();
  const edited = applyEdits(compiled, updates, diagnostics);
  if (diagnostics.hasErrors) throw new PolicyError(diagnostics.sorted());
  const texts = new Map(edited.files.map((file) => [file.name, file.text]));
  const roots = edited.files.filter((file) => compiled.roots.includes(file.name));
  const result = compileFiles(
    roots.map(({ name, text }) => new SourceFile(name, text)),
    (path) => {
      const text = texts.get(path);
      // Other than what was compiled with it: an update has no reader.
      if (text === undefined) throw new Error("an update can't include a file; apply the policy with it");
      return text;
    },
  );
  if (result.failed) throw new PolicyError(result.diagnostics);
  return result;
}
