/** Statements added to and taken away from the texts of a policy. */
import { readPlainRules } from "../../grammar/common-lines.js";
import { parse } from "../../grammar/parser.js";
import { formatStatement } from "../ast/format.js";
import { Diagnostics } from "../text/diagnostic.js";
import { SourceFile } from "../text/source.js";
import type { Texts } from "./history.js";

export interface Update {
  /** Statements to add, as text. */
  readonly add?: string;
  /** Statements to take away; each must be there, written in whatever way. */
  readonly remove?: string;
}

/** A text that was added, and its statements. */
interface Added {
  text: string;
  readonly statements: { readonly canonical: string; readonly start: number; readonly end: number }[];
}

/**
 * The texts after the updates, one after the other: what they add stands behind the last file given; what they remove
 * is blanked, so that every other statement stays on its line. Of equal statements the last one goes.
 *
 * What an update removes and isn't there is reported, and so is what doesn't parse in what it removes.
 */
export function applyEdits(texts: Texts, updates: readonly Update[], diagnostics: Diagnostics): Texts {
  const added: Added[] = [];
  const doomed = new Map<string, { count: number; within: SourceFile }>();
  for (const { add, remove } of updates) {
    if (remove !== undefined) {
      const within = new SourceFile("remove", remove);
      for (const { canonical } of statementsOf(within, diagnostics)) {
        if (takeBack(added, canonical)) continue;
        doomed.set(canonical, { count: (doomed.get(canonical)?.count ?? 0) + 1, within });
      }
    }
    if (add !== undefined) {
      added.push({ text: add, statements: statementsOf(new SourceFile("add", add), new Diagnostics()) });
    }
  }
  const files = texts.files.map(({ name, text }) => ({ name, text: without(name, text, doomed) }));
  for (const [canonical, { count, within }] of doomed)
    if (count > 0)
      diagnostics.error(
        "not-there",
        { file: within, start: 0, end: within.text.length },
        `the policy has no statement '${canonical}'`,
        {
          why: "An update that removes what isn't there would not do what its author thinks.",
          help: "remove statements as they are in the policy",
        },
      );
  const last = files.findLast(({ name }) => texts.roots.includes(name));
  if (last !== undefined) last.text += added.map(({ text }) => `\n${text}\n`).join("");
  return { files, roots: texts.roots };
}

/** Most edits are a plain rule, which needs no grammar: thousands are folded at once. */
function statementsOf(file: SourceFile, diagnostics: Diagnostics): Added["statements"] {
  const plain = readPlainRules(file.text);
  if (plain === undefined)
    return parse(file, diagnostics).statements.map((one) => {
      const { start, end } = one.span;
      return { canonical: formatStatement(one), start, end };
    });
  return Array.from({ length: plain.length }, (_, row) => {
    const { text: canonical, span } = plain.at(row);
    return { canonical, start: span.start, end: span.end };
  });
}

/** Takes the last statement of this text out of what was added. */
function takeBack(added: readonly Added[], canonical: string): boolean {
  for (let i = added.length - 1; i >= 0; i--) {
    const one = added[i] as Added;
    const at = one.statements.findLastIndex((statement) => statement.canonical === canonical);
    const [gone] = at === -1 ? [] : one.statements.splice(at, 1);
    if (gone === undefined) continue;
    one.text = blank(one.text, gone.start, gone.end);
    return true;
  }
  return false;
}

/** A file's text without the statements counted in `doomed`, which is counted down. */
function without(name: string, text: string, doomed: Map<string, { count: number }>): string {
  if (doomed.size === 0) return text;
  let left = text;
  for (const statement of [...parse(new SourceFile(name, text), new Diagnostics()).statements].reverse()) {
    const entry = doomed.get(formatStatement(statement));
    if (entry === undefined || entry.count === 0) continue;
    entry.count--;
    left = blank(left, statement.span.start, statement.span.end);
  }
  return left;
}

function blank(text: string, start: number, end: number): string {
  return text.slice(0, start) + text.slice(start, end).replace(/[^\n]/g, " ") + text.slice(end);
}
