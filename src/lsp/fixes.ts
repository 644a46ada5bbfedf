/** Mends that are replacements, as edits: each is tried before it is offered. Pure. */
import { formatName } from "../ast/format.js";
import type { Identify, ReadFile } from "../ast/include.js";
import { compileFiles } from "../ir/compile.js";
import type { Diagnostic } from "../text/diagnostic.js";
import { SourceFile, type Span } from "../text/source.js";

export interface Fix {
  readonly title: string;
  readonly span: Span;
  readonly text: string;
}

/** What a help that names its replacement says. */
const MEANT = /^did you mean '(.+)'\?$/;
const WRITE = /(?:^|, )write (.+)$/;

/**
 * Edits that do what the diagnostic's help says and after which it is gone, and no new kind of error there. `read` gives
 * the texts of included files.
 */
export function fixesOf(
  { span, help = "", code }: Diagnostic,
  before: readonly Diagnostic[],
  root: string,
  read: ReadFile,
  identify?: Identify,
): Fix[] {
  const meant = MEANT.exec(help)?.[1];
  const written = WRITE.exec(help)?.[1];
  const candidates: Fix[] = [];
  if (meant !== undefined) candidates.push({ title: `Write ${meant}`, span, text: formatName(meant) });
  if (meant !== undefined && formatName(meant) !== meant)
    candidates.push({ title: `Write ${meant}`, span, text: meant });
  if (written !== undefined)
    for (const place of [span, statementLine(span)])
      candidates.push({ title: `Write ${written}`, span: place, text: written });
  const count = (list: readonly Diagnostic[], of: string): number => list.filter((one) => one.code === of).length;
  const good = candidates.find((fix) => {
    const changed = (path: string): string => (path === span.file.name ? applied(fix) : read(path));
    const { diagnostics } = compileFiles([new SourceFile(root, changed(root))], changed, identify && { identify });
    // Warnings are looked for only where no error is, so a mended error may uncover some.
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    return count(diagnostics, code) < count(before, code) && errors.every((one) => count(before, one.code) > 0);
  });
  return good === undefined ? [] : [good];
}

function applied({ span: { file, start, end }, text }: Fix): string {
  return file.text.slice(0, start) + text + file.text.slice(end);
}

/** The line of a span, without the blanks around it and a comment behind it. */
function statementLine({ file, start }: Span): Span {
  const { line } = file.position(start);
  const from = file.lineStarts[line - 1] as number;
  const text = file.line(line);
  const bare = text.replace(/\s*(#[^"]*)?$/, "");
  return { file, start: from + bare.length - bare.trimStart().length, end: from + bare.length };
}
