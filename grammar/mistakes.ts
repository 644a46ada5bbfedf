/** Frequent mistakes of people who come from Docker, Kubernetes, iptables or another language, each with its mend. */
import type { IToken } from "chevrotain";
import { textOf } from "./checks.js";
import { formOf, isStart } from "./forms.js";
import { spanOf } from "./items.js";
import { insideBraces, order } from "./list-mistakes.js";
import { ARROW_RULE, clip, is, isEnd, mended, type Mistake, type Place } from "./place.js";
import { quoted, shown, spanAt, spanBetween } from "./place.js";
import { SyntaxProblem } from "./problem.js";
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
      help: `write ${mended(place, start, start + 2, "->")}`,
    });
  }
  const isWord = is(found, T.Name) && ["to", "into", "onto"].includes(found.image);
  if (isWord && !is(place.first, T.Let) && (place.expected === T.Arrow.name || place.rule === "end")) {
    return new SyntaxProblem("wrong-arrow", spanAt(place), `'${found.image}' is no arrow of the language`, {
      why: ARROW_RULE,
      help: `write ${mended(place, start, start + found.image.length, "->")}`,
    });
  }
  if (!is(place.first, ...RULES) || place.expected !== T.Arrow.name) return undefined;
  if (is(found, T.Colon)) {
    return new SyntaxProblem("source-port", spanAt(place), "ports stand on the destination only", {
      why: "rules match no source ports: replies of an allowed connection pass by themselves",
      help: "write the ports behind the destination: allow c1 -> c2:22",
    });
  }
  return isEnd(found) && found.image === "," ? commaList(place, found) : undefined;
};

/** `allow a, b -> c` and `allow a -> b:22, 80`: a comma ends the statement. */
function commaList(place: Place, comma: IToken): SyntaxProblem {
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

/** What Docker's `-p` takes: `publish 80:8080`. */
const dockerPublish: Mistake = (place, found, before) => {
  if (!is(place.first, T.Publish) || place.rule !== "end") return undefined;
  if (is(before, T.ListClose)) return undefined;
  if (!is(found, T.Colon)) return undefined;
  const inside = place.token(2);
  const isPort = is(inside, T.NumberWord, T.NumberRange);
  const port = isPort ? inside.image : "PORT";
  const isTarget = !is(before, T.NumberWord, T.NumberRange);
  const host = place.file.text.slice(startOfHost(place), before.startOffset + (isTarget ? 0 : before.image.length));
  const inner = place.within === "container" ? port : `c1:${port}`;
  const help = isTarget ? `publish ${host}${port} -> ${before.image}:${port}` : `publish ${host} -> ${inner}`;
  const span = spanBetween(place, 0, isPort ? 2 : 1);
  return new SyntaxProblem("docker-publish", span, "the container's port stands behind an arrow", {
    why: "Docker writes HOST:CONTAINER; here it is publish HOST -> CONTAINER:PORT",
    help: `write ${clip(help, 100)}`,
  });
};

function startOfHost(place: Place): number {
  let at = 0;
  while (place.token(at - 1) !== place.first && !isEnd(place.token(at - 1))) at--;
  return place.token(at).startOffset;
}

/** `publish {80, 443} -> c1`, `publish ::1:53 -> dns`. */
const publishHost: Mistake = (place, found, before) => {
  if (!is(place.first, T.Publish)) return undefined;
  if (place.rule === "publish" && is(found, T.ListOpen)) {
    return new SyntaxProblem("several-published-ports", spanAt(place), "a publish takes one port or one range", {
      why: "each host port is mapped to one container port",
      help: "write one publish for each port",
    });
  }
  if (place.expected !== T.Colon.name || !is(before, T.Address)) return undefined;
  const [, address, port] = /^(.*:.*[^:]|::):(\d{1,5})$/.exec(before.image) ?? [];
  return new SyntaxProblem(
    "missing-host-port",
    spanBetween(place, 0, 0),
    `expected ':' and a port after ${shown(before)}`,
    {
      why: "a publish names the host port; an IPv6 address before it takes brackets",
      help:
        address === undefined
          ? `write publish ${before.image.includes(":") ? `[${before.image}]` : before.image}:PORT -> …`
          : `write publish [${address}]:${port} -> …`,
    },
  );
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
        help: isIpv6 ? "for a port write [ADDRESS]:PORT/PROTOCOL" : `write for example ${before.image}/24`,
      },
    );
  }
  if (!is(before, T.Name)) return undefined;
  if (is(after, T.NumberWord, T.NumberRange)) {
    return new SyntaxProblem("protocol-order", span, "the protocol stands behind the port", {
      why: "a port is written PORT/PROTOCOL",
      help: `write ${clip(after.image)}/${clip(before.image)}`,
    });
  }
  return new SyntaxProblem("protocol-order", span, `'${clip(before.image)}' is a name, and takes no protocol`, {
    why: "only a number takes a protocol; a let of ports has its own",
    help: "write the protocol where the let is declared: let NAME = 22/tcp",
  });
};

const PORT_WORDS = ["port", "ports", "dport", "tcp", "udp", "sctp", "proto", "on"];

/** `allow a -> b 22`, `allow a -> b port 22`, `allow a -> b tcp 22`. */
const loosePort: Mistake = (place, found) => {
  if (place.rule !== "end" || !is(place.first, ...RULES, T.Publish)) return undefined;
  const word = is(found, T.Name) && PORT_WORDS.includes(found.image) ? found.image : undefined;
  const number = word === undefined ? found : place.token(2);
  if (is(number, T.NumberWord, T.NumberRange)) {
    const protocol = word === "udp" || word === "sctp" ? `/${word}` : "";
    const span = spanBetween(place, 1, word === undefined ? 1 : 2);
    return new SyntaxProblem("loose-port", span, "a port follows its destination behind a ':'", {
      why: "a port belongs to what stands right before it",
      help: `write it without a space: :${clip(number.image)}${protocol}`,
    });
  }
  if (word === undefined) return undefined;
  return new SyntaxProblem("loose-port", spanAt(place), `unexpected '${word}' behind the destination`, {
    why: "ports and protocols follow the destination behind a ':'",
    help: ["tcp", "udp", "sctp"].includes(word) ? `write :${word} without a space` : "write for example c1:22",
  });
};

const ON_WORDS = ["true", "yes", "1", "enable", "enabled", "allow"];
const OFF_WORDS = ["false", "no", "0", "disable", "disabled", "deny"];

/** `icc true`. */
const switchWord: Mistake = (place, found) => {
  if (place.rule !== "onOff" || isEnd(found)) return undefined;
  const word = found.image.replace(/"/g, "").toLowerCase();
  const keyword = place.first.image;
  const message = `expected on or off after '${keyword}', found ${shown(found)}`;
  const mend = ON_WORDS.includes(word) ? "on" : OFF_WORDS.includes(word) ? "off" : `on or ${keyword} off`;
  return new SyntaxProblem("not-a-switch", spanAt(place), message, {
    why: `'${keyword}' is on or off`,
    help: `write ${keyword} ${mend}`,
  });
};

/** Paths without quotes. */
const path: Mistake = (place, found) => {
  if (place.expected !== T.Quoted.name || isEnd(found)) return undefined;
  const text = place.file.text.slice(found.startOffset, found.startOffset + 200);
  const [word] = /^[^\s,;{}#"]*/.exec(text) ?? [""];
  if (word === "") return undefined;
  const span = { file: place.file, start: found.startOffset, end: found.startOffset + word.length };
  return new SyntaxProblem("missing-quotes", span, "a path needs double quotes", {
    why: `the form is: ${formOf(place)}`,
    help: `write ${quoted(word)}`,
  });
};

const block: Mistake = (place, found) => {
  if (place.expected !== T.BlockOpen.name || !isEnd(found)) return undefined;
  const text = clip(textOf(spanBetween(place, -1, 0)));
  const open = place.token(2);
  if (is(open, T.BlockOpen)) {
    const span = spanOf(place.file, open);
    return new SyntaxProblem("brace-on-next-line", span, "the '{' of a block can't begin a line", {
      why: "a newline ends the statement, so the '{' stands on the statement's line",
      help: `write ${text} {`,
    });
  }
  const message = `expected '{' after ${shown(place.token(0))}, found ${shown(found)}`;
  return new SyntaxProblem("missing-block", spanAt(place), message, {
    why: `the form is: ${formOf(place)}`,
    help: `write ${text} { }`,
  });
};

const assertVerb: Mistake = (place, found) => {
  if (place.rule !== "assertion" || !is(found, T.Reject)) return undefined;
  return new SyntaxProblem("assert-reject", spanAt(place), "an assertion says allow or deny", {
    why: "a rejected packet doesn't arrive either",
    help: "write assert deny",
  });
};

const env: Mistake = (place, found) => {
  const isEnv = is(place.first, T.Env);
  if (!isEnv && !(is(place.first, T.EnvEntry) && place.rule === "end")) return undefined;
  const span = isEnv ? spanOf(place.file, place.first) : spanAt(place);
  const message = isEnv ? "expected KEY=VALUE after 'env'" : `unexpected ${shown(found)} behind the value`;
  return new SyntaxProblem("bad-env", span, message, {
    why: "an unquoted value ends at a space, ',', ';', '#' or a brace, and no space stands around the '='",
    help: 'write env KEY=VALUE, or env KEY="a value with spaces"',
  });
};

const ITEMS = [T.Name, T.Quoted, T.NumberWord, T.NumberRange, T.Address];

/** `expose 80 443`, `allow a b -> c`: a list without braces. */
const missingBraces: Mistake = (place, found, before) => {
  if (place.rule !== "end" && place.expected !== T.Arrow.name) return undefined;
  if (!is(place.first, T.Expose, T.Share, T.Let, ...RULES) || !is(found, ...ITEMS) || !is(before, ...ITEMS)) {
    return undefined;
  }
  if (is(place.token(-1), T.Colon)) return undefined;
  return new SyntaxProblem("missing-braces", spanBetween(place, 0, 1), "several items need braces", {
    why: "a list is written {a, b}; one item needs no braces",
    help: `write {${clip(before.image)}, ${clip(found.image)}}`,
  });
};

const missingEquals: Mistake = (place, found, before) => {
  if (place.rule !== "let" || place.expected !== T.Equals.name) return undefined;
  const message = `expected '=' after ${shown(before)}, found ${shown(found)}`;
  return new SyntaxProblem("unexpected-token", spanAt(place), message, {
    why: `the form is: ${formOf(place)}`,
    help: `write let ${clip(before.image)} = …`,
  });
};

const MISTAKES: readonly Mistake[] = [
  ...[badStart, splitStatement, env, block, path, arrow, dockerPublish, publishHost, slash, loosePort, switchWord],
  ...[insideBraces, order, assertVerb, missingEquals, missingBraces],
];
