/** Statements added to and taken away from the texts of a policy. */
import { readPlainPublishes, readPlainRules } from "../../grammar/common-lines.js";
import { parse } from "../../grammar/parser.js";
import { formatStatement, formatWhole } from "../ast/format.js";
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
  readonly text: string;
  readonly statements: readonly Piece[];
  /** Those that were taken back. */
  readonly gone: Set<Piece>;
}

/** A statement of a text. */
interface Piece {
  readonly canonical: string;
  readonly start: number;
  readonly end: number;
}

/**
 * The texts after the updates, one after the other: what they add stands behind the last file given; what they remove
 * is blanked, so that every other statement stays on its line. Of equal statements the last one goes.
 *
 * What an update removes and isn't there is reported, and so is what doesn't parse in what it removes.
 */
export function applyEdits(texts: Texts, updates: readonly Update[], diagnostics: Diagnostics): Texts {
  const added: Added[] = [];
  /** What was added and not taken back, by statement; the last of equal ones goes first. */
  const standing = new Map<string, { of: Added; piece: Piece }[]>();
  const doomed = new Map<string, { count: number; within: SourceFile }>();
  for (const { add, remove } of updates) {
    if (remove !== undefined) {
      const within = new SourceFile("remove", remove);
      for (const { canonical } of statementsOf(within, diagnostics)) {
        const last = standing.get(canonical)?.pop();
        if (last !== undefined) {
          last.of.gone.add(last.piece);
          continue;
        }
        doomed.set(canonical, { count: (doomed.get(canonical)?.count ?? 0) + 1, within });
      }
    }
    if (add !== undefined) {
      const statements = statementsOf(new SourceFile("add", add), new Diagnostics());
      const of: Added = { text: add, statements, gone: new Set() };
      added.push(of);
      for (const piece of statements) {
        const equal = standing.get(piece.canonical);
        if (equal === undefined) standing.set(piece.canonical, [{ of, piece }]);
        else equal.push({ of, piece });
      }
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
          help: mendOf(canonical, texts),
        },
      );
  const last = files.findLast(({ name }) => texts.roots.includes(name));
  if (last !== undefined) last.text += added.map(({ text, gone }) => `\n${blanked(text, [...gone])}\n`).join("");
  return { files, roots: texts.roots };
}

/** Whoever removes a network or container that has another block has forgotten what is in it. */
function mendOf(canonical: string, { files }: Texts): string {
  const [head] = canonical.split(" {", 1);
  const other = files
    .flatMap(({ name, text }) => parse(new SourceFile(name, text), new Diagnostics()).statements)
    .find((one) => (one.kind === "network" || one.kind === "container") && formatStatement(one) === head);
  return `remove statements as they are in the policy${other === undefined ? "" : `: ${formatWhole(other)}`}`;
}

/** Most edits are a plain rule or publish, which needs no grammar: thousands are folded at once. */
function statementsOf(file: SourceFile, diagnostics: Diagnostics): Piece[] {
  const plain = readPlainRules(file.text);
  if (plain === undefined)
    return (readPlainPublishes(file.text) ?? parse(file, diagnostics).statements).map((one) => {
      const { start, end } = one.span;
      return { canonical: formatWhole(one), start, end };
    });
  return Array.from({ length: plain.length }, (_, row) => {
    const { text: canonical, span } = plain.at(row);
    return { canonical, start: span.start, end: span.end };
  });
}

/** A file's text without the statements counted in `doomed`, which is counted down; the last of equal ones go. */
function without(name: string, text: string, doomed: Map<string, { count: number }>): string {
  if (doomed.size === 0) return text;
  const gone: Pick<Piece, "start" | "end">[] = [];
  for (const statement of [...parse(new SourceFile(name, text), new Diagnostics()).statements].reverse()) {
    const entry = doomed.get(formatWhole(statement));
    if (entry === undefined || entry.count === 0) continue;
    entry.count--;
    gone.push(statement.span);
  }
  return blanked(text, gone);
}

/** The text with spaces in place of these pieces: as long, and of as many lines. */
function blanked(text: string, gone: readonly Pick<Piece, "start" | "end">[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const { start, end } of [...gone].sort((a, b) => a.start - b.start)) {
    parts.push(text.slice(from, start), text.slice(start, end).replace(/[^\n]/g, " "));
    from = end;
  }
  return [...parts, text.slice(from)].join("");
}
