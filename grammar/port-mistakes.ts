/** Frequent mistakes about ports and protocols. */
import type { Token } from "./token.js";
import { behind, clip, endOf, instead, is, isEnd, type Mistake, type Place } from "./place.js";
import { shown, spanAt, spanBetween, textBetween } from "./place.js";
import { type Edit, SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";

const RULES = [T.Allow, T.Deny, T.Reject, T.Assert];

/** `tcp/22`, `ssh/tcp`, `fd00::5:22/tcp`, `10.0.0.0/255.0.0.0`. */
export const slash: Mistake = (place, found, before) => {
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
  if (is(before, T.ListClose)) return behindBraces(place, after);
  if (!is(before, T.Name)) return undefined;
  if (is(place.token(-1), T.Slash)) return secondProtocol(place, before, after);
  if (is(after, T.NumberWord, T.NumberRange) && before.image === "icmp") {
    return new SyntaxProblem("protocol-order", span, "icmp has no ports", {
      why: "a port is a number that TCP, UDP and SCTP packets carry; ICMP messages have a type instead",
      help: "write icmp alone; it covers ICMPv6 too",
      mends: [instead(place, 0, 2, "icmp")],
    });
  }
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

/** `22/udp/tcp`, `22/udp/udp`. */
function secondProtocol(place: Place, { image }: Token, after: Token): SyntaxProblem {
  const port = place.token(-2).image;
  return new SyntaxProblem("protocol-order", spanBetween(place, 1, isEnd(after) ? 1 : 2), "a port takes one protocol", {
    why: "a port is written PORT/PROTOCOL, and a range LOW-HIGH/PROTOCOL",
    help: `keep one: ${port}/${clip(image)}${isProtocol(after.image) ? ` or ${port}/${after.image}` : ""}`,
    mends: after.image === image ? [instead(place, 1, 2, "")] : [],
  });
}

/** `{22, 80}/udp`. */
function behindBraces(place: Place, protocol: Token): SyntaxProblem | undefined {
  const open = behind(place, T.ListOpen);
  if (open === undefined || !is(place.token(open - 1), T.Colon, T.Equals, T.Expose)) return undefined;
  return new SyntaxProblem("protocol-order", spanAt(place), "a protocol can't stand behind braces", {
    why: "each item in braces has a protocol of its own",
    help: "put it behind each number: {22/udp, 53/udp}",
    mends: is(protocol, T.Name) ? withProtocol(place, open, protocol.image) : [],
  });
}

/** The list that begins at `open`, each number in it with this protocol; nothing where one has its own. */
function withProtocol(place: Place, open: number, protocol: string): Edit[] {
  let text = "";
  for (let at = open; at <= 0; at++) {
    const [token, next] = [place.token(at), place.token(at + 1)];
    if (is(token, T.Slash)) return [];
    const isBare = is(token, T.NumberWord, T.NumberRange);
    const gap = at === 0 ? "" : place.file.text.slice(endOf(token), next.startOffset);
    text += `${token.image}${isBare ? `/${protocol}` : ""}${gap}`;
  }
  return [instead(place, open, 2, text)];
}

/** `fd00::5:22/tcp` with its brackets. */
function withPort(place: Place, before: Token): Edit[] {
  const [, address, port] = /^(.*[^:]):(\d{1,5})$/.exec(before.image) ?? [];
  if (address === undefined) return [];
  return [instead(place, 0, 0, address.includes("-") ? `{${address}}:${port}` : `[${address}]:${port}`)];
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
export const loosePort: Mistake = (place, found) => {
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
