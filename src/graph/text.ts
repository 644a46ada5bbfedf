/** The graph as people read it on a terminal: a matrix, and the statements behind it. Pure. */
import { safe } from "../text/display.js";
import { shortened } from "./measure.js";
import type { Case, EndGroup, Flow, Graph, GraphStatement } from "./model.js";
import { SOME_ADDRESSES } from "./summary.js";

export interface TextOptions {
  /** Columns of the terminal. */
  readonly width: number;
  readonly color: boolean;
}

/** Widest column of the matrix, and widest name before a row. */
const COLUMN = 16;
const NAME = 22;
const MARK = { nothing: "·", none: "-" } as const;
/** What stands in the letters' place for everything. */
const ALL = { text: "all", sign: "#" } as const;
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ123456789";

export function renderText(graph: Graph, { width, color }: TextOptions): string {
  const paint = (code: string, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const names = namesOf(graph.groups);
  const cells = graph.matrix.map((row) => row.map((index) => cellText(graph.flows[index])));
  const matrix = wideMatrix(names, cells, width, paint) ?? letterMatrix(names, cells, width, paint);
  const parts = [
    matrix ?? lists(names, cells, width),
    key(cells.flat()),
    members(graph.groups, names, width),
    statements(graph, names),
    others(graph),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

type Paint = (code: string, text: string) => string;

/** What a flow comes to in a cell. */
export function cellText(flow: Flow | undefined): string {
  if (flow === undefined) return MARK.none;
  return flow.label === "" ? (flow.refusal ?? MARK.nothing) : safe(flow.label);
}

/** A short name for each group. */
export function namesOf(groups: readonly EndGroup[]): string[] {
  return groups.map(({ names }) => {
    const whole = safe(names.join(", "));
    if (whole.length <= COLUMN || names.length === 1) return whole;
    return `${safe(names[0] ?? "")} +${names.length - 1}`;
  });
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

// The matrix ---------------------------------------------------------------------------------------------------------

const CORNER = "from \\ to";

/** A column for each end with the services in it; undefined where that is too wide. */
function wideMatrix(
  names: readonly string[],
  cells: readonly string[][],
  width: number,
  paint: Paint,
): string | undefined {
  const head = Math.max(CORNER.length, ...names.map((name) => Math.min(name.length, NAME)));
  const whole = names.map((name, j) => Math.max(name.length, ...cells.map((row) => row[j]?.length ?? 0)));
  const fits = (columns: readonly number[]) => head + columns.reduce((sum, one) => sum + one + 2, 0) <= width;
  const widths = fits(whole) ? whole : whole.map((one) => Math.min(one, COLUMN));
  if (!fits(widths)) return undefined;
  const line = (first: string, rest: readonly string[]) =>
    [cut(first, head).padEnd(head), ...rest.map((text, j) => cut(text, widths[j] ?? 0).padEnd(widths[j] ?? 0))]
      .join("  ")
      .trimEnd();
  const rows = names.map((name, i) => line(name, cells[i] ?? []));
  return [paint("2", line(CORNER, names)), ...rows].join("\n");
}

/** Narrowest column of names beside the letters. */
const NARROWEST = 8;

/** A letter for each distinct cell, and numbers for the columns; undefined where even that is too wide. */
function letterMatrix(
  names: readonly string[],
  cells: readonly string[][],
  width: number,
  paint: Paint,
): string | undefined {
  const digits = String(names.length).length;
  const room = width - names.length * 2 - digits - 2;
  const distinct = [...new Set(cells.flat())].filter((text) => text !== MARK.nothing && text !== MARK.none);
  if (room < NARROWEST || distinct.length > LETTERS.length) return undefined;
  const column = Math.min(room, Math.max(CORNER.length, ...names.map((name) => name.length)));
  const open = distinct.filter((text) => text === ALL.text).map((text) => [text, ALL.sign] as const);
  const others = distinct.filter((text) => text !== ALL.text).map((text, i) => [text, LETTERS[i] ?? "?"] as const);
  const letters = new Map([...open, ...others]);
  const numbers = names.map((_, j) => String(j + 1).padStart(digits));
  const header = Array.from({ length: digits }, (_, digit) => {
    const first = digit === digits - 1 ? cut(CORNER, column) : "";
    return paint(
      "2",
      `${" ".repeat(digits)} ${first.padEnd(column)} ${numbers.map((number) => number[digit]).join(" ")}`,
    );
  });
  const rows = names.map((name, i) => {
    const own = (cells[i] ?? []).map((text) => letters.get(text) ?? text);
    return `${numbers[i]} ${shortened(name, column).padEnd(column)} ${own.join(" ")}`;
  });
  const legend = [...letters].map(([text, letter]) => `  ${letter}  ${text}`);
  return [...header, ...rows, "", ...legend].join("\n");
}

/** Where there are too many ends for a matrix: for each source, who is reached how. */
function lists(names: readonly string[], cells: readonly string[][], width: number): string {
  return names
    .map((name, i) => {
      const byText = new Map<string, string[]>();
      cells[i]?.forEach((text, j) => {
        if (text === MARK.nothing || text === MARK.none) return;
        byText.set(text, [...(byText.get(text) ?? []), names[j] ?? ""]);
      });
      const lines = [...byText].flatMap(([text, to]) => wrapped(`  ${text} -> `, to, width));
      return [name, ...(lines.length === 0 ? ["  nobody"] : lines)].join("\n");
    })
    .join("\n");
}

function wrapped(first: string, words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = first;
  words.forEach((word, i) => {
    const text = i + 1 < words.length ? `${word}, ` : word;
    if (line.trim() !== "" && line !== first && line.length + text.trimEnd().length > width) {
      lines.push(line.trimEnd());
      line = "    ";
    }
    line += text;
  });
  return [...lines, line];
}

// Below the matrix ---------------------------------------------------------------------------------------------------

/** What the signs mean that occur. */
function key(cells: readonly string[]): string {
  const has = (test: (text: string) => boolean) => cells.some(test);
  const entries: [string, string, boolean][] = [
    ["22, 53/udp", "these TCP and UDP ports", has((text) => /(^|\s)\d/.test(text))],
    ["all", "every protocol and port", has((text) => text === "all")],
    [":8080", "through this port of the host, published", has((text) => text.includes(":"))],
    [SOME_ADDRESSES, "for some addresses only", has((text) => text.includes(SOME_ADDRESSES))],
    [MARK.nothing, "nothing, by default", has((text) => text === MARK.nothing)],
    ["deny, reject", "nothing, by a statement", has((text) => text === "deny" || text === "reject")],
    [MARK.none, "itself, or not a matter of this policy", has((text) => text === MARK.none)],
  ];
  return entries.flatMap(([sign, words, occurs]) => (occurs ? [`  ${sign.padEnd(12)}  ${words}`] : [])).join("\n");
}

/** Who is behind a short name. */
function members(groups: readonly EndGroup[], names: readonly string[], width: number): string {
  return groups
    .flatMap(({ names: all }, i) => {
      const own = names[i] ?? "";
      return all.length === 1 || own === safe(all.join(", ")) ? [] : wrapped(`${own}: `, all.map(safe), width);
    })
    .join("\n");
}

/** Each statement that decides, and what it does between whom. */
function statements({ groups, matrix, flows, statements: list, files }: Graph, names: readonly string[]): string {
  /** By statement and by what it does: for each source its destinations. */
  const decided = new Map<number, Map<string, Map<number, number[]>>>();
  groups.forEach((_, from) =>
    groups.forEach((_, to) => {
      for (const one of flows[matrix[from]?.[to] ?? -1]?.cases ?? [])
        for (const index of one.default === undefined ? one.by : []) {
          const ways = mapAt(decided, index, () => new Map<string, Map<number, number[]>>());
          const sources = mapAt(ways, caseText(one), () => new Map<number, number[]>());
          mapAt(sources, from, () => []).push(to);
        }
    }),
  );
  const place = ({ file, line }: GraphStatement) =>
    files.length === 1 ? `line ${line}` : `${files[file]?.name}:${line}`;
  const listed = (ends: Iterable<number>) => shortList([...new Set(ends)].map((end) => names[end] ?? ""));
  return [...decided]
    .sort(([a], [b]) => order(list[a], list[b]))
    .flatMap(([index, ways]) => {
      const statement = list[index] as GraphStatement;
      const lines = [...ways].flatMap(([what, sources]) => {
        const byDestinations = new Map<string, number[]>();
        for (const [from, to] of sources) mapAt(byDestinations, listed(to), () => []).push(from);
        return [...byDestinations].map(([to, from]) => `  ${listed(from)} -> ${to}: ${what}`);
      });
      return [`${safe(place(statement))}: ${safe(statement.text)}`, ...lines];
    })
    .join("\n");
}

/** Names that a list has before it counts the others. */
const MOST_NAMES = 4;

function shortList(all: readonly string[]): string {
  if (all.length <= MOST_NAMES) return all.join(", ");
  return `${all.slice(0, MOST_NAMES - 1).join(", ")} and ${all.length - MOST_NAMES + 1} others`;
}

function order(a: GraphStatement | undefined, b: GraphStatement | undefined): number {
  if (a === undefined || b === undefined) return 0;
  return a.file - b.file || a.line - b.line || a.column - b.column;
}

function mapAt<K, V>(map: Map<K, V>, at: K, make: () => V): V {
  let value = map.get(at);
  if (value === undefined) map.set(at, (value = make()));
  return value;
}

/** `allow 22`, `deny all from 10.0.0.0/8`, `allow 443 through 8443`. */
export function caseText({ verdict, services, rest, via, from, to }: Case): string {
  const what = via !== undefined ? via.ways.join(", ") : rest ? "all" : services.join(", ");
  const places = [...(from === undefined ? [] : [`from ${from}`]), ...(to === undefined ? [] : [`to ${to}`])];
  return [verdict, what, ...places].map(safe).join(" ");
}

function others({ others: list }: Graph): string {
  return list.map(({ name, what }) => `${safe(name)}: ${safe(what)}`).join("\n");
}
