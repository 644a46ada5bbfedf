/** A protocol before the peers, as iptables has it: `allow tcp a -> b:22`. */
import type { Token } from "./token.js";
import { endOfOperand, instead, is, isEnd, type Mistake, OPERANDS, type Place, spanBetween } from "./place.js";
import { textBetween } from "./place.js";
import { type Edit, SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";

const RULES = [T.Allow, T.Deny, T.Reject];
const PROTOCOLS = ["tcp", "udp", "sctp", "icmp"];

/** `allow tcp a -> b:22`, `allow a -> tcp b:22`, `publish tcp 80 -> c1`. */
export const protocolFirst: Mistake = (place, found, before) => {
  if (!is(before, T.Name) || !PROTOCOLS.includes(before.image) || !is(found, ...OPERANDS)) return undefined;
  const isPublish = is(place.token(-1), T.Publish);
  if (!isPublish && !is(place.token(-1), ...RULES, T.Arrow)) return undefined;
  // Behind the arrow of a publish stands a container or its port, and other mistakes know these.
  if (!isPublish && !is(place.first, ...RULES, T.Assert)) return undefined;
  const protocol = before.image;
  return new SyntaxProblem("protocol-order", spanBetween(place, 0, 0), `'${protocol}' belongs behind the port`, {
    why: isPublish ? "a port is written PORT/PROTOCOL" : "peers say who; a port is written PORT/PROTOCOL, behind them",
    help:
      protocol === "icmp"
        ? "put it behind the destination: allow a -> b:icmp"
        : `put it behind the port: ${isPublish ? `publish 80/${protocol} -> c1` : `allow a -> b:22/${protocol}`}`,
    mends: isPublish ? behindHostPort(place, found) : behindPorts(place),
  });
};

function behindHostPort(place: Place, port: Token): Edit[] {
  const isPort = is(port, T.NumberWord, T.NumberRange);
  return isPort ? [instead(place, 0, 1, `${port.image}/${place.token(0).image}`)] : [];
}

/** The statement without the protocol here, and with it at each port that has none. */
function behindPorts(place: Place): Edit[] {
  const protocol = place.token(0).image;
  const end = endOfDestination(place);
  if (end === undefined) return [];
  const colon = end + 1;
  if (!is(place.token(colon), T.Colon)) return [instead(place, 0, end, `${textBetween(place, 1, end)}:${protocol}`)];
  if (protocol === "icmp") return [];
  const last = endOfOperand(place, colon + 1);
  const edits: Edit[] = [];
  for (let at = colon + 1; at <= last; at++) {
    if (!is(place.token(at), T.NumberWord, T.NumberRange) || is(place.token(at + 1), T.Slash)) continue;
    edits.push(instead(place, at, at, `${place.token(at).image}/${protocol}`));
  }
  const start = place.token(1).startOffset;
  let text = textBetween(place, 1, last);
  for (const edit of edits.reverse())
    text = `${text.slice(0, edit.start - start)}${edit.text}${text.slice(edit.end - start)}`;
  return [instead(place, 0, last, text)];
}

/** Where the destination ends, its `except` included; undefined without an arrow. */
function endOfDestination(place: Place): number | undefined {
  let at = 1;
  if (!is(place.token(-1), T.Arrow)) {
    while (!is(place.token(at), T.Arrow)) if (isEnd(place.token(at++))) return undefined;
    at++;
  }
  const end = endOfOperand(place, at);
  return is(place.token(end + 1), T.Except) ? endOfOperand(place, end + 2) : end;
}
