/** A broken statement with one piece of it replaced. */
import { clip, endOf, isEnd, type Place } from "./place.js";
import type { Edit } from "./problem.js";
import * as T from "./tokens.js";

/** A longer statement, or one over several lines, is no help in a message. */
const MOST = 120;

/** The statement at hand after `edit`; undefined when that would not fit on a line. */
export function mended(place: Place, edit: Edit): string | undefined {
  const start = place.first.startOffset;
  const end = Math.max(endOfStatement(place), edit.end);
  if (edit.start < start || end - start > 2 * MOST) return undefined;
  const { text } = place.file;
  const whole = `${text.slice(start, edit.start)}${edit.text}${text.slice(edit.end, end)}`.trim();
  return clip(whole, MOST) === whole ? whole : undefined;
}

function endOfStatement(place: Place): number {
  let depth = 0;
  for (let at = 1; ; at++) {
    const token = place.token(at);
    if (token.tokenType === T.BlockOpen) depth++;
    const isOver = isEnd(token)
      ? depth === 0 || token.tokenType !== T.Separator
      : token.tokenType === T.BlockClose && depth-- === 0;
    if (isOver) return endOf(place.token(at - 1));
  }
}
