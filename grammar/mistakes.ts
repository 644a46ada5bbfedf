/** Frequent mistakes of people who come from Docker, Kubernetes, iptables or another language, each with its mend. */
import { arrow, arrowMissing, commaList, fromTo } from "./arrow-mistakes.js";
import { formOf, isStart } from "./forms.js";
import { spanOf } from "./items.js";
import { exceptWord, insideBraces, order } from "./list-mistakes.js";
import { endOf, instead, is, isEnd, type Mistake, type Place } from "./place.js";
import { quoted, shown, spanAt, spanBetween } from "./place.js";
import { type Edit, SyntaxProblem } from "./problem.js";
import { loosePort, slash } from "./port-mistakes.js";
import { protocolFirst } from "./protocol-mistakes.js";
import { publishHost, publishPorts } from "./publish-mistakes.js";
import * as T from "./tokens.js";

export function knownMistake(place: Place): SyntaxProblem | undefined {
  for (const mistake of MISTAKES) {
    const problem = mistake(place, place.token(1), place.token(0));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

const RULES = [T.Allow, T.Deny, T.Reject, T.Assert];

const badStart: Mistake = (place, found, before) => {
  if (!isStart(place.rule)) return undefined;
  if (is(found, T.BlockOpen)) {
    return new SyntaxProblem("brace-on-next-line", spanAt(place), "a '{' can't begin a line", {
      why: "the '{' of a block stands on the line of its statement",
      help: "move it behind the name of the network or container",
    });
  }
  if (!is(before, T.Separator)) return undefined;
  if (is(found, T.Arrow) && before.image.includes("\n")) {
    return new SyntaxProblem("split-statement", spanAt(place), `a statement can't begin with ${shown(found)}`, {
      why: NEWLINE_RULE,
      help: "join it to the line before",
    });
  }
  return before.image === "," ? commaList(place, before) : undefined;
};

const NEWLINE_RULE = "a newline ends a statement, except inside the braces of a list";

/** `allow a ->` and the rest in the next line, `allow a` and the arrow in the next line. */
const splitStatement: Mistake = (place, found, before) => {
  if (!isEnd(found) || !found.image.includes("\n")) return undefined;
  const next = place.token(2);
  if (!is(before, T.Arrow, T.Colon, T.Except) && !is(next, T.Arrow)) return undefined;
  if (isEnd(next) || T.STARTS.has(next.image) || is(next, T.EnvEntry, T.BlockClose)) return undefined;
  return new SyntaxProblem("split-statement", spanAt(place), `the statement ends here, behind ${shown(before)}`, {
    why: NEWLINE_RULE,
    help: "join the two lines",
  });
};

function switchOf(word: string): string[] {
  return ON_WORDS.includes(word) ? ["on"] : OFF_WORDS.includes(word) ? ["off"] : [];
}

const ON_WORDS = ["on", "true", "yes", "1", "enable", "enabled", "allow"];
const OFF_WORDS = ["off", "false", "no", "0", "disable", "disabled", "deny"];

/** `icc true`. */
const switchWord: Mistake = (place, found) => {
  if (place.rule !== "onOff" || isEnd(found)) return undefined;
  const word = found.image.replace(/"/g, "").toLowerCase();
  const keyword = place.first.image;
  const message = `expected on or off after '${keyword}', found ${shown(found)}`;
  const next = place.token(2).image.toLowerCase();
  const gap = { start: endOf(place.token(0)), end: endOf(place.token(2)) };
  return new SyntaxProblem("not-a-switch", spanAt(place), message, {
    why: `'${keyword}' is on or off`,
    help: `say ${keyword} on or ${keyword} off`,
    mends: [
      ...switchOf(word).map((text) => instead(place, 1, 1, text)),
      ...(is(found, T.Equals, T.Colon) ? switchOf(next).map((text) => ({ ...gap, text: ` ${text}` })) : []),
    ],
  });
};

/** Paths without quotes. */
const path: Mistake = (place, found) => {
  if (place.expected !== T.Quoted || isEnd(found)) return undefined;
  const text = place.file.text.slice(found.startOffset, found.startOffset + 200);
  const [word] = /^[^\s,;{}#"]*/.exec(text) ?? [""];
  if (word === "") return undefined;
  const span = { file: place.file, start: found.startOffset, end: found.startOffset + word.length };
  return new SyntaxProblem("missing-quotes", span, "a path needs double quotes", {
    why: `the form is: ${formOf(place)}`,
    help: "put the path in double quotes",
    mends: [{ start: span.start, end: span.end, text: quoted(word) }],
  });
};

const block: Mistake = (place, found) => {
  if (place.expected !== T.BlockOpen || !isEnd(found)) return undefined;
  const open = place.token(2);
  if (is(open, T.BlockOpen)) {
    const span = spanOf(place.file, open);
    return new SyntaxProblem("brace-on-next-line", span, "the '{' of a block can't begin a line", {
      why: "a newline ends the statement, so the '{' stands on the statement's line",
      help: `move it up, behind ${shown(place.token(0))}`,
    });
  }
  const message = `expected '{' after ${shown(place.token(0))}, found ${shown(found)}`;
  return new SyntaxProblem("missing-block", spanAt(place), message, {
    why: `the form is: ${formOf(place)}`,
    help: "put a block behind it, which may be empty: { }",
    mends: [{ start: endOf(place.token(0)), end: endOf(place.token(0)), text: " { }" }],
  });
};

const assertVerb: Mistake = (place, found) => {
  if (place.rule !== "assertion" || !is(found, T.Reject)) return undefined;
  return new SyntaxProblem("assert-reject", spanAt(place), "an assertion says allow or deny", {
    why: "a rejected packet doesn't arrive either",
    help: "say deny",
    mends: [instead(place, 1, 1, "deny")],
  });
};

const env: Mistake = (place, found) => {
  const isEnv = is(place.first, T.Env);
  if (!isEnv && !(is(place.first, T.EnvEntry) && place.rule === "end")) return undefined;
  const span = isEnv ? spanOf(place.file, place.first) : spanAt(place);
  const message = isEnv ? "expected KEY=VALUE after 'env'" : `unexpected ${shown(found)} behind the value`;
  return new SyntaxProblem("bad-env", span, message, {
    why: "an unquoted value ends at a space, ',', ';', '#' or a brace, and no space stands around the '='",
    help: "put the value right behind the '=', and quote one with spaces: env KEY=\"a value\"",
    mends: envMends(place),
  });
};

/** `env A = b`, `env A: b`, `env A=b c`. */
function envMends(place: Place): Edit[] {
  const start = place.first.startOffset;
  const [line] = /^[^\n,;#{}]*/.exec(place.file.text.slice(start, start + 200)) ?? [""];
  const [, key, value] = /^env[ \t]+([\w.-]+)[ \t]*[=:][ \t]*([^"\r]*?)[ \t\r]*$/.exec(line) ?? [];
  if (key === undefined || value === undefined) return [];
  return [
    { start, end: start + line.trimEnd().length, text: `env ${key}=${/\s/.test(value) ? quoted(value) : value}` },
  ];
}

const ITEMS = [T.Name, T.Quoted, T.NumberWord, T.NumberRange, T.Address];

/** `expose 80 443`, `allow a b -> c`: a list without braces. */
const missingBraces: Mistake = (place, found, before) => {
  if (place.rule !== "end" && place.expected !== T.Arrow) return undefined;
  if (!is(place.first, T.Expose, T.Share, T.Let, ...RULES) || !is(found, ...ITEMS) || !is(before, ...ITEMS)) {
    return undefined;
  }
  if (is(place.token(-1), T.Colon)) return undefined;
  let last = 1;
  while (is(place.token(last + 1), ...ITEMS)) last++;
  const items = Array.from({ length: last + 1 }, (_, at) => place.token(at).image);
  return new SyntaxProblem("missing-braces", spanBetween(place, 0, 1), "several items need braces", {
    why: "a list is written {a, b}; one item needs no braces",
    help: "put them in braces, with commas between: {a, b}",
    mends: [instead(place, 0, last, `{${items.join(", ")}}`)],
  });
};

const missingEquals: Mistake = (place, found, before) => {
  if (place.rule !== "let" || place.expected !== T.Equals) return undefined;
  const message = `expected '=' after ${shown(before)}, found ${shown(found)}`;
  const colon = {
    start: found.startOffset,
    end: is(place.token(2), T.Equals) ? endOf(place.token(2)) : endOf(found),
    text: " =",
  };
  return new SyntaxProblem("unexpected-token", spanAt(place), message, {
    why: `the form is: ${formOf(place)}`,
    help: "put '=' and a value behind the name",
    mends: [is(found, T.Colon) ? colon : { start: endOf(before), end: endOf(before), text: " =" }],
  });
};

const MISTAKES: readonly Mistake[] = [
  ...[
    badStart,
    splitStatement,
    env,
    block,
    path,
    arrow,
    protocolFirst,
    publishPorts,
    publishHost,
    slash,
    loosePort,
    switchWord,
  ],
  ...[exceptWord, insideBraces, order, assertVerb, missingEquals, fromTo, arrowMissing, missingBraces],
];
