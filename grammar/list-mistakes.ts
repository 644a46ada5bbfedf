/** Frequent mistakes inside lists, and parts of a rule in the wrong order. */
import type { Token } from "./token.js";
import { suggest } from "../src/text/suggest.js";
import { behind, endOf, endOfOperand, instead, is, isEnd, type Mistake, type Place } from "./place.js";
import { OPERAND_ENDS, OPERANDS, quoted, shown, spanAt, spanBetween, textBetween } from "./place.js";
import { type Edit, SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";

const RULES = [T.Allow, T.Deny, T.Reject, T.Assert];

export const insideBraces: Mistake = (place, found, before) => {
  if (place.rule !== "list" && place.rule !== "item") return undefined;
  const span = spanAt(place);
  const atItem = is(before, T.ListOpen, T.ItemSeparator);
  if (!atItem && place.expected !== T.ListClose) return undefined;
  switch (found.tokenType) {
    case T.ListClose:
      return new SyntaxProblem("empty-braces", span, "braces need at least one item", {
        why: "an empty list would match nothing",
        help: "put the items between the braces, or remove the statement",
      });
    case T.Semicolon:
      return new SyntaxProblem("semicolon-in-braces", span, "a ';' can't stand inside value braces", {
        why: "';' ends statements; the items of a list are separated by commas or newlines",
        help: "put a ',' in its place",
        mends: [instead(place, 1, 1, ",")],
      });
    case T.ListOpen:
      return new SyntaxProblem("nested-braces", span, "braces can't stand inside braces", {
        why: "lists don't nest",
        help: "put all items in one pair of braces, or name the inner list with a let",
      });
    case T.Except:
      return new SyntaxProblem("except-in-braces", span, "'except' can't stand inside braces", {
        why: "one 'except' takes away from the whole list before it",
        help: "move it behind the braces, as in {a, b} except c",
      });
    case T.Colon:
      return new SyntaxProblem("ports-in-braces", span, "ports can't stand inside the braces of peers", {
        why: "the ports of a rule hold for all its peers",
        help: "move them behind the braces, as in {a, b}:22, or use one rule for each peer",
      });
    case T.Slash:
    case T.Arrow:
    case T.Equals:
      return undefined;
    default:
      if (atItem || isEnd(found)) return undefined;
      if (isExcept(found) || isMisspeltExcept(place)) return misplacedExcept(place);
      return missingComma(place);
  }
};

function missingComma(place: Place): SyntaxProblem {
  const found = place.token(1);
  const before = place.token(0);
  const message = `expected ',' or '}' after ${shown(before)}, found ${shown(found)}`;
  return new SyntaxProblem("missing-comma", spanAt(place), message, {
    why: "the items of a list are separated by commas or newlines",
    help: "put a ',' between them",
    mends: [{ start: endOf(before), end: endOf(before), text: "," }],
  });
}

/** `any exept a`, `deny except a -> b`. */
export const exceptWord: Mistake = (place, found, before) => {
  if (!is(place.first, ...RULES, T.Publish) || (place.rule !== "end" && place.expected !== T.Arrow)) return undefined;
  if (behind(place, T.Log) !== undefined) return undefined;
  if (isNearlyExcept(before) && is(place.token(-1), ...RULES, T.Arrow, T.From) && is(found, ...OPERANDS)) {
    return new SyntaxProblem("unexpected-token", spanBetween(place, 0, 0), "'except' has no peers before it", {
      why: "'except' takes away from the peers right before it",
      help: "say whom it takes away from: any except c2",
      mends: [instead(place, 0, 0, "any except")],
    });
  }
  if (before.image === "except" || !isMisspeltExcept(place) || !is(before, ...OPERAND_ENDS)) return undefined;
  if (isChained(place)) return chained(place);
  return new SyntaxProblem("unexpected-token", spanAt(place), `unexpected ${shown(found)} after ${shown(before)}`, {
    why: "behind peers stands 'except' and what it takes away from them, or the next part of the statement",
    help: "did you mean 'except'?",
    mends: [instead(place, 1, 1, "except")],
  });
};

/** Parts of a rule in the wrong order, or twice. */
export const order: Mistake = (place, found, before) => {
  const span = spanAt(place);
  const isEnding = place.rule === "end";
  if (is(found, T.Except) && (isEnding || place.expected === T.Arrow)) {
    if (isEnding && is(place.first, ...RULES) && portsAt(place) !== undefined) return portsBeforeExcept(place);
    return isChained(place) ? chained(place) : misplacedExcept(place);
  }
  if (isEnding && (isExcept(found) || isMisspeltExcept(place)) && is(before, ...OPERAND_ENDS))
    return misplacedExcept(place);
  if (!isEnding) return undefined;
  switch (found.tokenType) {
    case T.Log:
      return is(place.first, T.Assert) ? assertLog(place) : undefined;
    case T.Limit:
      if (behind(place, T.Log) !== undefined) return undefined;
      if (is(place.first, T.Assert)) return assertLog(place);
      return new SyntaxProblem("limit-without-log", span, "'limit' stands behind 'log' only", {
        why: "a limit slows the log and never changes a verdict",
        help: "put 'log' before it",
        mends: [instead(place, 1, 1, "log limit")],
      });
    case T.Quoted:
      if (!is(place.first, T.Allow, T.Deny, T.Reject) || behind(place, T.Log) === undefined) return undefined;
      return new SyntaxProblem("log-order", span, "a log's prefix stands right behind 'log'", {
        why: "the parts of a log are: log, its prefix, its limit",
        help: is(before, T.Quoted) ? "make one prefix of the two" : "move the prefix right behind 'log'",
        mends: prefixFirst(place),
      });
    case T.Name:
      if (before.tokenType !== T.Log) return undefined;
      return new SyntaxProblem("missing-quotes", span, "a log's prefix needs double quotes", {
        why: "the prefix is a text, not a name",
        help: "put the prefix in double quotes",
        mends: [instead(place, 1, 1, quoted(found.image))],
      });
    case T.Colon:
      if (!is(place.first, ...RULES) || portsAt(place) === undefined) return undefined;
      return new SyntaxProblem("several-ports", span, "a rule takes one ':'", {
        why: "all ports of a rule stand in one list",
        help: "put several ports in braces: c1:{22, 80}",
        mends: is(place.token(-1), T.Colon) ? [instead(place, 0, 2, `{${before.image}, ${place.token(2).image}}`)] : [],
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
  const colon = portsAt(place) as number;
  const end = endOfOperand(place, 2);
  return new SyntaxProblem("ports-before-except", spanAt(place), "'except' comes before the ports", {
    why: "'except' takes away from the peers right before it; the ports come last",
    help: "put the ports last, as in world except {a, b}:443",
    mends: [instead(place, colon, end, ` except ${textBetween(place, 2, end)}${textBetween(place, colon, 0)}`)],
  });
}

/** Where the destination's ports begin, when it has them already. */
function portsAt(place: Place): number | undefined {
  const at = behind(place, T.Colon, T.Arrow, T.Log);
  return at !== undefined && is(place.token(at), T.Colon) ? at : undefined;
}

/** Whether this side has its `except` already. */
function isChained(place: Place): boolean {
  const at = behind(place, T.Except, T.Arrow, T.Log);
  return at !== undefined && is(place.token(at), T.Except);
}

/** Also where words.ts knows no such keyword. */
function isExcept(token: Token): boolean {
  return is(token, T.Except) || (is(token, T.Name) && token.image === "except");
}

function isNearlyExcept(token: Token): boolean {
  return is(token, T.Name) && (token.image === "except" || suggest(token.image, ["except"]) !== undefined);
}

/** A word between two operands that is nearly `except`. */
function isMisspeltExcept(place: Place): boolean {
  return !isExcept(place.token(1)) && isNearlyExcept(place.token(1)) && is(place.token(2), ...OPERANDS);
}

function misplacedExcept(place: Place): SyntaxProblem {
  const isRule = is(place.first, ...RULES);
  return new SyntaxProblem("unexpected-token", spanAt(place), "'except' can't stand here", {
    why: "'except' belongs to a side of a rule, or to the 'from' of a publish, right behind its peers",
    help: isRule
      ? "move it right behind the peers that it takes away from"
      : is(place.first, T.Let)
        ? "say it in the rules that use the let, as in allow web except c1 -> db"
        : "name what remains",
  });
}

function assertLog(place: Place): SyntaxProblem {
  return new SyntaxProblem("assert-log", spanAt(place), "an assertion takes no log", {
    why: "it is checked when the policy is compiled; no packet ever meets it",
    help: "move the log behind the rule that decides",
  });
}

/** `log limit 5/second "x"` in the right order. */
function prefixFirst(place: Place): Edit[] {
  const limit = behind(place, T.Limit, T.Log) as number;
  if (!is(place.token(limit), T.Limit)) return [];
  return [instead(place, limit, 1, `${place.token(1).image} ${textBetween(place, limit, 0)}`)];
}
