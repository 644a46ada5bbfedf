/** Frequent mistakes about the arrow: another sign or word in its place, none at all, or a comma before it. */
import type { Token } from "./token.js";
import { spanOf } from "./items.js";
import { ARROW_HELP, ARROW_RULE, behind, endOf, instead, is, isEnd, type Mistake, type Place } from "./place.js";
import { OPERAND_ENDS, OPERANDS, shown, spanAt, spanBetween, textBetween } from "./place.js";
import { isStart, nearStart } from "./forms.js";
import { SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";

const RULES = [T.Allow, T.Deny, T.Reject, T.Assert];
const ARROW_WORDS = ["to", "into", "onto"];

function isArrowWord(token: Token): boolean {
  return is(token, T.Name) && ARROW_WORDS.includes(token.image);
}

/** `=>`, `to`: something else where the arrow belongs. */
export const arrow: Mistake = (place, found) => {
  const start = found.startOffset;
  if (is(found, T.Equals) && place.file.text.startsWith("=>", start)) {
    const span = { file: place.file, start, end: start + 2 };
    return new SyntaxProblem("wrong-arrow", span, "'=>' is no arrow of the language", {
      why: ARROW_RULE,
      help: ARROW_HELP,
      mends: [{ start, end: start + 2, text: "->" }],
    });
  }
  if (isArrowWord(found) && !is(place.first, T.Let) && (place.expected === T.Arrow || place.rule === "end")) {
    return new SyntaxProblem("wrong-arrow", spanAt(place), `'${found.image}' is no arrow of the language`, {
      why: ARROW_RULE,
      help: ARROW_HELP,
      mends: [instead(place, 1, 1, "->")],
    });
  }
  if (!is(place.first, ...RULES) || place.expected !== T.Arrow) return undefined;
  if (is(found, T.Colon)) {
    return new SyntaxProblem("source-port", spanAt(place), "ports stand on the destination only", {
      why: "rules match no source ports: replies of an allowed connection pass by themselves",
      help: "put the ports behind the destination: allow c1 -> c2:22",
    });
  }
  return isEnd(found) && found.image === "," ? commaList(place, found) : undefined;
};

/** `allow a, b -> c` and `allow a -> b:22, 80`: a comma ends the statement. */
export function commaList(place: Place, comma: Token): SyntaxProblem {
  return new SyntaxProblem("comma-outside-braces", spanOf(place.file, comma), "the ',' ends the statement here", {
    why: "outside braces a ',' separates statements",
    help: "put several items in braces: {a, b}",
  });
}

/** `allow a -> b, c`: a word that begins no statement behind the comma that ended one. */
export const commaRest: Mistake = (place, found, before) => {
  if (!isStart(place.rule) || !is(before, T.Separator) || before.image !== ",") return undefined;
  if (!is(found, T.Name) || !is(place.token(-1), ...OPERAND_ENDS) || nearStart(place, found.image)) return undefined;
  const next = place.token(2);
  return isEnd(next) || is(next, T.Colon, T.BlockClose) ? commaList(place, before) : undefined;
};

/** Where, counted as in `Place.token`, the first such token of the statement's rest stands. */
function ahead(place: Place, wanted: (token: Token) => boolean): number | undefined {
  for (let at = 1; !isEnd(place.token(at)); at++) if (wanted(place.token(at))) return at;
  return undefined;
}

/** `allow from a to b`, `allow from a -> b`. */
export const fromTo: Mistake = (place, found, before) => {
  if (!is(place.first, ...RULES) || place.expected !== T.Arrow) return undefined;
  if (!is(before, T.Name) || before.image !== "from" || !is(place.token(-1), ...RULES)) return undefined;
  const to = ahead(place, (token) => isArrowWord(token) || is(token, T.Arrow));
  if (to === undefined || to === 1) return undefined;
  const hasArrow = is(place.token(to), T.Arrow);
  return new SyntaxProblem(
    hasArrow ? "unexpected-token" : "wrong-arrow",
    spanBetween(place, 0, 0),
    hasArrow ? `unexpected 'from' before ${shown(found)}` : "'from' and 'to' are no arrow of the language",
    {
      why: ARROW_RULE,
      help: `leave 'from' out${hasArrow ? "" : ", and put -> in place of 'to'"}`,
      mends: [instead(place, 0, to, `${textBetween(place, 1, to - 1)} ->`)],
    },
  );
};

/** `allow a b`, `link app db`, `publish 80 c1`. */
export const arrowMissing: Mistake = (place, found, before) => {
  const isOuter = place.rule === "end" && place.within === undefined;
  const isTarget = is(found, T.Name, T.Quoted) && (isEnd(place.token(2)) || is(place.token(2), T.Colon));
  const isPair = isOuter && (is(place.first, T.Link) || (is(place.first, T.Publish) && isTarget));
  if (!isPair && !(is(place.first, ...RULES) && place.expected === T.Arrow)) return undefined;
  if (!is(found, ...OPERANDS) || !is(before, ...OPERAND_ENDS) || behind(place, T.Arrow, T.As, T.From) !== undefined)
    return undefined;
  if (ahead(place, (token) => is(token, T.Arrow)) !== undefined) return undefined;
  const message = `expected '->' after ${shown(before)}, found ${shown(found)}`;
  return new SyntaxProblem("unexpected-token", spanAt(place), message, {
    why: ARROW_RULE,
    help: ARROW_HELP,
    mends: [{ start: endOf(before), end: endOf(before), text: " ->" }],
  });
};
