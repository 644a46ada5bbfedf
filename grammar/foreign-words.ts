/** Words with characters beyond ASCII: arrows, dashes, quotes and digits of other keyboards, and names. */
import type { Span } from "../src/text/source.js";
import { spanOf } from "./items.js";
import { ARROW_HELP, ARROW_RULE, clip, instead, type Place, quoted, takesArrow } from "./place.js";
import { SyntaxProblem } from "./problem.js";
import { range } from "./range-mistakes.js";
import type { Token } from "./token.js";

export const NAME_RULE =
  "a bare name has letters, digits, '_', '.' and '-', starts with a letter or '_' and ends in neither '.' nor '-'";

/** The hyphens, dashes and the minus of other keyboards. */
const DASH = "[\u2010-\u2015\u2212]";
/** With what is left of an arrow behind them. */
const DASH_ARROW = new RegExp(`${DASH}+-*>`, "y");
const DASHES = new RegExp(DASH, "g");
const ONLY_DASH = new RegExp(`^${DASH}$`);
const DASHED_NUMBERS = new RegExp(`^\\d+${DASH}\\d+$`);

/** Arrows of Unicode, as emoji too, and dashes. */
const ARROW_SIGN =
  /[\u2010-\u2015\u2212]|(?:[\u2190-\u21ff\u2794\u2798-\u27af\u27b1-\u27be\u27f0-\u27ff\u2900-\u297f\u2b00-\u2b11\u2b30-\u2b4f\u2b60-\u2b73\u2b95\uffe9-\uffec]|\ud83e[\udc00-\udcff])\ufe0f?/;
/** Those of them that point left, or both ways. */
const BACKWARD = /[←⇐⟵⟸↔⇔⇄⇆⟷⟺⬅￩]/;

export function backward(span: Span, both: boolean): SyntaxProblem {
  return new SyntaxProblem("wrong-arrow", span, "arrows point right only", {
    why: "a rule has one direction; replies of an allowed connection pass by themselves",
    help: both ? "use one rule for each direction" : "swap the two sides and write ->",
  });
}

/** What to say about a word that has other characters than the language's. */
export function foreignWord(place: Place, token: Token): SyntaxProblem {
  const span = spanOf(place.file, token);
  const image = token.image;
  const known = foreignSign(place, token) ?? foreignQuotes(place, token);
  if (known !== undefined) return known;
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

/** An arrow or a dash: in place of the arrow, of the `-` of a range, or of one in a name. */
function foreignSign(place: Place, { image, startOffset }: Token): SyntaxProblem | undefined {
  const found = ARROW_SIGN.exec(image);
  if (found === null) return undefined;
  const { file } = place;
  const start = startOffset + found.index;
  DASH_ARROW.lastIndex = start;
  const [sign] = DASH_ARROW.exec(file.text) ?? found;
  const arrow = { file, start, end: start + sign.length };
  if (BACKWARD.test(sign)) return backward(arrow, /[↔⇔⇄⇆⟷⟺]/.test(sign));
  const joined = ONLY_DASH.test(image) ? range(place, arrow) : undefined;
  if (joined !== undefined) return joined;
  if (DASHED_NUMBERS.test(image))
    return new SyntaxProblem("bad-range", arrow, "a range is joined by '-'", {
      why: KEYBOARD_RULE,
      help: "put '-' in its place",
      mends: [{ start: arrow.start, end: arrow.end, text: "-" }],
    });
  if (ONLY_DASH.test(sign) && !takesArrow(place, arrow.end))
    return new SyntaxProblem("non-ascii-word", arrow, `'${sign}' is not the '-' of the language`, {
      why: KEYBOARD_RULE,
      help: "put '-' in its place",
      mends: [instead(place, 1, 1, image.replace(DASHES, "-"))],
    });
  return new SyntaxProblem("wrong-arrow", arrow, `'${sign}' is no arrow of the language`, {
    why: ARROW_RULE,
    help: ARROW_HELP,
    mends: [{ start: arrow.start, end: arrow.end, text: "->" }],
  });
}

const KEYBOARD_RULE = "'-' is the sign on the keyboard, and not a dash";
const QUOTES = /[“”„«»‘’]/g;

/** `“c1”`, also with spaces between the quotes, where the word ends early. */
function foreignQuotes(place: Place, { image, startOffset }: Token): SyntaxProblem | undefined {
  if (image.search(QUOTES) === -1) return undefined;
  const { file } = place;
  const [whole] = /^[“„«‘][^“”„«»‘’"\n]*[“”»’]/.exec(file.text.slice(startOffset, startOffset + 100)) ?? [];
  const span = { file, start: startOffset, end: startOffset + (whole ?? image).length };
  const plain = quoted((whole ?? image).replace(QUOTES, ""));
  return new SyntaxProblem("non-ascii-word", span, "these are not the quotes of the language", {
    why: "a name is quoted with plain double quotes",
    help: `put plain double quotes in their place${whole === undefined ? "" : `: ${plain}`}`,
    mends: [{ start: span.start, end: span.end, text: plain }],
  });
}
