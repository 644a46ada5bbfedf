// Writes grammar/generated/: the grammar as EBNF, as railroad diagrams, and as a TextMate grammar for editors; and what the
// parser would otherwise work out at every start.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import vm from "node:vm";
import type { ISerializedGast } from "chevrotain";
import { ChevrotainParser } from "../grammar/analysis.js";
import { toEbnf } from "../grammar/ebnf.js";
import { decisionsOf } from "../grammar/lookahead.js";
import { PolicyParser } from "../grammar/parser.js";
import { toTmLanguage } from "../grammar/tm-language.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The generated files: path from the root of the project, and content. */
export function grammarDocs(): Map<string, string> {
  const chevrotain = new ChevrotainParser(new PolicyParser());
  const rules = chevrotain.getSerializedGastProductions();
  const decisions = decisionsOf(Object.values(chevrotain.getGAstProductions()));
  return new Map([
    ["grammar/generated/grammar.ebnf", toEbnf(rules)],
    ["grammar/generated/railroad.html", railroad(rules)],
    ["grammar/generated/lookahead.json", `${JSON.stringify(decisions)}\n`],
    ["grammar/generated/tsnet.tmLanguage.json", `${JSON.stringify(toTmLanguage(), null, 2)}\n`],
  ]);
}

interface Drawing {
  diagrams_builder: { buildSyntaxDiagramsText(rules: readonly ISerializedGast[]): string };
}

/** Chevrotain's diagrams, drawn here, so that the page needs neither scripts nor a network. */
function railroad(rules: readonly ISerializedGast[]): string {
  const diagrams = path.join(root, "node_modules/chevrotain/diagrams");
  const context = vm.createContext({});
  for (const script of ["vendor/railroad-diagrams.js", "src/diagrams_builder.js"]) {
    vm.runInContext(readFileSync(path.join(diagrams, script), "utf8"), context);
  }
  const drawn = (context as unknown as Drawing).diagrams_builder.buildSyntaxDiagramsText([...rules].reverse());
  const css = readFileSync(path.join(diagrams, "diagrams.css"), "utf8");
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>The tsnet policy language</title>
<style>
${css}
</style>
<h1>The tsnet policy language</h1>
<p>Generated from the parser. The same grammar as text is in grammar.ebnf.</p>
${drawn}
</html>
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const [name, content] of grammarDocs()) {
    const target = path.join(root, name);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, content);
    console.log(name);
  }
}
