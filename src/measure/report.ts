/** What was measured, as a table for people and as Markdown. */
import type { Figure } from "./statistics.js";

/** What one figure comes to beside another. */
export interface Ratio {
  readonly name: string;
  readonly value: number;
  /** What it should be at most, where somebody wants something of it. */
  readonly limit?: number;
}

export interface Suite {
  readonly name: string;
  /** What must be known to read the figures. */
  readonly note?: string;
  readonly figures: readonly Figure[];
  readonly ratios: readonly Ratio[];
  /** What could not be measured, and why. */
  readonly missing: readonly string[];
}

/** The median of the figure `over` divided by that of `under`; none where one of them is missing. */
export function ratio(figures: readonly Figure[], over: string, under: string): Ratio[] {
  const [a, b] = [over, under].map((wanted) => figures.find((figure) => figure.name === wanted));
  if (a === undefined || b === undefined) return [];
  return [{ name: `${over} / ${under}`, value: a.median / b.median }];
}

/** Three digits that matter, and no exponent. */
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ",");
  return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

const HEADINGS = ["", "median", "p99", "min", "max", ""] as const;

function cells({ name, unit, count, median, p99, min, max }: Figure): string[] {
  const range = count === 1 ? ["", ""] : [digits(min), digits(max)];
  return [name, digits(median), p99 === undefined ? "" : digits(p99), ...range, unit];
}

function ratioText({ name, value, limit }: Ratio): string {
  return `${name}: ${value < 0.1 ? value.toPrecision(2) : value.toFixed(2)}${limit === undefined ? "" : ` (wanted: at most ${limit})`}`;
}

export function toTable(suites: readonly Suite[]): string {
  const lines: string[] = [];
  for (const { name, note, figures, ratios, missing } of suites) {
    lines.push("", name, ...(note === undefined ? [] : [`  ${note}`]));
    const rows = [[...HEADINGS], ...figures.map(cells)];
    const widths = HEADINGS.map((_, i) => Math.max(...rows.map((row) => (row[i] as string).length)));
    const pad = (cell: string, i: number): string =>
      i === 0 || i === HEADINGS.length - 1 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number);
    // A column that nobody fills is left out.
    const filled = HEADINGS.map((_, i) => i === 0 || rows.slice(1).some((row) => row[i] !== ""));
    const text = (row: readonly string[]): string =>
      row
        .map(pad)
        .filter((_, i) => filled[i])
        .join("  ");
    if (figures.length > 0) lines.push(...rows.map((row) => `  ${text(row)}`.trimEnd()));
    lines.push(...ratios.map((one) => `  ${ratioText(one)}`), ...missing.map((what) => `  not measured: ${what}`));
  }
  return lines.slice(1).join("\n");
}

export function toMarkdown(suites: readonly Suite[]): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const lines: string[] = [];
  for (const { name, note, figures, ratios, missing } of suites) {
    lines.push(`### ${name}`, "", ...(note === undefined ? [] : [note, ""]));
    if (figures.length > 0)
      lines.push(
        "| what | median | p99 | min | max | unit |",
        "|---|--:|--:|--:|--:|---|",
        ...figures.map((figure) => `| ${cells(figure).map(cell).join(" | ")} |`),
        "",
      );
    const remarks = [...ratios.map(ratioText), ...missing.map((what) => `not measured: ${what}`)];
    if (remarks.length > 0) lines.push(...remarks.map((remark) => `- ${remark}`), "");
  }
  return lines.join("\n").trimEnd();
}
