/** What the page carries: the graph, with its matrix in a shorter form, and what the picture's parts stand for. */
import type { EndGroup, Flow, Graph, GraphNetwork, GraphStatement } from "./model.js";

export interface PageData {
  readonly policy: string;
  readonly networks: readonly GraphNetwork[];
  readonly groups: readonly EndGroup[];
  readonly flows: readonly Flow[];
  readonly statements: readonly GraphStatement[];
  readonly files: readonly { readonly name: string; readonly text: string }[];
  readonly others: readonly { readonly name: string; readonly what: string }[];
  readonly self: readonly number[];
  /** Distinct rows of the matrix as runs: value, length, value, length, … */
  readonly rows: readonly (readonly number[])[];
  /** For each group its row, as a position in `rows`. */
  readonly rowOf: readonly number[];
  /** By the ids of nodes and edges. */
  readonly nodes: Readonly<Record<string, readonly number[]>>;
  readonly edges: Readonly<Record<string, readonly (readonly [number, number])[]>>;
}

export function encodeRows(matrix: Graph["matrix"]): Pick<PageData, "rows" | "rowOf"> {
  const rows: number[][] = [];
  const known = new Map<string, number>();
  const rowOf = matrix.map((row) => {
    const runs: number[] = [];
    for (const value of row) {
      if (runs.length > 0 && runs[runs.length - 2] === value) (runs[runs.length - 1] as number)++;
      else runs.push(value, 1);
    }
    const key = runs.join();
    let position = known.get(key);
    if (position === undefined) known.set(key, (position = rows.push(runs) - 1));
    return position;
  });
  return { rows, rowOf };
}

export function decodeRows({ rows, rowOf }: Pick<PageData, "rows" | "rowOf">): Int32Array[] {
  const decoded = rows.map((runs) => {
    const out: number[] = [];
    for (let i = 0; i < runs.length; i += 2) for (let n = runs[i + 1] ?? 0; n > 0; n--) out.push(runs[i] as number);
    return Int32Array.from(out);
  });
  return rowOf.map((position) => decoded[position] as Int32Array);
}
