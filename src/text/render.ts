/** Diagnostics for people (frames), for programs (JSON) and for code hosts (SARIF). */
import { catalogue } from "./codes.js";
import type { Diagnostic, Severity } from "./diagnostic.js";
import { type Cell, cellsOf, safe } from "./display.js";
import { location, type Span } from "./source.js";

const COLORS: Record<Severity, string> = { error: "31", warning: "33", info: "34" };
const BOLD = "1";
const BLUE = "34";
const GREEN = "32";

type Paint = (code: string, text: string) => string;

/** A frame: what is wrong, where, the source with the place underlined, why, and the mend. No newline at its end. */
export function renderDiagnostic(diagnostic: Diagnostic, { color }: { readonly color: boolean }): string {
  const paint: Paint = (code, text) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const { severity, code, message, span, why, help, related = [] } = diagnostic;
  const tone = COLORS[severity];
  const lines = [`${paint(`${BOLD};${tone}`, `${severity}[${code}]`)}${paint(BOLD, `: ${safe(message)}`)}`];
  lines.push(...frame(span, "^", tone, paint));
  for (const { span: other, message: text } of related) {
    lines.push(`${paint(BLUE, "note")}: ${safe(text)}`, ...frame(other, "-", BLUE, paint));
  }
  if (why !== undefined) lines.push(`${paint(BLUE, "why")}: ${safe(why)}`);
  if (help !== undefined) lines.push(`${paint(GREEN, "help")}: ${safe(help)}`);
  return lines.join("\n");
}

/** More lines than this are shown by their first and their last. */
const MOST_LINES = 4;

function frame(span: Span, mark: string, tone: string, paint: Paint): string[] {
  const first = span.file.position(span.start).line;
  const last = span.file.position(Math.max(span.start, span.end - 1)).line;
  const numbers = [];
  for (let line = first; line <= last; line++) {
    if (last - first < MOST_LINES || line === first || line === last) numbers.push(line);
  }
  const margin = String(last).length;
  const bar = paint(BLUE, "|");
  const lines = [`${" ".repeat(margin)}${paint(BLUE, "-->")} ${safe(location(span))}`, `${" ".repeat(margin)} ${bar}`];
  for (const [index, number] of numbers.entries()) {
    if (index > 0 && (numbers[index - 1] as number) < number - 1) lines.push(paint(BLUE, "..."));
    const { text, underline } = markedLine(span, number, mark);
    lines.push(`${paint(BLUE, String(number).padStart(margin))} ${bar} ${text}`.trimEnd());
    lines.push(`${" ".repeat(margin)} ${bar} ${underline.replace(/\S+/, (marks) => paint(tone, marks))}`);
  }
  return lines;
}

/** How much of a line is shown. */
const MOST_CHARACTERS = 120;
const BEFORE_SPAN = 40;

/** One line of source, cut around the span if it is long, and the marks under the part that belongs to the span. */
function markedLine(span: Span, number: number, mark: string): { text: string; underline: string } {
  const line = span.file.line(number);
  const lineStart = span.file.lineStarts[number - 1] as number;
  const start = Math.min(Math.max(span.start - lineStart, 0), line.length);
  const end = Math.max(span.end - lineStart, start);
  const from = line.length > MOST_CHARACTERS ? outsidePair(line, Math.max(0, start - BEFORE_SPAN)) : 0;
  const to = outsidePair(line, Math.min(line.length, from + MOST_CHARACTERS));
  const cells: Cell[] = cellsOf(line.slice(from, to), from);
  const before = from > 0 ? "…" : "";
  const after = to < line.length ? "…" : "";
  let skip = before.length;
  let marks = 0;
  for (const { at, width } of cells) {
    if (at < start) skip += width;
    else if (at < end) marks += width;
  }
  const text = `${before}${cells.map(({ shown }) => shown).join("")}${after}`;
  return { text, underline: " ".repeat(skip) + mark.repeat(Math.max(1, marks)) };
}

/** Not between the two halves of a character. */
function outsidePair(line: string, at: number): number {
  const code = line.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}

export interface JsonPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

export interface JsonDiagnostic extends JsonPlace {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly help: string | null;
  readonly why: string | null;
  readonly related: readonly (JsonPlace & { readonly message: string })[];
}

/** A diagnostic for programs; lines and columns count from 1, columns in UTF-16 units, the end is exclusive. */
export function toJson(diagnostic: Diagnostic): JsonDiagnostic {
  const { code, severity, message, span, help = null, why = null, related = [] } = diagnostic;
  return {
    code,
    severity,
    message,
    ...placeOf(span),
    help,
    why,
    related: related.map((other) => ({ ...placeOf(other.span), message: other.message })),
  };
}

function placeOf(span: Span): JsonPlace {
  const start = span.file.position(span.start);
  const end = span.file.position(span.end);
  return {
    file: span.file.name,
    line: start.line,
    column: start.column,
    endLine: end.line,
    endColumn: end.column,
  };
}

const LEVELS: Record<Severity, string> = { error: "error", warning: "warning", info: "note" };

/** What else a SARIF log says. */
export interface SarifOptions {
  /** Of tsnet. */
  readonly version?: string;
  /** Diagnostics that the text itself silences, and its reasons. */
  readonly silenced?: readonly { readonly diagnostic: Diagnostic; readonly reason: string }[];
}

/** The diagnostics as a SARIF 2.1.0 log of one run (OASIS, 2020). */
export function toSarif(list: readonly Diagnostic[], { version, silenced = [] }: SarifOptions = {}): object {
  const all = [...list, ...silenced.map(({ diagnostic }) => diagnostic)];
  const codes = [...new Set(all.map(({ code }) => code))].sort();
  const fingerprints = fingerprintsOf(all);
  const results = all.map((diagnostic, i) => {
    const reason = silenced[i - list.length]?.reason;
    return {
      ruleId: diagnostic.code,
      ruleIndex: codes.indexOf(diagnostic.code),
      level: LEVELS[diagnostic.severity],
      message: { text: sentences(diagnostic) },
      locations: [{ physicalLocation: sarifLocation(diagnostic.span) }],
      relatedLocations: (diagnostic.related ?? []).map(({ span, message }, id) => ({
        id,
        message: { text: message },
        physicalLocation: sarifLocation(span),
      })),
      partialFingerprints: { "tsnetStatement/v1": fingerprints[i] },
      ...(reason === undefined ? {} : { suppressions: [{ kind: "inSource", justification: reason }] }),
    };
  });
  const driver = { name: "tsnet", ...(version === undefined ? {} : { version }), rules: codes.map(sarifRule) };
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [{ tool: { driver }, columnKind: "utf16CodeUnits", results }],
  };
}

/** What stays the same when lines are inserted above: code, file and words, and which of equal ones it is. */
function fingerprintsOf(list: readonly Diagnostic[]): string[] {
  const counts = new Map<string, number>();
  return list.map(({ code, span: { file, start, end } }) => {
    const words = `${code} ${file.name} ${file.text.slice(start, end).replace(/\s+/g, " ")}`;
    const count = (counts.get(words) ?? 0) + 1;
    counts.set(words, count);
    return `${digest(words)}:${count}`;
  });
}

/** FNV-1a of 64 bits over UTF-16 units (Fowler, Noll, Vo: RFC 9923), in hexadecimal. */
function digest(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++)
    hash = ((hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash.toString(16).padStart(16, "0");
}

function sentences({ message, why, help }: Diagnostic): string {
  return [message, why === undefined ? undefined : `Why: ${why}`, help === undefined ? undefined : `Help: ${help}`]
    .filter((text) => text !== undefined)
    .join("\n");
}

function sarifRule(code: string): object {
  const entry = catalogue()[code];
  if (entry === undefined) return { id: code };
  return {
    id: code,
    shortDescription: { text: entry.title },
    fullDescription: { text: entry.explanation },
    help: {
      text:
        entry.severity === "error"
          ? entry.explanation
          : `${entry.explanation} To silence it on a line: # tsnet: ignore ${code} REASON`,
    },
    defaultConfiguration: { level: LEVELS[entry.severity] },
  };
}

function sarifLocation(span: Span): object {
  const { file, line, column, endLine, endColumn } = placeOf(span);
  return {
    artifactLocation: { uri: uriOf(file) },
    region: { startLine: line, startColumn: column, endLine, endColumn },
  };
}

/** A file name as a URI reference: relative names stay relative. */
function uriOf(name: string): string {
  return encodeURI(name.replace(/\p{Surrogate}/gu, "\ufffd")).replace(/[#?]/g, encodeURIComponent);
}
