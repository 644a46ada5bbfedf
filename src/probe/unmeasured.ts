/** A policy's cells with nothing measured: what `graph --json` prints. Pure. */
import type { Policy } from "../ir/policy.js";
import { type Cell, planCells } from "./cells.js";
import type { Result } from "./compare.js";
import { planPlace } from "./place.js";
import { cellJson } from "./summary.js";

export function unmeasured(cell: Cell, remark?: string): Result {
  return { cell, measured: undefined, agrees: false, unproven: false, remark, answer: undefined };
}

/** `{"cells":[…]}` as `try --json` has it, a cell a line: large policies have very many. */
export function cellsJson(policy: Policy): string {
  const { cells } = planCells(policy, planPlace(policy));
  const lines = cells.map((cell) => JSON.stringify(cellJson(unmeasured(cell))));
  return `{"cells":[${lines.length === 0 ? "" : `\n${lines.join(",\n")}\n`}]}`;
}
