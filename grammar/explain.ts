/** What to say when a statement doesn't fit the grammar: the frequent mistakes first, then what would have fitted. */
import { EOF, type Token } from "./token.js";
import type { SourceFile } from "../src/text/source.js";
import { commaRest } from "./arrow-mistakes.js";
import { spanOf } from "./items.js";
import { explainToken } from "./lexical.js";
import { knownMistake } from "./mistakes.js";
import { isEnd, type Place, shown, spanAt } from "./place.js";
import { SyntaxProblem } from "./problem.js";
import { exampleOf, formOf, misspelled, wordless } from "./forms.js";
import * as T from "./tokens.js";

export function explain(place: Place): SyntaxProblem {
  const token = place.token(1);
  return (
    unclosedList(place) ??
    explainToken(place, token) ??
    commaRest(place, token, place.token(0)) ??
    misspelled(place) ??
    knownMistake(place) ??
    wordless(place) ??
    (place.rule === "end" ? unexpected(place) : expectation(place))
  );
}

export function unclosedBrace(file: SourceFile, open: Token): SyntaxProblem {
  return new SyntaxProblem("unclosed-brace", spanOf(file, open), "this '{' is never closed", {
    why: "each '{' has its '}'",
    help: "add the missing '}'",
  });
}

/** A `{` of this statement that nothing closes explains whatever goes wrong behind it. */
function unclosedList(place: Place): SyntaxProblem | undefined {
  if (place.unclosed.size === 0) return undefined;
  for (let at = 1; ; at--) {
    const token = place.token(at);
    if (token.tokenType === T.ListOpen && place.unclosed.has(token)) return unclosedBrace(place.file, token);
    if (token === place.first || (at < 1 && token.tokenType === EOF)) return undefined;
  }
}

function unexpected(place: Place): SyntaxProblem {
  const what = place.within === undefined ? "statement" : "property";
  const isNext = T.STARTS.has(place.token(1).image);
  return new SyntaxProblem("unexpected-token", spanAt(place), `unexpected ${shown(place.token(1))} behind a ${what}`, {
    why: `a ${what} ends at a newline, a ';' or a ','; the form is: ${formOf(place)}`,
    help: `${isNext ? "put what follows on a line of its own" : "remove it"}, or write for example: ${exampleOf(place)}`,
  });
}

function expectation(place: Place): SyntaxProblem {
  const before = place.token(0);
  const what = expected(place);
  const behind = isEnd(before) || before.tokenType === T.BlockOpen ? "" : ` after ${shown(before)}`;
  const message =
    what === undefined
      ? `unexpected ${shown(place.token(1))}${behind}`
      : `expected ${what}${behind}, found ${shown(place.token(1))}`;
  return new SyntaxProblem("unexpected-token", spanAt(place), message, {
    why: `the form is: ${formOf(place)}`,
    help: `write for example: ${exampleOf(place)}`,
  });
}

/** What would have fitted, in words. */
function expected(place: Place): string | undefined {
  const before = place.token(0).tokenType;
  if (place.rule === "list" && place.expected === T.ListClose) return "',' or '}'";
  switch (place.expected) {
    case T.AnyName:
    case T.Name:
      return before === T.Slash ? (place.rule === "limit" ? "second, minute, hour or day" : "a protocol") : "a name";
    case T.Quoted:
      return "a path in double quotes";
    case T.Address:
      return place.rule === "subnet" ? "a subnet such as 172.17.0.0/16" : "an address";
    case T.Mac:
      return "a MAC address such as 02:42:ac:11:00:05";
    case T.NumberWord:
      return "a number";
    case T.EnvEntry:
      return "KEY=VALUE";
    case undefined:
      break;
    default:
      return place.expected.label ?? place.expected.name;
  }
  if (place.rule === "list" || place.rule === "item" || place.rule === "hostEnd") return value(place, before);
  if (place.rule === "onOff") return "on or off";
  if (place.rule === "publish") return "a host port, or all";
  if (place.rule === "assertion") return "allow or deny";
  return undefined;
}

function value(place: Place, before: Token["tokenType"]): string {
  const isPublish = place.first.tokenType === T.Publish;
  if (before === T.Colon || before === T.Expose) return "a port";
  if (before === T.Equals) return "peers or ports";
  if (place.rule === "hostEnd" || (isPublish && before === T.Publish)) return "a host port";
  if (isPublish && before === T.Arrow) return "a container or its port";
  if (place.first.tokenType === T.Share) return "containers";
  if (before === T.BracketOpen) return "an IPv6 address";
  return place.rule === "item" ? "an item" : "peers";
}
