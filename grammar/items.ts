/** Tokens to the smallest nodes, with the checks of their values: names, addresses, ports, numbers. */
import type { Token } from "./token.js";
import type { ContainerProperty, Item, Name, NumberLiteral } from "../src/ast/nodes.js";
import { type Address, parseAddress } from "../src/net/address.js";
import type { SourceFile, Span } from "../src/text/source.js";
import { SyntaxProblem } from "./problem.js";
import { Quoted } from "./tokens.js";

export function spanOf(file: SourceFile, token: Token): Span {
  return { file, start: token.startOffset, end: token.startOffset + token.image.length };
}

export function nameOf(file: SourceFile, token: Token): Name {
  const span = spanOf(file, token);
  return token.tokenType === Quoted
    ? { text: unquote(token.image, span), quoted: true, span }
    : { text: token.image, quoted: false, span };
}

/** The text between the quotes; `\"` and `\\` are the only escapes. */
export function unquote(image: string, span: Span): string {
  const inner = image.slice(1, -1);
  if (!inner.includes("\\")) return inner;
  return inner.replace(/\\(.)/gsu, (escape, char: string, at: number) => {
    if (char === '"' || char === "\\") return char;
    const start = span.start + 1 + at;
    const shown = JSON.stringify(escape).slice(1, -1).replace("\\\\", "\\");
    throw new SyntaxProblem(
      "bad-escape",
      { file: span.file, start, end: start + escape.length },
      `unknown escape '${shown}' in a quoted name`,
      {
        why: 'inside quotes only \\" and \\\\ are escapes',
        help: "double the backslash: \\\\",
      },
    );
  });
}

/** The node of an address token: an address, a CIDR or a range, its value checked. */
export function addressOf(file: SourceFile, token: Token): Item {
  const span = spanOf(file, token);
  const text = token.image;
  const slash = text.indexOf("/");
  if (slash !== -1) {
    const address = text.slice(0, slash);
    const length = Number(text.slice(slash + 1));
    const most = checkAddress(address, span).family === 4 ? 32 : 128;
    if (length > most) {
      throw new SyntaxProblem("bad-prefix", span, `the prefix length of ${text} is over ${most}`, {
        why: `an ${most === 32 ? "IPv4" : "IPv6"} address has ${most} bits`,
        help: `use a prefix length from /0 to /${most}`,
      });
    }
    return { kind: "cidr", address, length, span };
  }
  const minus = text.indexOf("-");
  if (minus === -1) {
    checkAddress(text, span);
    return { kind: "address", text, bracketed: false, span };
  }
  const from = text.slice(0, minus);
  const to = text.slice(minus + 1);
  const low = checkAddress(from, { file, start: span.start, end: span.start + minus });
  const high = checkAddress(to, { file, start: span.start + minus + 1, end: span.end });
  if (low.family !== high.family) {
    throw new SyntaxProblem("bad-range", span, `the range ${text} begins and ends in different families`, {
      why: "a range is all addresses between its two ends, which are of one family",
      help: "use one range for IPv4 and one for IPv6, in braces",
    });
  }
  if (low.value > high.value) {
    throw new SyntaxProblem("bad-range", span, `the range ${text} ends before it begins`, {
      why: "the first address of a range is not above the last",
      help: `did you mean ${to}-${from}?`,
    });
  }
  return { kind: "range", from, to, span };
}

export function checkAddress(text: string, span: Span): Address {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  if (!text.includes(":")) {
    throw new SyntaxProblem("bad-address", span, `${text} is no IPv4 address`, {
      why: "an IPv4 address is four numbers from 0 to 255 without leading zeros",
      help: "correct the number that is out of range, or quote the word if it is a name",
    });
  }
  // `fd00::5:ssh` is an address and a port without the brackets, as far as one can guess.
  const port = /^(.*[^:]):([\w-]+)$/.exec(text);
  const bracketed = port !== null && parseAddress(port[1] as string) !== undefined;
  throw new SyntaxProblem("bad-address", span, `${text} is no IPv6 address`, {
    why: "an IPv6 address is eight groups of up to four hexadecimal digits, and one '::' may stand for groups of zeros",
    help: bracketed
      ? `for a port write [${port[1]}]:${port[2]}`
      : (wrongCount(text) ?? "correct the group that is wrong"),
  });
}

/** Groups too few or too many, without a '::'; an IPv4 address at the end is two of them. */
function wrongCount(text: string): string | undefined {
  const groups = text.split(":").length + (text.includes(".") ? 1 : 0);
  if (groups === 8 || text.includes("::")) return undefined;
  return `give it eight groups instead of ${groups}${groups < 8 ? ", or '::' where the zeros are" : ""}`;
}

/** `22`, `8000-8010`; `protocol` from after the slash. */
export function portOf(file: SourceFile, token: Token, protocol: Token | undefined): Item {
  const own = spanOf(file, token);
  const name = protocol === undefined ? undefined : nameOf(file, protocol);
  const span = name === undefined ? own : { file, start: own.start, end: name.span.end };
  const minus = token.image.indexOf("-");
  if (minus === -1) {
    const port = checkPort(token.image, own);
    return { kind: "port", from: port, to: port, protocol: name, span };
  }
  const from = checkPort(token.image.slice(0, minus), { file, start: own.start, end: own.start + minus });
  const to = checkPort(token.image.slice(minus + 1), { file, start: own.start + minus + 1, end: own.end });
  if (from > to) {
    throw new SyntaxProblem("bad-range", own, `the range ${token.image} ends before it begins`, {
      why: "the first port of a range is not above the last",
      help: `did you mean ${to}-${from}?`,
    });
  }
  return { kind: "port", from, to, protocol: name, span };
}

function checkPort(digits: string, span: Span): number {
  const port = Number(digits);
  if (port >= 1 && port <= 65535) return port;
  throw new SyntaxProblem("bad-port", span, `${digits} is no port`, {
    why: "ports go from 1 to 65535",
    help: port === 0 ? "leave the port out to mean every port and protocol" : "use a number up to 65535",
  });
}

/** A whole number from 1 up to what every field of the kernel that takes it can hold. */
export function numberOf(file: SourceFile, token: Token, what: string): NumberLiteral {
  const span = spanOf(file, token);
  const value = Number(token.image);
  if (value >= 1 && value <= 0x7fffffff) return { value, span };
  throw new SyntaxProblem("bad-number", span, `the ${what} ${token.image} is out of range`, {
    why: `the ${what} goes from 1 to ${0x7fffffff}`,
    help: `use a number from 1 to ${0x7fffffff}`,
  });
}

const ENV = /^env[ \t]+((?:"(?:[^"\\]|\\.)*"|[^="])*)=(.*)$/su;

/** `env KEY=VALUE`, which the scanner reads as one token. */
export function envOf(file: SourceFile, token: Token): ContainerProperty & { kind: "env" } {
  const span = spanOf(file, token);
  const [, key, value] = ENV.exec(token.image) as unknown as [string, string, string];
  const equals = span.end - value.length - 1;
  const word = (text: string, start: number): Name => {
    const own = { file, start, end: start + text.length };
    return text.startsWith('"')
      ? { text: unquote(text, own), quoted: true, span: own }
      : { text, quoted: false, span: own };
  };
  return { kind: "env", key: word(key, equals - key.length), value: word(value, equals + 1), span };
}
