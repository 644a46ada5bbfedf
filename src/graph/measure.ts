/** Sizes of what is drawn, in pixels. Names are set in a fixed-width font, so that their width is known without one. */
import type { Node } from "./picture.js";

export const FONT = { name: 13, label: 12, title: 12 } as const;
/** Width of a character to its height: 0.6 in most fixed-width fonts, a little less in the others. */
const FIXED = 0.61;
/** The same for the title's proportional font, where it is wide. */
const WIDE = 0.62;

export const LINE = 20;
export const PAD = { x: 14, y: 9 } as const;

/** Lines of names in a node before the others are counted. */
const MOST_LINES = 8;
const MOST_CHARACTERS = 30;

export interface NodeText {
  readonly lines: readonly string[];
  /** How many names have no line. */
  readonly more: number;
  readonly within: string;
}

export function nodeText({ names, within }: Node): NodeText {
  const shown = names.length <= MOST_LINES ? names : names.slice(0, MOST_LINES - 1);
  return {
    lines: shown.map((name) => shortened(name, MOST_CHARACTERS)),
    more: names.length - shown.length,
    within: within === "" ? "" : shortened(`⟲ ${within}`, MOST_CHARACTERS),
  };
}

export function nodeSize(node: Node): { width: number; height: number } {
  const { lines, more, within } = nodeText(node);
  const texts = [...lines, ...(more > 0 ? [moreText(more)] : []), ...(within === "" ? [] : [within])];
  const longest = Math.max(6, ...texts.map((text) => [...text].length));
  return {
    width: Math.ceil(longest * FONT.name * FIXED) + 2 * PAD.x,
    height: texts.length * LINE + 2 * PAD.y,
  };
}

export function moreText(more: number): string {
  return `and ${more} more`;
}

export function labelSize(label: string): { width: number; height: number } {
  return { width: Math.ceil([...label].length * FONT.label * FIXED) + 8, height: FONT.label + 6 };
}

export function titleWidth(title: string): number {
  return Math.ceil([...title].length * FONT.title * WIDE);
}

/** `text` with its middle left out where it is longer than this. */
export function shortened(text: string, most: number): string {
  const characters = [...text];
  if (characters.length <= most) return text;
  const half = (most - 1) / 2;
  return `${characters.slice(0, Math.ceil(half)).join("")}…${characters.slice(-Math.floor(half)).join("")}`;
}
