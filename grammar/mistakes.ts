/** Frequent mistakes of people who come from Docker, Kubernetes, iptables or another language, each with its mend. */
import type { IToken } from "chevrotain";
import { textOf } from "./checks.js";
import { formOf } from "./forms.js";
import { spanOf } from "./items.js";
import { clip, is, isEnd, type Place, quoted, shown, spanAt, spanBetween } from "./place.js";
import { SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";

export function knownMistake(place: Place): SyntaxProblem | undefined {
  for (const mistake of MISTAKES) {
    const problem = mistake(place, place.token(1), place.token(0));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

type Mistake = (place: Place, found: IToken, before: IToken) => SyntaxProblem | undefined;

const RULES = [T.Allow, T.Deny, T.Reject, T.Assert];

/** `=>`, `to`, `c1 22`: something else where the arrow belongs. */
const arrow: Mistake = (place, found) => {
  const isRule = is(place.first, ...RULES);
  if (is(found, T.Equals) && place.file.text.startsWith("=>", found.startOffset)) {
    const span = { file: place.file, start: found.startOffset, end: found.startOffset + 2 };
    return new SyntaxProblem("wrong-arrow", span, "'=>' is no arrow of the language", { help: "write ->" });
  }
  if (is(found, T.Name) && (place.expected === T.Arrow.name || place.rule === "end")) {
    if (!["to", "into", "onto"].includes(found.image) || is(place.first, T.Let)) return undefined;
    const mend = `${place.file.text.slice(place.first.startOffset, found.startOffset)}-> …`;
    return new SyntaxProblem("wrong-arrow", spanAt(place), `'${found.image}' is no arrow of the language`, {
      why: "source and destination are joined by ->",
      help: `write ${clip(mend)}`,
    });
  }
  if (!isRule || place.expected !== T.Arrow.name) return undefined;
  if (is(found, T.Colon)) {
    return new SyntaxProblem("source-port", spanAt(place), "ports stand on the destination only", {
      why: "rules match no source ports: replies of an allowed connection pass by themselves",
      help: "write the ports behind the destination: allow c1 -> c2:22",
    });
  }
  if (isEnd(found) && found.image === ",") return commaList(place, found);
  return undefined;
};

/** `allow a, b -> c` and `allow a -> b:22, 80`: a comma ends the statement. */
function commaList(place: Place, comma: IToken): SyntaxProblem {
  return new SyntaxProblem("comma-outside-braces", spanOf(place.file, comma), "the ',' ends the statement here", {
    why: "outside braces a ',' separates statements",
    help: "put several items in braces: {a, b}",
  });
}

const commaBefore: Mistake = (place, found, before) => {
  if (!["statement", "networkProperty", "containerProperty"].includes(place.rule)) return undefined;
  if (is(found, T.BlockOpen)) {
    return new SyntaxProblem("brace-on-next-line", spanAt(place), "a '{' can't begin a line", {
      why: "the '{' of a block stands on the line of its statement",
      help: "move it behind the name of the network or container",
    });
  }
  if (is(before, T.Separator) && before.image === ",") return commaList(place, before);
  return undefined;
};

/** What Docker's `-p` takes: `publish 80:8080`. */
const dockerPublish: Mistake = (place, found, before) => {
  if (!is(place.first, T.Publish) || !is(found, T.Colon) || place.rule !== "end") return undefined;
  const inside = place.token(2);
  const host = place.file.text.slice(place.token(0) === place.first ? 0 : startOfHost(place), before.startOffset);
  const target = place.within === "container" ? "" : "c1:";
  const help = is(inside, T.NumberWord, T.NumberRange)
    ? `write publish ${host}${before.image} -> ${target}${inside.image}`
    : `write publish PORT -> ${before.image}:PORT`;
  return new SyntaxProblem(
    "docker-publish",
    spanBetween(place, 0, isEnd(inside) ? 1 : 2),
    "the container's port stands behind an arrow",
    {
      why: "Docker writes HOST:CONTAINER; here it is publish HOST -> CONTAINER:PORT",
      help,
    },
  );
};

function startOfHost(place: Place): number {
  let at = 0;
  while (place.token(at - 1) !== place.first && !isEnd(place.token(at - 1))) at--;
  return place.token(at).startOffset;
}

/** `tcp/22`, `ssh/tcp`. */
const protocolFirst: Mistake = (place, found, before) => {
  if (!is(found, T.Slash) || !is(before, T.Name)) return undefined;
  const after = place.token(2);
  const span = spanBetween(place, 0, isEnd(after) ? 1 : 2);
  if (is(after, T.NumberWord, T.NumberRange)) {
    return new SyntaxProblem("protocol-order", span, "the protocol stands behind the port", {
      help: `write ${after.image}/${before.image}`,
    });
  }
  return new SyntaxProblem("protocol-order", span, `'${clip(before.image)}' is a name, and takes no protocol`, {
    why: "only a number takes a protocol; a let of ports has its own",
    help: "write the protocol where the let is declared: let NAME = 22/tcp",
  });
};

/** `allow a -> b 22`, `allow a -> b port 22`, `allow a -> b tcp 22`. */
const looseports: Mistake = (place, found) => {
  if (place.rule !== "end" || !is(place.first, ...RULES, T.Publish)) return undefined;
  const words = ["port", "ports", "dport", "tcp", "udp", "sctp", "proto", "on"];
  const word = is(found, T.Name) && words.includes(found.image) ? found.image : undefined;
  const number = word === undefined ? found : place.token(2);
  if (!is(number, T.NumberWord, T.NumberRange)) {
    if (word === undefined) return undefined;
    return new SyntaxProblem("loose-port", spanAt(place), `unexpected '${word}' behind the destination`, {
      why: "ports and protocols follow the destination behind a ':'",
      help: ["tcp", "udp", "sctp"].includes(word) ? `write :${word} without a space` : "write for example c1:22",
    });
  }
  const protocol = word === "udp" || word === "sctp" ? `/${word}` : "";
  return new SyntaxProblem(
    "loose-port",
    spanBetween(place, 1, word === undefined ? 1 : 2),
    "a port follows its destination behind a ':'",
    {
      help: `write it without a space: :${number.image}${protocol}`,
    },
  );
};

/** `icc true`. */
const switchWord: Mistake = (place, found) => {
  if (place.rule !== "onOff" || !is(found, T.Name, T.Quoted, T.NumberWord, T.Equals)) return undefined;
  const word = found.image.replace(/"/g, "").toLowerCase();
  const on = ["true", "yes", "1", "enable", "enabled", "allow"].includes(word);
  const off = ["false", "no", "0", "disable", "disabled", "deny"].includes(word);
  const keyword = place.first.image;
  return new SyntaxProblem(
    "not-a-switch",
    spanAt(place),
    `expected on or off after '${keyword}', found ${shown(found)}`,
    {
      help: on || off ? `write ${keyword} ${on ? "on" : "off"}` : `write ${keyword} on or ${keyword} off`,
    },
  );
};

const insideBraces: Mistake = (place, found, before) => {
  if (place.rule !== "list" && place.rule !== "item") return undefined;
  const span = spanAt(place);
  if (is(found, T.ListClose) && is(before, T.ListOpen, T.ItemSeparator)) {
    return new SyntaxProblem("empty-braces", span, "braces need at least one item", {
      help: "write the items between the braces, or remove the statement",
    });
  }
  const inside = place.expected === T.ListClose.name || is(before, T.ListOpen, T.ItemSeparator);
  if (!inside) return undefined;
  switch (found.tokenType) {
    case T.Semicolon:
      return new SyntaxProblem("semicolon-in-braces", span, "a ';' can't stand inside value braces", {
        why: "';' ends statements; the items of a list are separated by commas or newlines",
        help: "write ',' instead",
      });
    case T.ListOpen:
      return new SyntaxProblem("nested-braces", span, "braces can't stand inside braces", {
        help: "write all items in one pair of braces, or name the inner list with a let",
      });
    case T.Except:
      return new SyntaxProblem("except-in-braces", span, "'except' can't stand inside braces", {
        why: "one 'except' takes away from the whole list before it",
        help: "write {a, b} except c, or name the exception with a let of its own",
      });
    case T.Colon:
      return new SyntaxProblem("ports-in-braces", span, "ports can't stand inside the braces of peers", {
        why: "the ports of a rule hold for all its peers",
        help: "write {a, b}:22, or one rule for each pair of peer and port",
      });
    case T.Equals:
    case T.Arrow:
      return undefined;
    default:
      if (place.expected !== T.ListClose.name || isEnd(found)) return undefined;
      return new SyntaxProblem(
        "missing-comma",
        span,
        `expected ',' or '}' after ${shown(before)}, found ${shown(found)}`,
        {
          why: "the items of a list are separated by commas or newlines",
          help: `write ${clip(before.image)}, ${clip(found.image)}`,
        },
      );
  }
};

/** Parts of a rule in the wrong order, or twice. */
const order: Mistake = (place, found) => {
  if (place.rule === "list" && is(found, T.Except)) return undefined;
  const span = spanAt(place);
  if (is(found, T.Except) && place.rule !== "end" && place.expected === T.Arrow.name) return chained(place);
  if (place.rule !== "end") return undefined;
  switch (found.tokenType) {
    case T.Except:
      if (!hasPorts(place)) return chained(place);
      return new SyntaxProblem("ports-before-except", span, "'except' comes before the ports", {
        why: "'except' takes away from the peers right before it; the ports come last",
        help: "write world except {…}:443",
      });
    case T.Log:
      if (!is(place.first, T.Assert)) return undefined;
      return new SyntaxProblem("assert-log", span, "an assertion takes no log", {
        why: "it is checked when the policy is compiled; no packet ever meets it",
        help: "write the log behind the rule that decides",
      });
    case T.Limit:
      return new SyntaxProblem("limit-without-log", span, "'limit' stands behind 'log' only", {
        why: "a limit slows the log and never changes a verdict",
        help: "write log limit 5/second",
      });
    case T.Quoted:
      if (!is(place.first, T.Allow, T.Deny, T.Reject)) return undefined;
      return new SyntaxProblem("log-order", span, "a log's prefix stands right behind 'log'", {
        help: `write log ${clip(found.image)} limit N/second`,
      });
    case T.Name:
      if (place.token(0).tokenType !== T.Log) return undefined;
      return new SyntaxProblem("missing-quotes", span, "a log's prefix needs double quotes", {
        help: `write log ${quoted(found.image)}`,
      });
    case T.Colon:
      if (!is(place.first, ...RULES) || !hasPorts(place)) return undefined;
      return new SyntaxProblem("several-ports", span, "a rule takes one ':'", {
        help: "put several ports in braces: c1:{22, 80}",
      });
    default:
      return undefined;
  }
};

function chained(place: Place): SyntaxProblem {
  return new SyntaxProblem("except-chained", spanAt(place), "only one 'except' may stand on each side", {
    why: "one 'except' takes away from the peers right before it",
    help: "put everything that is taken away in braces: except {a, b}",
  });
}

function hasPorts(place: Place): boolean {
  for (let at = 0; place.token(at) !== place.first; at--) {
    if (is(place.token(at), T.Colon)) return true;
    if (is(place.token(at), T.Arrow) || place.token(at).tokenType.name === "EOF") return false;
  }
  return false;
}

/** Words that need quotes: paths. */
const path: Mistake = (place, found) => {
  if (place.expected !== T.Quoted.name || isEnd(found)) return undefined;
  const [word] = /^[^\s,;{}#"]*/.exec(place.file.text.slice(found.startOffset, found.startOffset + 200)) ?? [""];
  if (word === "") return undefined;
  const span = { file: place.file, start: found.startOffset, end: found.startOffset + word.length };
  return new SyntaxProblem("missing-quotes", span, "a path needs double quotes", { help: `write ${quoted(word)}` });
};

const block: Mistake = (place, found) => {
  if (place.expected !== T.BlockOpen.name || !isEnd(found)) return undefined;
  const nextLine = is(place.token(2), T.BlockOpen);
  const form = formOf(place) ?? "";
  const text = textOf(spanBetween(place, -1, 0));
  if (nextLine) {
    return new SyntaxProblem(
      "brace-on-next-line",
      spanOf(place.file, place.token(2)),
      "the '{' of a block can't begin a line",
      {
        why: "a newline ends the statement, so the '{' stands on the statement's line",
        help: `write ${clip(text)} {`,
      },
    );
  }
  return new SyntaxProblem(
    "missing-block",
    spanAt(place),
    `expected '{' after ${shown(place.token(0))}, found ${shown(found)}`,
    {
      why: `the form is: ${form}`,
      help: `write ${clip(text)} { }`,
    },
  );
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
  return new SyntaxProblem(
    "bad-env",
    isEnv ? spanOf(place.file, place.first) : spanAt(place),
    isEnv ? "expected KEY=VALUE after 'env'" : `unexpected ${shown(found)} behind the value`,
    {
      why: "an unquoted value ends at a space, ',', ';', '#' or a brace, and no space stands around the '='",
      help: 'write env KEY=VALUE, or env KEY="a value with spaces"',
    },
  );
};

/** `expose 80 443`, `subnet a b`, `share "x" c1 c2`: a list without braces. */
const listWithoutBraces: Mistake = (place, found, before) => {
  if (place.rule !== "end" && place.expected !== T.Arrow.name) return undefined;
  const listy = is(place.first, T.Expose, T.Share, T.Let, ...RULES);
  if (!listy || !is(found, T.Name, T.Quoted, T.NumberWord, T.NumberRange, T.Address)) return undefined;
  if (!is(before, T.Name, T.Quoted, T.NumberWord, T.NumberRange, T.Address) || is(place.token(-1), T.Colon))
    return undefined;
  return new SyntaxProblem("missing-braces", spanBetween(place, 0, 1), "several items need braces", {
    help: `write {${clip(before.image)}, ${clip(found.image)}}`,
  });
};

const missingEquals: Mistake = (place, found) => {
  if (place.rule !== "let" || place.expected !== T.Equals.name) return undefined;
  return new SyntaxProblem(
    "unexpected-token",
    spanAt(place),
    `expected '=' after ${shown(place.token(0))}, found ${shown(found)}`,
    {
      help: `write let ${clip(place.token(0).image)} = …`,
    },
  );
};

const MISTAKES: readonly Mistake[] = [
  ...[commaBefore, env, block, path, arrow, dockerPublish, protocolFirst, looseports, switchWord, insideBraces, order],
  ...[assertVerb, missingEquals, listWithoutBraces],
];
