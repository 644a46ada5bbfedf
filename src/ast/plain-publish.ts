/** The publishes that large policies have many of, and the nodes that they stand for. */
import type { SourceFile, Span } from "../text/source.js";
import type { Item, List, PublishHost, PublishStatement } from "./nodes.js";
import { portItem } from "./plain-rule.js";

const PUBLISH_LENGTH = "publish ".length;
const ARROW_LENGTH = " -> ".length;

/**
 * `publish PORT -> NAME:PORT` in canonical text. Like a `PlainRule` it keeps what the line says, and its nodes are made
 * when somebody asks for them.
 */
export class PlainPublish implements PublishStatement {
  readonly kind: "publish";
  readonly hostPort: number;
  readonly container: string;
  readonly containerPort: number;
  private readonly file: SourceFile;
  private readonly start: number;
  private readonly end: number;

  constructor(
    file: SourceFile,
    start: number,
    end: number,
    hostPort: number,
    container: string,
    containerPort: number,
  ) {
    this.kind = "publish";
    this.hostPort = hostPort;
    this.container = container;
    this.containerPort = containerPort;
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

  get host(): PublishHost {
    const start = this.start + PUBLISH_LENGTH;
    const port = portItem(this.file, start, start + String(this.hostPort).length, this.hostPort);
    return { address: undefined, port, span: port.span };
  }

  get target(): List {
    const start = this.start + PUBLISH_LENGTH + String(this.hostPort).length + ARROW_LENGTH;
    const span = { file: this.file, start, end: start + this.container.length };
    const name = { text: this.container, quoted: false, span };
    return { items: [{ kind: "name", name, span }], braced: false, span };
  }

  get port(): Item {
    return portItem(this.file, this.end - String(this.containerPort).length, this.end, this.containerPort);
  }

  get from(): undefined {
    return undefined;
  }

  /** The same publish as an object of nodes. */
  toJSON(): PublishStatement {
    const { kind, host, target, port, from, span } = this;
    return { kind, host, target, port, from, span };
  }
}
