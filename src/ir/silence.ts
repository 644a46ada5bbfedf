/**
 * `# tsnet: ignore CODE reason`: silences one kind of warning or information where it stands. Behind a statement it
 * speaks of its own line, alone on a line of the next line that holds a statement.
 */
import type { Comment } from "../ast/nodes.js";
import type { Tree } from "../ast/tree.js";
import { catalogue } from "../text/codes.js";
import type { Diagnostic, Diagnostics } from "../text/diagnostic.js";
import type { SourceFile } from "../text/source.js";
import { suggest } from "../text/suggest.js";
import type { LintOptions } from "./lint.js";

/** A diagnostic that the text doesn't want to hear, and why. */
export interface Silenced {
  readonly diagnostic: Diagnostic;
  readonly reason: string;
}

interface Wish {
  readonly comment: Comment;
  readonly code: string;
  readonly reason: string;
  readonly line: number;
}

const FORM = /^#\s*tsnet:\s*ignore\b[ \t]*(\S*)[ \t]*(.*)$/;
const WHY = "A line is silenced by '# tsnet: ignore CODE reason', and who reads it later needs the reason.";

/** Takes away what the trees' comments silence, and reports those that are wrong; unless errors hid it, those in vain. */
export function silence(trees: readonly Tree[], diagnostics: Diagnostics, { full = false }: LintOptions): Silenced[] {
  const wishes = trees.flatMap((tree) =>
    tree.comments.flatMap((comment) => read(tree.file, comment, diagnostics) ?? []),
  );
  const silenced: Silenced[] = [];
  const used = new Set<Wish>();
  if (wishes.length > 0)
    diagnostics.withdraw((diagnostic) => {
      const wish = wishes.find((one) => covers(one, diagnostic));
      if (wish === undefined || diagnostic.severity === "error") return false;
      used.add(wish);
      silenced.push({ diagnostic, reason: wish.reason });
      return true;
    });
  if (full && !diagnostics.hasErrors)
    for (const wish of wishes)
      if (!used.has(wish))
        diagnostics.info("ignore-unused", wish.comment.span, `nothing on line ${wish.line} says ${wish.code}`, {
          why: "What it silenced was mended, or has moved to another line. Errors are never silenced.",
          help: "delete the comment",
        });
  return silenced;
}

function covers({ comment, code, line }: Wish, { code: said, span }: Diagnostic): boolean {
  return said === code && span.file === comment.span.file && span.file.position(span.start).line === line;
}

function read(file: SourceFile, comment: Comment, diagnostics: Diagnostics): Wish | undefined {
  if (!comment.text.includes("tsnet:")) return undefined;
  const found = FORM.exec(comment.text);
  if (found === null) return undefined;
  const [, code = "", reason = ""] = found;
  if (code === "" || catalogue()[code] === undefined) {
    const near = suggest(code, Object.keys(catalogue()));
    diagnostics.warning(
      "ignore-unknown",
      comment.span,
      code === "" ? "this comment names nothing to ignore" : `no diagnostic is called '${code}'`,
      { why: WHY, help: near === undefined ? "copy the code from what tsnet check says" : `did you mean '${near}'?` },
    );
    return undefined;
  }
  if (reason === "") {
    diagnostics.warning("ignore-without-reason", comment.span, `this comment doesn't say why to ignore ${code}`, {
      why: WHY,
      help: `add the reason: # tsnet: ignore ${code} …`,
    });
    return undefined;
  }
  return { comment, code, reason, line: lineOf(file, comment) };
}

/** The line that a comment speaks of. */
function lineOf(file: SourceFile, { span }: Comment): number {
  const { line, column } = file.position(span.start);
  if (
    file
      .line(line)
      .slice(0, column - 1)
      .trim() !== ""
  )
    return line;
  for (let next = line + 1; next <= file.lineStarts.length; next++) if (!/^\s*(#|$)/.test(file.line(next))) return next;
  return line;
}
