/** What commands print: results on standard output, everything else on standard error. */
import type { Diagnostic } from "../text/diagnostic.js";
import { safe, safeLines } from "../text/display.js";
import { renderDiagnostic, toJson } from "../text/render.js";
import { type Sink, standardError, standardOutput } from "./sink.js";

export function wantsColour(sink: Sink): boolean {
  return (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb" && sink.isTerminal;
}

const line = (text: string): string => (text.endsWith("\n") ? text : `${text}\n`);

/** A name from a policy, the kernel or the command line in a line for people: on one line, and obeyed by no terminal. */
export const shown = safe;

/** Lines for people. What a terminal would obey is escaped, wherever it came from. */
export function print(text: string): void {
  standardOutput.write(safeLines(line(text)));
}

/** What programs read, and what brings its own colours. */
export function printExactly(text: string): void {
  standardOutput.write(line(text));
}

/** The same of a text in pieces; waits for whoever reads, so that no more than a piece is in memory. */
export async function printPieces(pieces: Iterable<string>): Promise<void> {
  for (const piece of pieces) if (!standardOutput.write(piece)) await standardOutput.drained();
}

/** A line for people on what is done and stays so, should the output that tells of it not be written. */
export function hasDone(lasting: string): void {
  standardOutput.hasDone(lasting);
}

let forPrograms = false;

/** Set once, as the command begins: whether it was asked for JSON. */
export function answerPrograms(asked: boolean): void {
  forPrograms = asked;
}

/** Whether a program reads standard output, and so is to find its one JSON object there, whatever happens. */
export function answersPrograms(): boolean {
  return forPrograms;
}

export function printJson(value: unknown): void {
  printExactly(JSON.stringify(value, jsonValue, 2));
}

function jsonValue(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value instanceof Map ? Object.fromEntries(value) : value;
}

/** `print` on standard error. */
export function note(text: string): void {
  standardError.write(safeLines(line(text)));
}

/** One diagnostic in its frame, which escapes for itself. */
export function noteDiagnostic(diagnostic: Diagnostic): void {
  standardError.write(line(renderDiagnostic(diagnostic, { color: wantsColour(standardError) })));
}

/** Diagnostics in frames on standard error, and a last line that counts them. */
export function printDiagnostics(diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length === 0) return;
  for (const diagnostic of diagnostics) {
    noteDiagnostic(diagnostic);
    note("");
  }
  note(countText(diagnostics));
}

export function countText(diagnostics: readonly Diagnostic[]): string {
  const count = (severity: string): number => diagnostics.filter((d) => d.severity === severity).length;
  const parts = [
    [count("error"), "error"],
    [count("warning"), "warning"],
    [count("info"), "note"],
  ] as const;
  return parts
    .filter(([n], i) => n > 0 || i === 0)
    .map(([n, word]) => `${n} ${word}${n === 1 ? "" : "s"}`)
    .join(", ");
}

export function diagnosticsJson(diagnostics: readonly Diagnostic[]): unknown[] {
  return diagnostics.map(toJson);
}

/** The longest list of changes that people get to see. */
const CHANGES = 40;

/** What was done, or would be, a line each. */
export function printChanges(changes: readonly string[], verb: "did" | "would"): void {
  for (const change of changes.slice(0, CHANGES)) print(`${verb} ${shown(change)}`);
  if (changes.length > CHANGES) print(`… and ${changes.length - CHANGES} more`);
}

/** Says whom a command waits for. */
export function waiting(holder: string): void {
  note(`tsnet: waiting for ${holder}`);
}
