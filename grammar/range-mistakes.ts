/** Ranges whose ends stand apart, or behind an address without its brackets. */
import type { Span } from "../src/text/source.js";
import { clip, endOf, instead, is, type Place, spanBetween } from "./place.js";
import { SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";

/** `fd00::5:22-23`: an address, and ports without its brackets. */
export function portRange(place: Place): SyntaxProblem | undefined {
  const [, address, low] = /^(.*::.*[^:]|::):(\d{1,5})$/.exec(place.token(0).image) ?? [];
  const high = place.token(2);
  if (address === undefined || address.includes("-") || !is(place.token(0), T.Address) || !is(high, T.NumberWord))
    return undefined;
  if (endOf(place.token(1)) !== high.startOffset || endOf(place.token(0)) !== place.token(1).startOffset)
    return undefined;
  const mend = `[${address}]:${low}-${high.image}`;
  return new SyntaxProblem(
    "ipv6-needs-brackets",
    spanBetween(place, 0, 2),
    "ports after an IPv6 address need brackets",
    {
      why: "an IPv6 address has colons of its own",
      help: `put the address in brackets: ${mend}`,
      mends: [instead(place, 0, 2, mend)],
    },
  );
}

/** `8000 - 8010`, `[fd00::1]-[fd00::9]`: both ends of a range, joined by a sign that stands apart. */
export function range(place: Place, sign: Span): SyntaxProblem | undefined {
  const [first, low] = is(place.token(0), T.BracketClose) ? [-2, -1] : [0, 0];
  const [last, high] = is(place.token(2), T.BracketOpen) ? [4, 3] : [2, 2];
  const isPort = is(place.token(low), T.NumberWord) && is(place.token(high), T.NumberWord);
  if (!isPort && !(is(place.token(low), T.Address) && is(place.token(high), T.Address))) return undefined;
  const text = `${place.token(low).image}-${place.token(high).image}`;
  const needsBraces = text.includes(":") && is(place.token(last + 1), T.Colon);
  const mend = needsBraces ? `{${text}}` : text;
  return new SyntaxProblem("bad-range", sign, "the two ends of a range are one word", {
    why: "a range is LOW-HIGH, without spaces and without brackets; before a port IPv6 ones take braces",
    help: `join them: ${clip(mend, 100)}`,
    mends: [instead(place, first, last, mend)],
  });
}
