/** Frequent mistakes in a publish. */
import { parseAddress } from "../src/net/address.js";
import { behind, endOf, endOfOperand, instead, is, type Mistake, type Place } from "./place.js";
import { shown, spanAt, spanBetween, textBetween } from "./place.js";
import { type Edit, SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";

export const publishPorts: Mistake = (place, found) => {
  if (!is(place.first, T.Publish) || place.rule !== "end" || !is(found, T.Colon)) return undefined;
  if (behind(place, T.From) !== undefined) {
    const end = endOf(place.token(endOfOperand(place, 2)));
    return new SyntaxProblem("source-port", spanAt(place), "ports can't stand behind 'from'", {
      why: "'from' says who may come; the ports of a publish stand before it",
      help: "leave the ports out",
      mends: [{ start: found.startOffset, end, text: "" }],
    });
  }
  if (behind(place, T.Arrow) === undefined) return dockerPublish(place);
  return new SyntaxProblem("several-published-ports", spanAt(place), "a publish takes one port or one range", {
    why: "each host port is mapped to one container port",
    help: "publish each port in a statement of its own",
  });
};

/** What Docker's `-p` takes: `publish 80:8080`. */
function dockerPublish(place: Place): SyntaxProblem | undefined {
  const before = place.token(0);
  if (is(before, T.ListClose)) return undefined;
  const isTarget = is(before, T.Name, T.Quoted) && !is(place.token(-1), T.Slash);
  const inside = place.token(2);
  const isPort = is(inside, T.NumberWord, T.NumberRange);
  const hasProtocol = isPort && is(place.token(3), T.Slash) && is(place.token(4), T.Name);
  const last = hasProtocol ? 4 : isPort || is(inside, T.Name, T.Quoted) ? 2 : 1;
  const span = spanBetween(place, 0, isPort ? 2 : 1);
  if (isTarget && is(place.token(last + 1), T.Arrow)) {
    return new SyntaxProblem("unexpected-token", span, `${shown(before)} can't stand before a host port`, {
      why: "a publish listens on this host; before the port stands at most one of the host's addresses",
      help: "leave it out",
      mends: [{ start: before.startOffset, end: inside.startOffset, text: "" }],
    });
  }
  return new SyntaxProblem("docker-publish", span, "the container's port stands behind an arrow", {
    why: "Docker writes HOST:CONTAINER; here it is publish HOST -> CONTAINER:PORT",
    help: "put the container's port behind an arrow, as in publish 80 -> c1:8080",
    mends: last === 1 ? [] : arrowMends(place, last, isTarget, isPort),
  });
}

/** `80:8080`, `c1:80` and `80:c1` as a publish writes them; the inner end is at 2 to `last`. */
function arrowMends(place: Place, last: number, isTarget: boolean, isPort: boolean): Edit[] {
  const before = place.token(0);
  const start = isTarget ? before.startOffset : endOf(before);
  const inner = textBetween(place, 2, last);
  const to = (text: string, end = last): Edit => ({ start, end: endOf(place.token(end)), text });
  if (!isPort) return isTarget ? [] : [to(` -> ${inner}`)];
  const host = isTarget ? place.token(2).image : "";
  if (is(place.token(last + 1), T.Arrow)) {
    const end = endOfOperand(place, last + 2);
    return [to(` -> ${textBetween(place, last + 2, end)}:${inner}`, end)];
  }
  if (place.within === "container") return [to(`${host} -> ${inner}`)];
  return [to(`${host} -> ${isTarget ? before.image : "c1"}:${inner}`)];
}

/** `publish {80, 443} -> c1`, `publish ::1:53 -> dns`. */
export const publishHost: Mistake = (place, found, before) => {
  if (!is(place.first, T.Publish)) return undefined;
  if (place.rule === "publish" && is(found, T.ListOpen)) {
    return new SyntaxProblem("several-published-ports", spanAt(place), "a publish takes one port or one range", {
      why: "each host port is mapped to one container port",
      help: "publish each port in a statement of its own",
    });
  }
  if (place.expected !== T.Colon || !is(before, T.Address, T.BracketClose)) return undefined;
  const isOpen = is(before, T.Address) && before.image.includes(":");
  const bracketed = isOpen ? `[${before.image}]` : is(before, T.Address) ? before.image : textBetween(place, -2, 0);
  const loose = is(found, T.NumberWord, T.NumberRange) ? [instead(place, 0, 1, `${bracketed}:${found.image}`)] : [];
  const [, start, port] = /^(.*:.*[^:]|::):(\d{1,5})$/.exec(before.image) ?? [];
  const address = start !== undefined && parseAddress(start) !== undefined ? start : undefined;
  return new SyntaxProblem(
    "missing-host-port",
    spanBetween(place, 0, 0),
    `expected ':' and a port after ${shown(before)}`,
    {
      why: "a publish names the host port; an IPv6 address before it takes brackets",
      help:
        address === undefined
          ? `put a ':' and the host port behind it: ${bracketed}:8080`
          : `put the address in brackets: [${address}]:${port}`,
      mends: address === undefined ? loose : [instead(place, 0, 0, `[${address}]:${port}`)],
    },
  );
};
