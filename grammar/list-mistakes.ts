/** Frequent mistakes inside lists, and parts of a rule in the wrong order. */
import { EOF } from "chevrotain";
import { clip, is, isEnd, type Mistake, type Place, quoted, shown, spanAt } from "./place.js";
import { SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";

const RULES = [T.Allow, T.Deny, T.Reject, T.Assert];

export const insideBraces: Mistake = (place, found, before) => {
  if (place.rule !== "list" && place.rule !== "item") return undefined;
  const span = spanAt(place);
  const atItem = is(before, T.ListOpen, T.ItemSeparator);
  if (!atItem && place.expected !== T.ListClose.name) return undefined;
  switch (found.tokenType) {
    case T.ListClose:
      return new SyntaxProblem("empty-braces", span, "braces need at least one item", {
        why: "an empty list would match nothing",
        help: "write the items between the braces, or remove the statement",
      });
    case T.Semicolon:
      return new SyntaxProblem("semicolon-in-braces", span, "a ';' can't stand inside value braces", {
        why: "';' ends statements; the items of a list are separated by commas or newlines",
        help: "write ',' instead",
      });
    case T.ListOpen:
      return new SyntaxProblem("nested-braces", span, "braces can't stand inside braces", {
        why: "lists don't nest",
        help: "write all items in one pair of braces, or name the inner list with a let",
      });
    case T.Except:
      return new SyntaxProblem("except-in-braces", span, "'except' can't stand inside braces", {
        why: "one 'except' takes away from the whole list before it",
        help: "write {a, b} except c, or one rule for each",
      });
    case T.Colon:
      return new SyntaxProblem("ports-in-braces", span, "ports can't stand inside the braces of peers", {
        why: "the ports of a rule hold for all its peers",
        help: "write {a, b}:22, or one rule for each pair of peer and port",
      });
    case T.Slash:
    case T.Arrow:
    case T.Equals:
      return undefined;
    default:
      if (atItem || isEnd(found)) return undefined;
      return missingComma(place);
  }
};

function missingComma(place: Place): SyntaxProblem {
  const found = place.token(1);
  const before = place.token(0);
  const message = `expected ',' or '}' after ${shown(before)}, found ${shown(found)}`;
  return new SyntaxProblem("missing-comma", spanAt(place), message, {
    why: "the items of a list are separated by commas or newlines",
    help: `write ${clip(before.image)}, ${clip(found.image)}`,
  });
}

/** Parts of a rule in the wrong order, or twice. */
export const order: Mistake = (place, found, before) => {
  const span = spanAt(place);
  const isEnding = place.rule === "end";
  if (is(found, T.Except) && (isEnding || place.expected === T.Arrow.name)) {
    return isEnding && hasPorts(place) ? portsBeforeExcept(place) : chained(place);
  }
  if (!isEnding) return undefined;
  switch (found.tokenType) {
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
      if (!is(place.first, T.Allow, T.Deny, T.Reject) || !hasLog(place)) return undefined;
      return new SyntaxProblem("log-order", span, "a log's prefix stands right behind 'log'", {
        why: "the parts of a log are: log, its prefix, its limit",
        help: `write log ${clip(found.image)} limit N/second`,
      });
    case T.Name:
      if (before.tokenType !== T.Log) return undefined;
      return new SyntaxProblem("missing-quotes", span, "a log's prefix needs double quotes", {
        why: "the prefix is a text, not a name",
        help: `write log ${quoted(found.image)}`,
      });
    case T.Colon:
      if (!is(place.first, ...RULES) || !hasPorts(place)) return undefined;
      return new SyntaxProblem("several-ports", span, "a rule takes one ':'", {
        why: "all ports of a rule stand in one list",
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

function portsBeforeExcept(place: Place): SyntaxProblem {
  return new SyntaxProblem("ports-before-except", spanAt(place), "'except' comes before the ports", {
    why: "'except' takes away from the peers right before it; the ports come last",
    help: "write world except {…}:443",
  });
}

/** Whether the destination has its ports already. */
function hasPorts(place: Place): boolean {
  for (let at = 0; ; at--) {
    const token = place.token(at);
    if (is(token, T.Colon)) return true;
    if (token === place.first || is(token, T.Arrow) || token.tokenType === EOF) return false;
  }
}

function hasLog(place: Place): boolean {
  for (let at = 0; place.token(at) !== place.first; at--) if (is(place.token(at), T.Log)) return true;
  return false;
}
