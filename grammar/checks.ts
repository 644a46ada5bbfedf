/** What a place in a statement allows beyond its shape. */
import type { Token } from "./token.js";
import type { Item, List, Name, Peers } from "../src/ast/nodes.js";
import type { Diagnostics } from "../src/text/diagnostic.js";
import type { SourceFile, Span } from "../src/text/source.js";
import { suggest } from "../src/text/suggest.js";
import { SyntaxProblem } from "./problem.js";

/** What the items of a list are for. */
export type ListKind = "peers" | "ports" | "names" | "any";

/** Refuses an item that can't stand in a list of this kind. */
export function requireKind(item: Item, kind: ListKind): void {
  if (item.kind === "name" || kind === "any") return;
  const text = textOf(item.span);
  if (kind === "peers") {
    if (item.kind !== "port") return;
    throw new SyntaxProblem("not-a-peer", item.span, `${text} is a port, and a peer is expected here`, {
      why: "ports follow the destination, after a ':'; rules match no source ports",
      help: `put the port last, as in 'allow c1 -> c2:${text}', or quote "${text}" if it is a name`,
    });
  }
  if (kind === "ports") {
    if (item.kind === "port") return;
    throw new SyntaxProblem("not-a-port", item.span, `${text} is an address, and a port is expected here`, {
      why: "a port is a number, a range, a protocol or the name of a let",
      help: "a port looks like 22, 53/udp or 8000-8010",
    });
  }
  throw new SyntaxProblem("not-a-container", item.span, `${text} is no container's name`, {
    why: "only containers can stand here",
    help: item.kind === "port" ? `quote it if it is a name: "${text}"` : "name the container",
  });
}

/** Refuses a list that holds anything but names. */
export function requireContainers(list: List): void {
  for (const item of list.items) requireKind(item, "names");
}

/** Refuses spaces around a ':' or '/': `c2 : 22` reads like two things. */
export function requireNoGap(file: SourceFile, before: Token, sign: Token, after: Token): void {
  const end = before.startOffset + before.image.length;
  const start = after.startOffset;
  if (sign.startOffset === end && start === sign.startOffset + sign.image.length) return;
  const span = { file, start: end, end: start };
  throw new SyntaxProblem("unexpected-space", span, `no space may stand around '${sign.image}' here`, {
    why: "a port belongs to what stands right before it",
    help: `leave out the spaces around '${sign.image}'`,
    mends: [{ start: end, end: start, text: sign.image }],
  });
}

/** Refuses `80/udp-90` and `80/udp-90/udp`. */
export function requireWholeRange(file: SourceFile, port: Token, word: Token): void {
  const [, protocol, last] = /^(tcp|udp|sctp)-(\d+)$/.exec(word.image) ?? [];
  if (protocol === undefined) return;
  const start = port.startOffset;
  const behind = word.startOffset + word.image.length;
  const end = file.text.startsWith(`/${protocol}`, behind) ? behind + protocol.length + 1 : behind;
  const mend = `${port.image}-${last}/${protocol}`;
  throw new SyntaxProblem(
    "protocol-order",
    { file, start, end },
    "the protocol of a range stands behind the whole of it",
    {
      why: "a range is LOW-HIGH, and takes one protocol: LOW-HIGH/PROTOCOL",
      help: `put it last: ${mend}`,
      mends: [{ start, end, text: mend }],
    },
  );
}

const UNITS = ["second", "minute", "hour", "day"] as const;

export type Unit = (typeof UNITS)[number];

export function requireUnit(word: string, span: Span): Unit {
  const unit = UNITS.find((known) => known === word);
  if (unit !== undefined) return unit;
  const close = UNITS.find((known) => word !== "" && known.startsWith(word)) ?? suggest(word, UNITS);
  throw new SyntaxProblem("bad-limit", span, `'${word}' is no unit of a limit`, {
    why: "a limit counts per second, minute, hour or day",
    help: close === undefined ? "a limit looks like 5/second" : `did you mean '${close}'?`,
  });
}

export function requireWord(what: string, code: "unknown-mode" | "unknown-driver", word: string, span: Span): void {
  const known = code === "unknown-mode" ? MODES : DRIVERS;
  if (known.includes(word)) return;
  const close = suggest(word, known);
  const forms = code === "unknown-mode" ? "host, none or container:NAME" : "bridge or macvlan PARENT";
  throw new SyntaxProblem(code, span, `'${word}' is no ${what}`, {
    why: `the ${what}s are ${known.join(", ")}`,
    help: close === undefined ? `choose ${forms}` : `did you mean '${close}'?`,
  });
}

const MODES: readonly string[] = ["host", "none", "container"];
const DRIVERS: readonly string[] = ["bridge", "macvlan"];

/** Refuses ports right after an IPv6 address that lacks its brackets: where would the address end? */
export function requireBrackets(peers: Peers): void {
  const list = peers.except ?? peers.include;
  const item = list.items[0] as Item;
  if (list.braced) return;
  const open = item.kind === "address" && !item.bracketed && item.text.includes(":");
  if (!open && !(item.kind === "range" && item.to.includes(":"))) return;
  const mend = item.kind === "address" ? `[${item.text}]` : `{${textOf(item.span)}}`;
  throw new SyntaxProblem(
    "ipv6-needs-brackets",
    item.span,
    "ports after an IPv6 address need brackets around the address",
    {
      why: "an IPv6 address has colons of its own",
      help: `put it in ${item.kind === "address" ? "brackets" : "braces"}: ${mend}`,
      mends: [{ start: item.span.start, end: item.span.end, text: mend }],
    },
  );
}

/** An address that reads like one and a port: `fd00::5:22`. */
interface Ambiguous {
  readonly text: string;
  readonly address: string;
  readonly port: string;
  /** Where it ends a range: what stands before it. */
  readonly from: string;
}

function ambiguous(item: Item): Ambiguous | undefined {
  if (item.kind !== "address" && item.kind !== "range") return undefined;
  const text = item.kind === "address" ? item.text : item.to;
  if (!text.includes("::") || (item.kind === "address" && item.bracketed)) return undefined;
  const [, address, port] = /^(.*[^:]):([1-9]\d{0,4})$/.exec(text) ?? [];
  if (address === undefined || port === undefined || Number(port) > 65535 || !address.includes("::")) return undefined;
  return { text, address, port, from: item.kind === "range" ? `${item.from}-` : "" };
}

/** Warns of each address of a list that reads like one and a port. */
function warnOf(list: List, diagnostics: Diagnostics, help: (found: Ambiguous) => string): void {
  for (const item of list.items) {
    const found = ambiguous(item);
    if (found === undefined) continue;
    const message = `${found.text} is an address here, not ${found.address} and port ${found.port}`;
    diagnostics.warning("ipv6-port-ambiguous", item.span, message, {
      why: "an IPv6 address has colons of its own, so a port needs brackets around the address",
      help: `if a port is meant, ${help(found)}`,
    });
  }
}

/** An address, or the range that it ends, with the port that may be meant. */
function withPort({ from, address, port }: Ambiguous, braced = false): string {
  return braced || from !== "" ? `{${from}${address}}:${port}` : `[${address}]:${port}`;
}

/** Warns where `fd00::5:22` may have been meant as the address `fd00::5` and the port 22. */
export function warnOfPorts(to: Peers, diagnostics: Diagnostics): void {
  for (const list of to.except === undefined ? [to.include] : [to.include, to.except]) {
    const isApart = list.items.length > 1 || (to.except !== undefined && list === to.include);
    warnOf(list, diagnostics, (found) =>
      isApart
        ? `put ':${found.port}' behind all peers, or use a rule of its own for ${withPort(found)}`
        : `write ${withPort(found, list.braced)}`,
    );
  }
}

/** The same in a let, where the port stands behind the let's name. */
export function warnOfLet({ text }: Name, value: List, diagnostics: Diagnostics): void {
  warnOf(value, diagnostics, (found) => {
    const { from, address, port } = found;
    return `put ${from}${address} here and ${text}:${port} in the rules, or ${withPort(found)} without the let`;
  });
}

export function textOf(span: Span): string {
  return span.file.text.slice(span.start, span.end);
}
