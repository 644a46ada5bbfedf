/** What commands print: results on standard output, everything else on standard error. */
import type { Diagnostic } from "../text/diagnostic.js";
import { renderDiagnostic, toJson } from "../text/render.js";

export function wantsColour(stream: { isTTY?: boolean }): boolean {
  return Boolean(stream.isTTY) && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";
}

/** Writes and waits until the pipe has taken it, so that an exit right after loses nothing. */
export function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, jsonValue, 2));
}

function jsonValue(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value instanceof Map ? Object.fromEntries(value) : value;
}

export function note(text: string): void {
  process.stderr.write(text.endsWith("\n") ? text : `${text}\n`);
}

/** Diagnostics in frames on standard error, and a last line that counts them. */
export function printDiagnostics(diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length === 0) return;
  const color = wantsColour(process.stderr);
  for (const diagnostic of diagnostics) note(`${renderDiagnostic(diagnostic, { color })}\n`);
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
