/** Source text on a terminal: what it shows, how wide that is, and nothing that the terminal would obey. */

const TAB_STOP = 4;

/** One character of a line as it is shown. */
export interface Cell {
  /** Its offset in the line. */
  readonly at: number;
  readonly shown: string;
  readonly width: number;
}

/** The cells of a line of text. */
export function cellsOf(line: string, from = 0): Cell[] {
  const cells: Cell[] = [];
  let column = 0;
  let at = from;
  for (const char of line) {
    const cell = cellOf(char, at, column);
    cells.push(cell);
    column += cell.width;
    at += char.length;
  }
  return cells;
}

function cellOf(char: string, at: number, column: number): Cell {
  if (char === "\t") {
    const width = TAB_STOP - (column % TAB_STOP);
    return { at, shown: " ".repeat(width), width };
  }
  const code = char.codePointAt(0) as number;
  if (isUnsafe(code)) {
    const shown = escapeCode(code);
    return { at, shown, width: shown.length };
  }
  return { at, shown: char, width: widthOf(code, char) };
}

/** `text` on one line, with everything escaped that a terminal would obey or hide. */
export function safe(text: string): string {
  let result = "";
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    result += isUnsafe(code) ? escapeCode(code) : char;
  }
  return result;
}

/** `text` as it is laid out, in lines and with tabs, with everything else escaped that a terminal would obey. */
export function safeLines(text: string): string {
  return text.replace(/[^\n\t]+/g, safe);
}

function escapeCode(code: number): string {
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** Control characters, invisible ones, those that turn the direction of text, and halves of pairs. */
function isUnsafe(code: number): boolean {
  return (
    code < 0x20 ||
    (code >= 0x7f && code < 0xa0) ||
    code === 0xad ||
    code === 0x061c ||
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x206f) ||
    (code >= 0xd800 && code <= 0xdfff) ||
    code === 0xfeff ||
    (code >= 0xfff9 && code <= 0xfffb) ||
    (code >= 0xe0000 && code <= 0xe007f)
  );
}

/** First and last of the blocks whose characters take two columns. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x231a, 0x231b],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

function widthOf(code: number, char: string): number {
  if (code < 0x300) return 1;
  if (/\p{Mn}|\p{Me}/u.test(char)) return 0;
  return WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}

/** A number and what it counts: `1 change`, `2 changes`. */
export function plural(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}
