/** The matrix as people read it: who reaches whom, as the policy says and as measured. Pure. */
import { formatAddress } from "../net/address.js";
import { plural, safe } from "../text/display.js";
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
/** A text wider than its column may be stands on a line of its own, or pushes only its own line. */
const WIDEST = [44, 36, 8, 12, 1, 6, 60] as const;

/** Differences first and in full, then the matrix. */
export function renderMatrix(results: readonly Result[], { color, unnamed }: MatrixOptions): string {
  const lines = foldRows(results, unnamed).flatMap(rowLines);
  const widths = HEAD.map((title, i) => {
    const fitting = lines.map((line) => line[i]?.length ?? 0).filter((width) => width <= (WIDEST[i] ?? 0));
    return Math.max(title.length, ...fitting);
  });
  const table = lines.flatMap((line, i) => {
    const [pair = "", ...others] = line;
    const repeated = i > 0 && lines[i - 1]?.[0] === pair;
    if (repeated) return [aligned(["", ...others], widths)];
    return pair.length <= (widths[0] ?? 0) ? [aligned(line, widths)] : [pair, aligned(["", ...others], widths)];
  });
  const differences = results.filter(differs).flatMap((result) => difference(result, color));
  return [
    ...differences,
    paint(aligned(HEAD, widths), "2", color),
    ...table.map((line) => paintMark(line, color)),
  ].join("\n");
}

function aligned(words: readonly string[], widths: readonly number[]): string {
  return words
    .map((word, i) => word.padEnd(widths[i] ?? 0))
    .join("  ")
    .trimEnd();
}

function rowLines({ services, example, pairs }: Row): string[][] {
  const { cell, measured, agrees } = example;
  const mark = measured === undefined ? "" : agrees ? "✓" : "✗";
  const by = decidedBy(cell).map(({ text, at }) => (at === undefined ? text : `${text}  ${at}`));
  return foldPairs(pairs).map((group) => {
    const probes = group.pairs.reduce((sum, [, , results]) => sum + results, 0);
    const words = [
      group.text,
      services,
      cell.expected,
      measured ?? "not measured",
      mark,
      String(probes),
      by.join("; "),
    ];
    return words.map(safe);
  });
}

/** One difference, with everything that is needed to look for its cause. */
function difference({ cell, measured, remark }: Result, color: boolean): string[] {
  const from = `${cell.from} (${formatAddress(cell.source)})`;
  const to = `${cell.to} (${formatAddress(cell.destination)})`;
  const said = `the policy says ${cell.expected}, measured ${measured}${remark === undefined ? "" : `: ${remark}`}`;
  return [
    `${paint("DIFFERS", "31;1", color)}  ${safe(`${from} -> ${to} ${serviceText(cell)}: ${said}`)}`,
    ...decidedBy(cell).map(({ text, at }) => `         ${safe(text)}${at === undefined ? "" : `  ${safe(at)}`}`),
    "",
  ];
}

function paintMark(text: string, color: boolean): string {
  return text.replace(" ✓ ", ` ${paint("✓", "32", color)} `).replace(" ✗ ", ` ${paint("✗", "31;1", color)} `);
}

function paint(text: string, code: string, color: boolean): string {
  return color ? `\u001b[${code}m${text}\u001b[0m` : text;
}

export interface Omitted {
  /** Probes, containers, and ranges of the world's addresses. */
  readonly left: number;
  readonly represented: number;
  readonly ranges: number;
}

/** The last lines: how many probes came out as the policy says, what wasn't measured and why, what was left out. */
export function summaryLines(results: readonly Result[], { left, represented, ranges }: Omitted): string[] {
  const { cells, measured, agreeing } = count(results);
  const reasons = new Map<string, number>();
  for (const result of results) {
    if (result.measured === undefined) reasons.set(result.remark ?? "", (reasons.get(result.remark ?? "") ?? 0) + 1);
  }
  const omitted = [
    [left, "further probe", "to keep it short"],
    [represented, "container", "of others the policy says the same"],
    [ranges, "range", "of the world's addresses there would be too many"],
  ] as const;
  return [
    ...(measured === 0 ? [] : [`${agreeing} of ${plural(measured, "probe")} measured what the policy says`]),
    ...[...reasons].map(([reason, n]) => `${n} of ${cells} not measured: ${reason}`),
    ...omitted.flatMap(([n, word, why]) => (n === 0 ? [] : [`${plural(n, word)} left out: ${why}`])),
  ];
}
