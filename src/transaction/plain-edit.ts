/** Texts that differ by plain rules only, found without compiling the older. */
import { readPlainRules } from "../../grammar/common-lines.js";
import type { PlainRules } from "../ast/plain-rules.js";
import type { Compiled } from "../ir/compile.js";
import { isSelfContained } from "../ir/self-contained.js";
import type { Texts } from "./history.js";
import type { Splice } from "./state.js";

const NEWLINE = 10;

/** Texts that differ by more lines than this are compared as whole policies. */
const MOST = 2000;

export interface PlainEdit {
  /** The one place where the texts differ. */
  readonly splice: Splice;
  readonly removed: PlainRules;
  readonly added: PlainRules;
}

/**
 * What the texts of a compiled policy have that older ones hadn't, and the other way round. Undefined where they differ
 * by more than plain rules, or where a rule more or less changes more than rules.
 */
export function plainEdit({ files, policy }: Compiled, old: Texts): PlainEdit | undefined {
  if (files.length !== old.files.length || !isSelfContained(policy)) return undefined;
  let edit: PlainEdit | undefined;
  for (const [i, { name, text }] of files.entries()) {
    const before = old.files[i];
    if (before?.name !== name) return undefined;
    if (before.text === text) continue;
    if (edit !== undefined) return undefined;
    const [start, end, oldEnd] = bounds(text, before.text);
    const [added, removed] = [text.slice(start, end), before.text.slice(start, oldEnd)].map(readPlainRules);
    if (added === undefined || removed === undefined || added.length + removed.length > MOST) return undefined;
    edit = { removed, added, splice: { file: i, start, end: oldEnd, text: text.slice(start, end) } };
  }
  return edit;
}

/** Where two texts differ: whole lines from `start`, to `end` in the one and to `oldEnd` in the other. */
function bounds(text: string, old: string): [start: number, end: number, oldEnd: number] {
  const most = Math.min(text.length, old.length);
  let same = commonPrefix(text, old, most);
  same = text.lastIndexOf("\n", same - 1) + 1;
  const tail = commonSuffix(text, old, most - same);
  const shift = old.length - text.length;
  let end = text.length - tail;
  // A line of the one may end as one of the other does.
  if (!startsLine(text, end) || !startsLine(old, end + shift)) {
    const next = text.indexOf("\n", end);
    end = next === -1 ? text.length : next + 1;
  }
  return [same, end, end + shift];
}

function startsLine(text: string, at: number): boolean {
  return at === 0 || at === text.length || text.charCodeAt(at - 1) === NEWLINE;
}

/** By halves: comparing slices is the engine's own work. */
function commonPrefix(a: string, b: string, most: number): number {
  let low = 0;
  for (let step = most; step > 0;) {
    if (low + step <= most && a.slice(low, low + step) === b.slice(low, low + step)) low += step;
    else step >>= 1;
  }
  return low;
}

function commonSuffix(a: string, b: string, most: number): number {
  let low = 0;
  for (let step = most; step > 0;) {
    const size = low + step;
    if (size <= most && a.slice(a.length - size, a.length - low) === b.slice(b.length - size, b.length - low))
      low = size;
    else step >>= 1;
  }
  return low;
}

type File = Texts["files"][number];

/** One file is the policy, whatever it is called. */
function isSameFile(before: File | undefined, name: string, files: number): before is File {
  return before !== undefined && (before.name === name || files === 1);
}

/** A line that publishes one port of TCP, and nothing else. */
const PUBLISH = /publish \d{1,5} -> [A-Za-z_][\w.-]*:\d{1,5}[ \t]*(?:\r?\n|$)/y;

/**
 * Whether the texts have nothing but lines more that publish single TCP ports, to everybody: they allow more and nothing
 * less, so no connection is to be cut.
 */
export function onlyPublishesMore({ files }: Compiled, old: Texts): boolean {
  if (files.length !== old.files.length) return false;
  return files.every(({ name, text }, i) => {
    const before = old.files[i];
    if (!isSameFile(before, name, files.length)) return false;
    const [now, then] = [withoutPublishes(text), withoutPublishes(before.text)];
    // Which ports `publish all` takes depends on the others.
    return (
      now.rest === then.rest &&
      !/\bpublish\s+all\b/.test(now.rest) &&
      [...then.lines].every((line) => now.lines.has(line))
    );
  });
}

function withoutPublishes(text: string): { rest: string; lines: Set<string> } {
  const lines = new Set<string>();
  const parts: string[] = [];
  let from = 0;
  for (let at = text.indexOf("publish "); at !== -1; at = text.indexOf("publish ", at + 1)) {
    PUBLISH.lastIndex = at;
    if (!startsLine(text, at) || !PUBLISH.test(text)) continue;
    lines.add(text.slice(at, PUBLISH.lastIndex).trimEnd());
    parts.push(text.slice(from, at));
    from = PUBLISH.lastIndex;
    at = from - 1;
  }
  return { rest: parts.join("") + text.slice(from), lines };
}

/** Not the beginning of a line that only allows more, or that says nothing. */
const OTHER_LINE = /^(?!allow |let [\w.-]+ = \{|#|\r?$)/m;

/**
 * Whether the texts have nothing but lines more, all in one place of a file, each an allow statement or a `let` for them:
 * they allow more and nothing less, so no connection is to be cut. False where that isn't plain to see.
 */
export function onlyAllowsMore({ files }: Compiled, old: Texts): boolean {
  if (files.length !== old.files.length) return false;
  return files.every(({ name, text }, i) => {
    const before = old.files[i];
    if (!isSameFile(before, name, files.length)) return false;
    if (before.text === text) return true;
    const [start, end, oldEnd] = bounds(text, before.text);
    if (oldEnd !== start || !startsLine(text, start) || !startsLine(text, end)) return false;
    const lines = text.slice(start, end);
    // Commas and semicolons begin other statements, but for those between braces.
    const plain = lines.includes("{") ? lines.replace(/\{[^{}\n]*\}/g, "") : lines;
    return !OTHER_LINE.test(lines.endsWith("\n") ? lines.slice(0, -1) : lines) && !/[,;{}]/.test(plain);
  });
}
