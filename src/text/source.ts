/**
 * Source files and spans.
 *
 * A span is a pair of UTF-16 offsets into one file; lines and columns (both from 1) are worked out only when a
 * diagnostic is shown, so that spans cost nothing on the hot path.
 */

/** A policy text and the name under which the user knows it (`-` for standard input). */
export class SourceFile {
  readonly name: string;
  readonly text: string;
  /** Offsets at which lines start, as far as somebody has asked; the first is 0, or 1 behind a byte order mark. */
  private readonly starts: number[];
  private isWhole = false;

  constructor(name: string, text: string) {
    this.name = name;
    this.text = text;
    this.starts = [text.charCodeAt(0) === 0xfeff ? 1 : 0];
  }

  /** Offsets at which lines start; the first is 0, or 1 behind a byte order mark. */
  get lineStarts(): readonly number[] {
    return this.startsTo(this.text.length);
  }

  /** All that are not behind an offset, and perhaps some that are: who asks for the first lines need not read on. */
  private startsTo(offset: number): readonly number[] {
    const { starts, text } = this;
    while (!this.isWhole && (starts[starts.length - 1] as number) <= offset) {
      const at = text.indexOf("\n", starts[starts.length - 1]);
      if (at === -1) this.isWhole = true;
      else starts.push(at + 1);
    }
    return starts;
  }

  /** Line and column, both from 1; columns count UTF-16 units. */
  position(offset: number): Position {
    const starts = this.startsTo(offset);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: Math.max(offset - (starts[low] as number), 0) + 1 };
  }

  /** The text of a line, counted from 1, without its line end. */
  line(number: number): string {
    const starts = this.lineStarts;
    const start = starts[number - 1];
    if (start === undefined) return "";
    const end = starts[number];
    return this.text.slice(start, end === undefined ? this.text.length : end - 1).replace(/\r$/, "");
  }
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A half-open range `[start, end)` of offsets in one file. */
export interface Span {
  readonly file: SourceFile;
  readonly start: number;
  readonly end: number;
}

/** The smallest span that covers both; they must be of one file. */
export function cover(a: Span, b: Span): Span {
  return { file: a.file, start: Math.min(a.start, b.start), end: Math.max(a.end, b.end) };
}

/** `file:line:column` of a span's start, as editors and terminals make clickable. */
export function location(span: Span): string {
  const { line, column } = span.file.position(span.start);
  return `${span.file.name}:${line}:${column}`;
}
