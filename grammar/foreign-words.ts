/** Words with characters beyond ASCII: arrows, dashes, quotes and digits of other keyboards, and names. */
import type { Span } from "../src/text/source.js";
import { spanOf } from "./items.js";
import { ARROW_HELP, ARROW_RULE, clip, instead, type Place, quoted } from "./place.js";
import { SyntaxProblem } from "./problem.js";
import { range } from "./range-mistakes.js";
import type { Token } from "./token.js";

export const NAME_RULE =
  "a bare name has letters, digits, '_', '.' and '-', starts with a letter or '_' and ends in neither '.' nor '-'";

/** Arrows of Unicode, as emoji too, and dashes. */
const ARROW_SIGN =
  /[–—]|(?:[\u2190-\u21ff\u2794\u2798-\u27af\u27b1-\u27be\u27f0-\u27ff\u2900-\u297f\u2b00-\u2b11\u2b30-\u2b4f\u2b60-\u2b73\u2b95\uffe9-\uffec]|\ud83e[\udc00-\udcff])\ufe0f?/;
/** Those of them that point left, or both ways. */
const BACKWARD = /[←⇐⟵⟸↔⇔⇄⇆⟷⟺⬅￩]/;

export function backward(span: Span, both: boolean): SyntaxProblem {
  return new SyntaxProblem("wrong-arrow", span, "arrows point right only", {
    why: "a rule has one direction; replies of an allowed connection pass by themselves",
    help: both ? "use one rule for each direction" : "swap the two sides and write ->",
  });
}

export function foreignWord(place: Place, token: Token): SyntaxProblem {
  const span = spanOf(place.file, token);
  const image = token.image;
  const found = ARROW_SIGN.exec(image);
  if (found !== null) {
    const sign = found.index;
    const arrow = { ...span, start: span.start + sign, end: span.start + sign + found[0].length };
    if (BACKWARD.test(found[0])) return backward(arrow, /[↔⇔⇄⇆⟷⟺]/.test(found[0]));
    const joined = /^[–—]$/.test(image) ? range(place, arrow) : undefined;
    if (joined !== undefined) return joined;
    if (/^\d+[–—]\d+$/.test(image))
      return new SyntaxProblem("bad-range", arrow, "a range is joined by '-'", {
        why: "'-' is the sign on the keyboard, and not a dash",
        help: "put '-' in its place",
        mends: [{ start: arrow.start, end: arrow.end, text: "-" }],
      });
    return new SyntaxProblem("wrong-arrow", arrow, `'${found[0]}' is no arrow of the language`, {
      why: ARROW_RULE,
      help: ARROW_HELP,
      mends: [{ start: arrow.start, end: arrow.end, text: "->" }],
    });
  }
  if (/[“”„«»‘’]/.test(image)) {
    return new SyntaxProblem("non-ascii-word", span, "these are not the quotes of the language", {
      why: "a name is quoted with plain double quotes",
      help: "put plain double quotes in their place",
      mends: [instead(place, 1, 1, quoted(image.replace(/[“”„«»‘’]/g, "")))],
    });
  }
  const invisible = /[\u0080-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]/.exec(image)?.[0];
  if (invisible !== undefined) {
    const code = invisible.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    const start = span.start + image.indexOf(invisible);
    return new SyntaxProblem(
      "unexpected-character",
      { ...span, start, end: start + 1 },
      `invisible character U+${code}`,
      {
        why: "only plain spaces and tabs separate words",
        help: "retype the space, or quote the name if the character belongs to it",
      },
    );
  }
  const plain = image.replace(/[\uff01-\uff5e]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0));
  // Letters alone may be a name.
  if (/[\uff01-\uff20]/.test(image) && /^[!-~]+$/.test(plain)) {
    return new SyntaxProblem("non-ascii-word", span, `'${clip(image)}' has full-width characters`, {
      why: "numbers, addresses and signs are written with plain characters",
      help: `put plain digits and signs in their place: ${clip(plain)}`,
      mends: [instead(place, 1, 1, plain)],
    });
  }
  return new SyntaxProblem("non-ascii-word", span, `'${clip(image)}' needs quotes`, {
    why: NAME_RULE,
    help: `put it in double quotes: ${quoted(clip(image))}`,
    mends: [instead(place, 1, 1, quoted(image))],
  });
}
