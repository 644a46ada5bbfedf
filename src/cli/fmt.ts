/** `tsnet fmt` */
import { realpathSync, renameSync, statSync, writeFileSync } from "node:fs";
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

/** Written beside and renamed, so that a full disk or Ctrl-C never leaves half a file. */
function replace(path: string, text: string): void {
  try {
    // Through a link to the file itself: replacing the link would leave the file as it was.
    const real = realpathSync(path);
    const beside = `${real}.tsnet-fmt`;
    writeFileSync(beside, text, { mode: statSync(real).mode });
    renameSync(beside, real);
  } catch (error) {
    throw new Failure(EXIT.system, `can't write ${shown(path)}: ${(error as Error).message}`);
  }
}
