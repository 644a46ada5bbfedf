/** Explains the tokens that are no part of the language. */
import type { Token } from "./token.js";
import type { Span } from "../src/text/source.js";
import { backward, foreignWord, NAME_RULE } from "./foreign-words.js";
import { spanOf } from "./items.js";
import { ARROW_HELP, ARROW_RULE, behind, clip, endOf, instead, is, type Place, quoted, takesArrow } from "./place.js";
import { portRange, range } from "./range-mistakes.js";
import { type Edit, SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";

/** The problem with a token that is wrong wherever it stands; undefined for every other. */
export function explainToken(place: Place, token: Token): SyntaxProblem | undefined {
  const span = spanOf(place.file, token);
  const image = token.image;
  switch (token.tokenType) {
    case T.OpenQuoted: {
      const end = span.start + image.trimEnd().length;
      return new SyntaxProblem("unterminated-string", { ...span, end }, "this quoted name is never closed", {
        why: "a quoted name ends with '\"' on the same line",
        help: `add the missing '"'`,
      });
    }
    case T.SplitQuoted:
      return new SyntaxProblem("newline-in-string", span, "a quoted name may not go on in the next line", {
        why: "a quoted name stands on one line",
        help: "join the lines",
      });
    case T.ForeignWord:
      return foreignWord(place, token);
    case T.DigitWord:
      return digitWord(place, token);
    case T.Unknown:
      return unknown(place, token);
    default:
      return undefined;
  }
}

function digitWord(place: Place, token: Token): SyntaxProblem {
  const span = spanOf(place.file, token);
  const image = token.image;
  const before = place.token(0);
  if (/^\d+-$/.test(image)) {
    return new SyntaxProblem("bad-range", span, `the range ${image} has no upper end`, {
      why: "a range of ports names its first and its last port",
      help: `name both ends, such as ${clip(image)}65535`,
      mends: is(place.token(2), T.NumberWord) ? [instead(place, 1, 2, `${image}${place.token(2).image}`)] : [],
    });
  }
  if (/^\d+\.\d+\.\d+\.\d+-\d+$/.test(image)) {
    const full = image.replace(/^(.*\.)(\d+-)(\d+)$/, "$1$2$1$3");
    return new SyntaxProblem("bad-range", span, `the range ${image} has no address at its end`, {
      why: "a range of addresses spells out both of them",
      help: `spell it out: ${full}`,
      mends: [instead(place, 1, 1, full)],
    });
  }
  if (/^(?:[\dA-Fa-f]{2}-){5}[\dA-Fa-f]{2}$/.test(image)) {
    return new SyntaxProblem("bad-address", span, `${image} is not how a MAC address is written here`, {
      why: "the pairs of a MAC address are joined by colons",
      help: `put colons in place of the '-': ${image.replaceAll("-", ":")}`,
      mends: [instead(place, 1, 1, image.replaceAll("-", ":"))],
    });
  }
  if (/^\d+(?:\.\d+)+$/.test(image)) {
    return new SyntaxProblem("bad-address", span, `${image} is no IPv4 address`, {
      why: "an IPv4 address is four numbers from 0 to 255",
      help: "spell out all four, or quote the word if it is a name",
    });
  }
  const port = /^(\d+)-?(tcp|udp|sctp)$/.exec(image);
  if (port !== null && before.tokenType === T.Colon) {
    return new SyntaxProblem("digit-word", span, `${image} is no port`, {
      why: "a protocol follows its port behind a '/'",
      help: `put a '/' between: ${port[1]}/${port[2]}`,
      mends: [instead(place, 1, 1, `${port[1]}/${port[2]}`)],
    });
  }
  const unit = /^(\d+)([smhd]|sec|min)$/.exec(image);
  if (unit !== null && before.tokenType === T.Limit) {
    const name = suggestUnit(unit[2] as string);
    return new SyntaxProblem("bad-limit", span, `${image} is no limit`, {
      why: "a limit counts per second, minute, hour or day",
      help: `put the word behind a '/': limit ${unit[1]}/${name}`,
      mends: [instead(place, 1, 1, `${unit[1]}/${name}`)],
    });
  }
  return new SyntaxProblem("digit-word", span, `'${clip(image)}' is neither a number nor an address`, {
    why: NAME_RULE,
    help: `if it is a name, quote it: ${quoted(clip(image))}`,
  });
}

function suggestUnit(short: string): string {
  return ["second", "minute", "hour", "day"].find((unit) => unit.startsWith(short)) ?? "second";
}

function unknown(place: Place, token: Token): SyntaxProblem {
  const span = spanOf(place.file, token);
  const char = token.image;
  const text = place.file.text;
  const [left] = /^<[-\u2010-\u2015\u2212]>?/.exec(text.slice(span.start, span.start + 3)) ?? [];
  if (left !== undefined) return backward({ ...span, end: span.start + left.length }, left.endsWith(">"));
  const run = /^[-~>]+/.exec(text.slice(span.start, span.start + 8)) ?? [""];
  const wrong = { ...span, end: span.start + run[0].length };
  const own = (run[0] === "-" ? (portRange(place) ?? range(place, wrong)) : undefined) ?? endOfName(place, wrong);
  if (own !== undefined) return own;
  if (run[0] !== "" && run[0] !== "~" && takesArrow(place, wrong.end)) {
    return new SyntaxProblem("wrong-arrow", wrong, `'${run[0]}' is no arrow of the language`, {
      why: ARROW_RULE,
      help: ARROW_HELP,
      mends: [{ start: wrong.start, end: wrong.end, text: "->" }],
    });
  }
  const more: Record<string, string> = {
    "'": 'quote with double quotes: "…"',
    "`": 'quote with double quotes: "…"',
    "/": 'a path needs double quotes: "/…"',
    "*": everything(place).help,
    "!": "to take peers away write except",
    "%": "an address has no zone here; leave the '%…' out",
    "(": "braces group: {a, b}",
    ")": "braces group: {a, b}",
    "&": "to combine peers write {a, b}",
    "|": "to combine peers write {a, b}",
    "+": "to combine peers write {a, b}",
    $: "a let is used by its name alone, without '$'",
  };
  const code = char.charCodeAt(0);
  const name =
    code < 32 || code === 127 ? `control character U+${code.toString(16).toUpperCase().padStart(4, "0")}` : undefined;
  return new SyntaxProblem("unexpected-character", span, `unexpected ${name ?? `'${char}'`}`, {
    why: "this character has no meaning in a policy outside quotes and comments",
    help:
      char === "-" && is(place.token(0), T.Colon)
        ? "a port is a number from 1 to 65535, without a sign"
        : (more[char] ?? "remove it, or quote the name that it belongs to"),
    mends: simpleMends(place, token),
  });
}

/** `*` for any, `'a'` for `"a"`, `$a` for `a`. */
function simpleMends(place: Place, token: Token): Edit[] {
  if (token.image === "*") return everything(place).mends;
  if (token.image === "$") return [instead(place, 1, 1, "")];
  const start = token.startOffset;
  const [whole, inner] = /^(?:'([^'\n]*)'|`[^`\n]*`)/.exec(place.file.text.slice(start, start + 100)) ?? [];
  if (whole === undefined) return [];
  return [{ start, end: start + whole.length, text: quoted(inner ?? whole.slice(1, -1)) }];
}

interface Mend {
  readonly help: string;
  readonly mends: Edit[];
}

/** What people mean by `*`: any, all, or nothing at all. */
function everything(place: Place): Mend {
  const before = place.token(0);
  const mend = (help: string, ...mends: Edit[]): Mend => ({ help, mends });
  if (is(before, T.Colon)) return mend("leave the port out to mean every protocol and port", instead(place, 0, 1, ""));
  if (is(before, T.Publish) && is(place.token(2), T.Colon))
    return mend("leave the address out to mean all of this host's", instead(place, 1, 2, ""));
  if (is(before, T.Publish)) return mend("for every exposed port write all", instead(place, 1, 1, "all"));
  const list = behind(place, T.Colon, T.Arrow, T.From, T.Log);
  if (list !== undefined && is(place.token(list), T.Colon))
    return mend("leave the ports out to mean every protocol and port");
  if (is(place.first, T.Expose)) return mend("name the ports: expose {80, 53/udp}");
  const isGlued = endOf(before) === place.token(1).startOffset || place.token(2).startOffset === endOf(place.token(1));
  return mend("for everything write any", ...(isGlued ? [] : [instead(place, 1, 1, "any")]));
}

/** `c2-`, `web.`: a bare name ends in neither. */
function endOfName(place: Place, sign: Span): SyntaxProblem | undefined {
  const before = place.token(0);
  const { text } = place.file;
  if (!is(before, T.Name) || endOf(before) !== sign.start) return undefined;
  const [tail] = /^(?:[.]|-(?!>))+/.exec(text.slice(sign.start, sign.start + 40)) ?? [""];
  const end = sign.start + tail.length;
  if (tail === "" || (!tail.includes(".") && takesArrow(place, end))) return undefined;
  const name = `${before.image}${tail}`;
  return new SyntaxProblem("unexpected-character", { ...sign, end }, `the name ${clip(name)} needs quotes`, {
    why: NAME_RULE,
    help: `put it in double quotes: ${quoted(clip(name))}`,
    mends: [{ start: before.startOffset, end, text: quoted(name) }],
  });
}
