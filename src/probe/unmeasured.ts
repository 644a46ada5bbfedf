/** A policy's cells with nothing measured. Pure. */
import type { Policy } from "../ir/policy.js";
import { type Cell, everyCell } from "./cells.js";
import type { Result } from "./compare.js";
import { planPlace } from "./place.js";
import { cellJson } from "./summary.js";

export function unmeasured(cell: Cell, remark?: string): Result {
  return { cell, measured: undefined, agrees: false, unproven: false, remark, answer: undefined };
}

/** `{"cells":[…]}` as `try --json` has it, in pieces, a cell a line: large policies have more than fits in one text. */
export function* cellsJson(policy: Policy): Generator<string> {
  let piece = '{"cells":[';
  let separator = "\n";
  for (const cell of everyCell(policy, planPlace(policy))) {
    piece += separator + JSON.stringify(cellJson(unmeasured(cell)));
    separator = ",\n";
    if (piece.length < PIECE) continue;
    yield piece;
    piece = "";
  }
  yield `${piece}\n]}\n`;
}

/** Characters of a piece, or a little more. */
const PIECE = 1 << 18;
