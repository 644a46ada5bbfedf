/** The matrix as people read it: who reaches whom, as the policy says and as measured. Pure. */
import { formatAddress } from "../net/address.js";
import type { Result } from "./compare.js";
import { foldPairs } from "./fold.js";
import { foldRows, type Row, serviceText } from "./rows.js";
import type { Unnamed } from "./services.js";
import { count, decidedBy, differs } from "./summary.js";

export interface MatrixOptions {
  readonly color: boolean;
  /** Ports that stand for whatever no statement names. */
  readonly unnamed: Unnamed;
}

const HEAD = ["from -> to", "service", "policy", "measured", "", "probes", "decided by"] as const;
/** A column wider than this pushes only its own line. */
const WIDEST = 40;

/** Differences first and in full, then the matrix. */
export function renderMatrix(results: readonly Result[], { color, unnamed }: MatrixOptions): string {
  const rows = foldRows(results, unnamed);
  const lines = rows.flatMap(rowLines);
  const widths = HEAD.map((title, i) => Math.max(title.length, ...lines.map((line) => limited(line[i]?.length ?? 0))));
  const shown = [HEAD, ...lines].map((line, i) => {
    const text = line
      .map((word, column) => word.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
    return i === 0 ? paint(text, "2", color) : paintMark(text, color);
  });
  const differences = results.filter(differs).flatMap((result) => difference(result, color));
  return [...differences, ...shown].join("\n");
}

function limited(width: number): number {
  return width > WIDEST ? 0 : width;
}

function rowLines({ services, results, pairs }: Row): string[][] {
  const [first] = results;
  if (first === undefined) return [];
  const mark = first.measured === undefined ? "" : first.agrees ? "✓" : "✗";
  const by = decidedBy(first.cell).map(({ text, at }) => (at === undefined ? text : `${text}  ${at}`));
  return foldPairs(pairs).map((pair, i) => [
    pair,
    services,
    first.cell.expected,
    first.measured ?? "not measured",
    mark,
    i === 0 ? String(results.length) : "",
    by.join("; "),
  ]);
}

/** One difference, with everything that is needed to look for its cause. */
function difference({ cell, measured, remark }: Result, color: boolean): string[] {
  const from = `${cell.from} (${formatAddress(cell.source)})`;
  const to = `${cell.to} (${formatAddress(cell.destination)})`;
  const said = `the policy says ${cell.expected}, measured ${measured}${remark === undefined ? "" : `: ${remark}`}`;
  return [
    `${paint("DIFFERS", "31;1", color)}  ${from} -> ${to} ${serviceText(cell)}: ${said}`,
    ...decidedBy(cell).map(({ text, at }) => `         ${text}${at === undefined ? "" : `  ${at}`}`),
    "",
  ];
}

function paintMark(text: string, color: boolean): string {
  return text.replace(" ✓ ", ` ${paint("✓", "32", color)} `).replace(" ✗ ", ` ${paint("✗", "31;1", color)} `);
}

function paint(text: string, code: string, color: boolean): string {
  return color ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/** The last lines: how many probes came out as the policy says, and what could not be measured. */
export function summaryLines(results: readonly Result[], left: number, represented: number): string[] {
  const { cells, measured, agreeing } = count(results);
  const reasons = new Map<string, number>();
  for (const result of results) {
    if (result.measured === undefined) reasons.set(result.remark ?? "", (reasons.get(result.remark ?? "") ?? 0) + 1);
  }
  const plural = (n: number, word: string) => `${n} ${word}${n === 1 ? "" : "s"}`;
  return [
    `${agreeing} of ${plural(measured, "probe")} measured what the policy says`,
    ...[...reasons].map(([reason, n]) => `${n} of ${cells} not measured: ${reason}`),
    ...(left === 0 ? [] : [`${plural(left, "further service")} that the policy names not probed, to keep it short`]),
    ...(represented === 0
      ? []
      : [`${plural(represented, "container")} not probed: of others the policy says the same`]),
  ];
}
