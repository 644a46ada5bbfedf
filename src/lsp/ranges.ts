/** Places as the protocol has them: lines and UTF-16 units from 0. */
import type { Position, Range } from "vscode-languageserver/node.js";
import type { SourceFile, Span } from "../text/source.js";

export function toPosition(file: SourceFile, offset: number): Position {
  const { line, column } = file.position(offset);
  return { line: line - 1, character: column - 1 };
}

export function toRange({ file, start, end }: Span): Range {
  return { start: toPosition(file, start), end: toPosition(file, end) };
}

/** The offset of a place; the end of its line, or of the file, where there is no such place. */
export function toOffset(file: SourceFile, { line, character }: Position): number {
  const start = file.lineStarts[line];
  if (start === undefined) return file.text.length;
  return start + Math.min(character, file.line(line + 1).length);
}

/** Whether an offset is in a span, or right behind it. */
export function touches({ start, end }: Span, offset: number): boolean {
  return offset >= start && offset <= end;
}
