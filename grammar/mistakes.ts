/** Frequent mistakes of people who come from Docker, Kubernetes, iptables or another language, each with its mend. */
import type { Token } from "./token.js";
import { formOf, isStart } from "./forms.js";
import { spanOf } from "./items.js";
import { insideBraces, order } from "./list-mistakes.js";
import { ARROW_HELP, ARROW_RULE, behind, clip, endOf, instead, is, isEnd, type Mistake, type Place } from "./place.js";
import { quoted, shown, spanAt, spanBetween, textBetween } from "./place.js";
import { type Edit, SyntaxProblem } from "./problem.js";
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

/** `=>`, `to`: something else where the arrow belongs. */
const arrow: Mistake = (place, found) => {
  const start = found.startOffset;
  if (is(found, T.Equals) && place.file.text.startsWith("=>", start)) {
    const span = { file: place.file, start, end: start + 2 };
    return new SyntaxProblem("wrong-arrow", span, "'=>' is no arrow of the language", {
      why: ARROW_RULE,
      help: ARROW_HELP,
      mends: [{ start, end: start + 2, text: "->" }],
    });
  }
  const isWord = is(found, T.Name) && ["to", "into", "onto"].includes(found.image);
  if (isWord && !is(place.first, T.Let) && (place.expected === T.Arrow || place.rule === "end")) {
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
function commaList(place: Place, comma: Token): SyntaxProblem {
  return new SyntaxProblem("comma-outside-braces", spanOf(place.file, comma), "the ',' ends the statement here", {
    why: "outside braces a ',' separates statements",
    help: "put several items in braces: {a, b}",
  });
}

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

/** `tcp/22`, `ssh/tcp`, `fd00::5:22/tcp`, `10.0.0.0/255.0.0.0`. */
const slash: Mistake = (place, found, before) => {
  if (!is(found, T.Slash)) return undefined;
  const after = place.token(2);
  const span = spanBetween(place, 0, isEnd(after) ? 1 : 2);
  if (is(before, T.Address)) {
    const isIpv6 = before.image.includes(":");
    return new SyntaxProblem(
      isIpv6 ? "ipv6-needs-brackets" : "bad-prefix",
      span,
      `'/' after ${shown(before)} needs a prefix length`,
      {
        why: "behind an address a '/' begins the length of its prefix in bits",
        help: isIpv6 ? "for a port put the address in brackets: [fd00::5]:22/tcp" : "use a length such as /24",
        mends: isIpv6 ? withPort(place, before) : withLength(place, after),
      },
    );
  }
  if (!is(before, T.Name)) return undefined;
  if (is(after, T.NumberWord, T.NumberRange)) {
    return new SyntaxProblem("protocol-order", span, "the protocol stands behind the port", {
      why: "a port is written PORT/PROTOCOL",
      help: "swap the two",
      mends: [instead(place, 0, 2, `${after.image}/${before.image}`)],
    });
  }
  return new SyntaxProblem("protocol-order", span, `'${clip(before.image)}' is a name, and takes no protocol`, {
    why: "only a number takes a protocol; a let of ports has its own",
    help: "put the protocol where the let is declared: let ssh = 22/tcp",
  });
};

/** `fd00::5:22/tcp` with its brackets. */
function withPort(place: Place, before: Token): Edit[] {
  const [, address, port] = /^(.*[^:]):(\d{1,5})$/.exec(before.image) ?? [];
  return address === undefined ? [] : [instead(place, 0, 0, `[${address}]:${port}`)];
}

/** `10.0.0.0/255.0.0.0` with the length of this mask. */
function withLength(place: Place, mask: Token): Edit[] {
  const bits = mask.image.split(".").map((octet) => Number(octet).toString(2).padStart(8, "0"));
  const [, ones] = /^(1*)0*$/.exec(bits.join("")) ?? [];
  return ones === undefined || bits.length !== 4 ? [] : [instead(place, 2, 2, String(ones.length))];
}

/** The ports that the destination has already, and one more. */
function morePorts(place: Place, port: string, end: number): Edit[] {
  const colon = behind(place, T.Colon, T.Arrow);
  if (colon === undefined || !is(place.token(colon), T.Colon) || is(place.token(colon + 1), T.ListOpen)) return [];
  return [{ start: endOf(place.token(colon)), end, text: `{${textBetween(place, colon + 1, 0)}, ${port}}` }];
}

function isProtocol(word: string): boolean {
  return ["tcp", "udp", "sctp"].includes(word);
}

const PORT_WORDS = ["port", "ports", "dport", "tcp", "udp", "sctp", "proto", "on"];

/** `allow a -> b 22`, `allow a -> b port 22`, `allow a -> b tcp 22`. */
const loosePort: Mistake = (place, found) => {
  if (place.rule !== "end" || !is(place.first, ...RULES, T.Publish)) return undefined;
  const word = is(found, T.Name) && PORT_WORDS.includes(found.image) ? found.image : undefined;
  const number = word === undefined ? found : place.token(2);
  if (is(number, T.NumberWord, T.NumberRange)) {
    const protocol = word === "udp" || word === "sctp" ? `/${word}` : "";
    const span = spanBetween(place, 1, word === undefined ? 1 : 2);
    const start = endOf(place.token(0));
    const last = word === undefined ? 1 : 2;
    const hasOwn = is(place.token(last + 1), T.Slash);
    const end = endOf(place.token(hasOwn ? last + 2 : last));
    const port = `${number.image}${hasOwn ? `/${place.token(last + 2).image}` : protocol}`;
    return new SyntaxProblem("loose-port", span, "a port follows its destination behind a ':'", {
      why: "a port belongs to what stands right before it",
      help: "put it right behind its destination, after a ':'",
      mends: [{ start, end, text: `:${port}` }, ...morePorts(place, port, end), { start, end, text: ` -> ${port}` }],
    });
  }
  if (word === undefined) return undefined;
  return new SyntaxProblem("loose-port", spanAt(place), `unexpected '${word}' behind the destination`, {
    why: "ports and protocols follow the destination behind a ':'",
    help: "put it right behind the destination, as in c1:22 or c1:udp",
    mends: [{ start: endOf(place.token(0)), end: endOf(found), text: `:${word}` }].filter(() => isProtocol(word)),
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

/** `link app db`. */
const linkWithoutArrow: Mistake = (place, found, before) => {
  if (!is(place.first, T.Link) || place.rule !== "end" || place.within !== undefined) return undefined;
  if (!is(found, T.Name, T.Quoted) || behind(place, T.Arrow, T.As) !== undefined) return undefined;
  return new SyntaxProblem(
    "unexpected-token",
    spanAt(place),
    `expected '->' after ${shown(before)}, found ${shown(found)}`,
    {
      why: ARROW_RULE,
      help: ARROW_HELP,
      mends: [{ start: endOf(before), end: endOf(before), text: " ->" }],
    },
  );
};

const MISTAKES: readonly Mistake[] = [
  ...[badStart, splitStatement, env, block, path, arrow, publishPorts, publishHost, slash, loosePort, switchWord],
  ...[insideBraces, order, assertVerb, missingEquals, missingBraces, linkWithoutArrow],
];
