/** Explains the tokens that are no part of the language. */
import type { IToken } from "chevrotain";
import { spanOf } from "./items.js";
import { ARROW_RULE, clip, mended, type Place, quoted } from "./place.js";
import { SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";

const NAME_RULE =
  "a bare name has letters, digits, '_', '.' and '-', starts with a letter or '_' and ends in neither '.' nor '-'";

/** The problem with a token that is wrong wherever it stands; undefined for every other. */
export function explainToken(place: Place, token: IToken): SyntaxProblem | undefined {
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

function foreignWord(place: Place, token: IToken): SyntaxProblem {
  const span = spanOf(place.file, token);
  const image = token.image;
  if (/^[→⇒⟶➔➜–—]/.test(image)) {
    const arrow = { ...span, end: span.start + 1 };
    return new SyntaxProblem("wrong-arrow", arrow, `'${image[0]}' is no arrow of the language`, {
      why: ARROW_RULE,
      help: `write ${mended(place, token.startOffset, token.startOffset + 1, "->")}`,
    });
  }
  if (/[“”„«»‘’]/.test(image)) {
    return new SyntaxProblem("non-ascii-word", span, "these are not the quotes of the language", {
      why: "a name is quoted with plain double quotes",
      help: `write ${quoted(image.replace(/[“”„«»‘’]/g, ""))}`,
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
  return new SyntaxProblem("non-ascii-word", span, `'${clip(image)}' needs quotes`, {
    why: NAME_RULE,
    help: `write ${quoted(image)}`,
  });
}

function digitWord(place: Place, token: IToken): SyntaxProblem {
  const span = spanOf(place.file, token);
  const image = token.image;
  const before = place.token(0);
  if (/^\d+-$/.test(image)) {
    return new SyntaxProblem("bad-range", span, `the range ${image} has no upper end`, {
      why: "a range of ports names its first and its last port",
      help: `write both ends, such as ${image}65535`,
    });
  }
  if (/^\d+\.\d+\.\d+\.\d+-\d+$/.test(image)) {
    const full = image.replace(/^(.*\.)(\d+-)(\d+)$/, "$1$2$1$3");
    return new SyntaxProblem("bad-range", span, `the range ${image} has no address at its end`, {
      why: "a range of addresses spells out both of them",
      help: `write ${full}`,
    });
  }
  if (/^(?:[\dA-Fa-f]{2}-){5}[\dA-Fa-f]{2}$/.test(image)) {
    return new SyntaxProblem("bad-address", span, `${image} is not how a MAC address is written here`, {
      why: "the pairs of a MAC address are joined by colons",
      help: `write ${image.replaceAll("-", ":")}`,
    });
  }
  if (/^\d+(?:\.\d+)+$/.test(image)) {
    return new SyntaxProblem("bad-address", span, `${image} is no IPv4 address`, {
      why: "an IPv4 address is four numbers from 0 to 255",
      help: "write all four, or quote the word if it is a name",
    });
  }
  const port = /^(\d+)-?(tcp|udp|sctp)$/.exec(image);
  if (port !== null && before.tokenType === T.Colon) {
    return new SyntaxProblem("digit-word", span, `${image} is no port`, {
      why: "a protocol follows its port behind a '/'",
      help: `write ${port[1]}/${port[2]}`,
    });
  }
  const unit = /^(\d+)([smhd]|sec|min)$/.exec(image);
  if (unit !== null && before.tokenType === T.Limit) {
    const name = suggestUnit(unit[2] as string);
    return new SyntaxProblem("bad-limit", span, `${image} is no limit`, {
      why: "a limit counts per second, minute, hour or day",
      help: `write limit ${unit[1]}/${name}`,
    });
  }
  return new SyntaxProblem("digit-word", span, `'${clip(image)}' is neither a number nor an address`, {
    why: NAME_RULE,
    help: `if it is a name, quote it: ${quoted(image)}`,
  });
}

function suggestUnit(short: string): string {
  return ["second", "minute", "hour", "day"].find((unit) => unit.startsWith(short)) ?? "second";
}

function unknown(place: Place, token: IToken): SyntaxProblem {
  const span = spanOf(place.file, token);
  const char = token.image;
  const text = place.file.text;
  if (char === "<" && text.startsWith("<-", span.start)) {
    const both = text.startsWith("<->", span.start);
    return new SyntaxProblem("wrong-arrow", { ...span, end: span.start + (both ? 3 : 2) }, "arrows point right only", {
      why: "a rule has one direction; replies of an allowed connection pass by themselves",
      help: both ? "write one rule for each direction" : "swap the two sides and write ->",
    });
  }
  if (/^-+>?|^>|^~>/.test(text.slice(span.start, span.start + 3)) && (char === "-" || char === ">" || char === "~")) {
    const run = /^[-~>]+/.exec(text.slice(span.start, span.start + 8)) as RegExpExecArray;
    const wrong = { ...span, end: span.start + run[0].length };
    return new SyntaxProblem("wrong-arrow", wrong, `'${run[0]}' is no arrow of the language`, {
      why: ARROW_RULE,
      help: `write ${mended(place, wrong.start, wrong.end, "->")}`,
    });
  }
  const more: Record<string, string> = {
    "'": 'quote with double quotes: "…"',
    "`": 'quote with double quotes: "…"',
    "/": 'a path needs double quotes: "/…"',
    "*": "for everything write any",
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
    help: more[char] ?? "remove it, or quote the name that it belongs to",
  });
}
