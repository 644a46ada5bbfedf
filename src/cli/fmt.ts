/** `tsnet fmt` */
import { realpathSync, renameSync, statSync, writeFileSync } from "node:fs";
import { parse } from "../../grammar/parser.js";
import { format } from "../ast/format.js";
import { Diagnostics } from "../text/diagnostic.js";
import { EXIT, Failure } from "./exit.js";
import { readFiles } from "./input.js";
import { print, printDiagnostics, shown } from "./output.js";
import { standardOutput } from "./sink.js";

export function fmt(paths: readonly string[], options: { check?: boolean }): void {
  const diagnostics = new Diagnostics();
  const files = readFiles(paths).map((file) => ({ file, tree: parse(file, diagnostics) }));
  if (diagnostics.hasErrors) {
    printDiagnostics(diagnostics.sorted().filter((diagnostic) => diagnostic.severity === "error"));
    throw new Failure(EXIT.policy, "a file with syntax errors can't be formatted; nothing was changed");
  }
  for (const { file, tree } of files) {
    const text = format(tree);
    if (options.check) {
      if (text === file.text) continue;
      print(`${shown(file.name)} would change`);
      process.exitCode = EXIT.differs;
    } else if (file.name === "-") standardOutput.write(text);
    else if (text !== file.text) replace(file.name, text);
  }
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
  print(`formatted ${shown(path)}`);
}
