/** The matrix as people read it: who reaches whom, as the policy says and as measured. Pure. */
import { formatAddress } from "../net/address.js";
import type { Cell } from "./cells.js";
import { count, decidedBy, differs } from "./summary.js";
import type { Result } from "./compare.js";
import { foldPairs } from "./fold.js";
import { type Unnamed } from "./services.js";

export interface MatrixOptions {
  readonly color: boolean;
  /** Ports that stand for whatever no statement names. */
  readonly unnamed: Unnamed;
}

/** One line of the matrix: alike in everything but the pair. */
interface Row {
  readonly services: string;
  readonly expected: string;
  readonly measured: string;
  readonly mark: "ok" | "DIFFERS" | "";
  readonly by: string;
  readonly pairs: [string, string][];
  probes: number;
}

export function renderMatrix(results: readonly Result[], options: MatrixOptions): string {
  const rows = foldRows(results, options.unnamed);
  const table = rows.map((row) => [
    foldPairs(row.pairs),
    row.services,
    row.expected,
    row.measured,
    row.mark,
    String(row.probes),
    row.by,
  ]);
  const head = ["from -> to", "service", "policy", "measured", "", "probes", "decided by"];
  const lines = aligned([head, ...table], options.color);
  const differences = results.filter(differs).flatMap((result) => difference(result, options.color));
  return [...differences, ...(differences.length > 0 ? [""] : []), ...lines].join("\n");
}
