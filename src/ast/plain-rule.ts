/** The rules that large policies are made of, and the nodes that they stand for. */
import type { SourceFile, Span } from "../text/source.js";
import type { Item, List, Peers, RuleStatement, Verb } from "./nodes.js";

/**
 * A rule between two plain peers, names or single IPv4 addresses, in canonical text and without a log.
 *
 * It keeps what such a line says and where it stands. Its nodes are made when somebody asks for them, which only
 * diagnostics and tools do: 100,000 such rules would otherwise be two million objects.
 */
export class PlainRule implements RuleStatement {
  readonly kind: "rule";
  readonly verb: Verb;
  /** A name, or an IPv4 address as its integer. */
  readonly source: string | number;
  readonly destination: string | number;
  readonly port: number | undefined;
  /** The protocol as written; undefined when left out. */
  readonly protocol: string | undefined;
  private readonly file: SourceFile;
  private readonly start: number;
  private readonly end: number;

  constructor(
    file: SourceFile,
    start: number,
    end: number,
    verb: Verb,
    source: string | number,
    destination: string | number,
    port: number | undefined,
    protocol: string | undefined,
  ) {
    this.kind = "rule";
    this.verb = verb;
    this.source = source;
    this.destination = destination;
    this.port = port;
    this.protocol = protocol;
    this.file = file;
    this.start = start;
    this.end = end;
  }

  /** The canonical text, which is how it is written. */
  get text(): string {
    return this.file.text.slice(this.start, this.end);
  }

  get span(): Span {
    return { file: this.file, start: this.start, end: this.end };
  }

  get from(): Peers {
    const start = this.start + this.verb.length + 1;
    return peersNode(this.file, this.source, start, this.file.text.indexOf(" ", start));
  }

  get to(): Peers {
    return peersNode(this.file, this.destination, this.startOfTo, this.endOfTo);
  }

  get ports(): List | undefined {
    if (this.port === undefined) return undefined;
    const item = portItem(this.file, this.endOfTo + 1, this.end, this.port, this.protocol);
    return { items: [item], braced: false, span: item.span };
  }

  get log(): undefined {
    return undefined;
  }

  /** The same rule as an object of nodes. */
  toJSON(): RuleStatement {
    const { kind, verb, from, to, ports, log, span } = this;
    return { kind, verb, from, to, ports, log, span };
  }

  private get startOfTo(): number {
    return this.file.text.indexOf(" -> ", this.start) + " -> ".length;
  }

  private get endOfTo(): number {
    return this.port === undefined ? this.end : this.file.text.indexOf(":", this.startOfTo);
  }
}

function peersNode(file: SourceFile, peer: string | number, start: number, end: number): Peers {
  const span = { file, start, end };
  const item: Item =
    typeof peer === "string"
      ? { kind: "name", name: { text: peer, quoted: false, span }, span }
      : { kind: "address", text: file.text.slice(start, end), bracketed: false, span };
  return { include: { items: [item], braced: false, span }, except: undefined, span };
}

/** A port, and behind its slash the protocol, that stand from `start` to `end`. */
export function portItem(file: SourceFile, start: number, end: number, port: number, protocol?: string): Item {
  const span = { file, start, end };
  if (protocol === undefined) return { kind: "port", from: port, to: port, protocol, span };
  const name = { text: protocol, quoted: false, span: { file, start: end - protocol.length, end } };
  return { kind: "port", from: port, to: port, protocol: name, span };
}
