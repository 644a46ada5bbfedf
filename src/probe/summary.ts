/** What a trial comes to: counts, and the JSON of its cells. Pure. */
import { DEFAULTS } from "../ir/evaluate.js";
import type { Origin } from "../ir/policy.js";
import { formatAddress } from "../net/address.js";
import { location } from "../text/source.js";
import type { Cell } from "./cells.js";
import type { Result } from "./compare.js";

export interface Counts {
  readonly cells: number;
  readonly measured: number;
  readonly agreeing: number;
  readonly differing: number;
}

export function count(results: readonly Result[]): Counts {
  const measured = results.filter((result) => result.measured !== undefined);
  const agreeing = measured.filter((result) => result.agrees).length;
  return { cells: results.length, measured: measured.length, agreeing, differing: measured.length - agreeing };
}

/** Whether something else was measured than the policy says. */
export function differs(result: Result): boolean {
  return result.measured !== undefined && !result.agrees;
}

/** The policy's statement or default that decides a cell, and its place. */
export function decidedBy(cell: Cell): { text: string; at: string | undefined }[] {
  const out = new Map<string, { text: string; at: string | undefined }>();
  for (const decision of cell.decisions) {
    const said = decision.by.map(({ text, span }) => ({ text, at: location(span) }));
    if (decision.default !== null && said.length === 0) said.push({ text: defaultText(decision.default), at: "" });
    for (const { text, at } of said) out.set(`${text} ${at}`, { text, at: at === "" ? undefined : at });
  }
  return [...out.values()];
}

function defaultText(name: string): string {
  return `default: ${DEFAULTS[name as keyof typeof DEFAULTS]}`;
}

/** A cell as `try --json` prints it. */
export function cellJson({ cell, measured, agrees, remark, answer }: Result): Record<string, unknown> {
  const { via } = cell;
  return {
    from: cell.from,
    to: cell.to,
    port: cell.port ?? null,
    proto: cell.proto,
    expected: cell.expected,
    measured: measured ?? null,
    agrees: measured === undefined ? null : agrees,
    ...(remark === undefined ? {} : { remark }),
    family: cell.family,
    source: formatAddress(cell.source),
    destination: formatAddress(cell.destination),
    ...(via === undefined ? {} : { via: via.origin.text, targets: cell.targets.map(targetJson) }),
    by: distinctOrigins(cell).map(originJson),
    default: cell.decisions.find((decision) => decision.default !== null)?.default ?? null,
    ...(answer?.outcome === "open" && answer.peer !== undefined ? { seen: answer.peer } : {}),
  };
}

function distinctOrigins(cell: Cell): Origin[] {
  return [...new Set(cell.decisions.flatMap((decision) => decision.by))];
}

const known = new WeakMap<Origin, Record<string, unknown>>();

/** Made once for each statement: it may decide very many cells. */
function originJson(origin: Origin): Record<string, unknown> {
  let json = known.get(origin);
  if (json === undefined) {
    const { text, span } = origin;
    json = { text, file: span.file.name, ...span.file.position(span.start) };
    known.set(origin, json);
  }
  return json;
}

function targetJson({ name, address, port }: Cell["targets"][number]): Record<string, unknown> {
  return { name, address: formatAddress(address), port: port ?? null };
}
