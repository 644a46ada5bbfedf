/** The grammar of what stands both at top level and in a block: icc, link, publish. */
import { EOF } from "./token.js";
import type {
  IccStatement,
  Item,
  LinkStatement,
  List,
  Literal,
  PublishHost,
  PublishStatement,
} from "../src/ast/nodes.js";
import { requireContainers, requireNoGap, textOf } from "./checks.js";
import { SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";
import { ANY, PORTS, RECORDED, ValueGrammar } from "./values.js";

export abstract class ConnectionGrammar extends ValueGrammar {
  protected readonly icc = this.RULE("icc", (): IccStatement => {
    const first = this.CONSUME(T.Icc);
    const on = this.SUBRULE(this.onOff);
    return this.RECORDING_PHASE ? RECORDED : { kind: "icc", on, span: this.since(first) };
  });

  protected readonly onOff = this.RULE("onOff", (): boolean =>
    this.OR([{ ALT: () => this.CONSUME(T.On) !== undefined }, { ALT: () => this.CONSUME(T.Off) === undefined }]),
  );

  protected readonly link = this.RULE("link", (inBlock: boolean): LinkStatement => {
    const first = this.CONSUME(T.Link);
    const left = this.nameNode(this.CONSUME(T.AnyName));
    const right = this.OPTION(() => {
      this.CONSUME(T.Arrow);
      return this.nameNode(this.CONSUME2(T.AnyName));
    });
    const alias = this.OPTION2(() => {
      this.CONSUME(T.As);
      return this.nameNode(this.CONSUME3(T.AnyName));
    });
    if (this.RECORDING_PHASE) return RECORDED;
    const span = this.since(first);
    if (inBlock && right !== undefined) {
      throw new SyntaxProblem("link-in-block", span, "a link in a container's block names the target only", {
        why: "the container that is linked is the one in whose block the link stands",
        help: `write link ${textOf(right.span)}${alias === undefined ? "" : ` as ${textOf(alias.span)}`}`,
      });
    }
    // Before anything else it is that which doesn't fit: `link a => b`.
    if (!inBlock && right === undefined && [T.Separator, T.BlockClose, EOF].includes(this.LA(1).tokenType)) {
      throw new SyntaxProblem("link-without-source", span, "a link needs the container that uses it", {
        why: "outside a container's block nothing says who is linked",
        help: `write link ${left.text === "app" ? "web" : "app"} -> ${textOf(left.span)}${alias === undefined ? "" : ` as ${textOf(alias.span)}`}`,
      });
    }
    return { kind: "link", from: right === undefined ? undefined : left, target: right ?? left, alias, span };
  });

  protected readonly publish = this.RULE("publish", (): PublishStatement => {
    const first = this.CONSUME(T.Publish);
    const host = this.OR<PublishHost | undefined>([
      { ALT: () => void this.CONSUME(T.All) },
      { ALT: () => this.SUBRULE(this.hostEnd) },
    ]);
    const end = this.OPTION(() => {
      this.CONSUME(T.Arrow);
      const list = this.SUBRULE(this.list, ANY);
      const ports = this.OPTION2(() => this.SUBRULE(this.ports));
      return this.RECORDING_PHASE ? RECORDED : this.containerEnd(host, list, ports);
    });
    const from = this.OPTION3(() => {
      this.CONSUME(T.From);
      return this.SUBRULE(this.peers);
    });
    if (this.RECORDING_PHASE) return RECORDED;
    return { kind: "publish", host, target: end?.target, port: end?.port, from, span: this.since(first) };
  });

  private readonly hostEnd = this.RULE("hostEnd", (): PublishHost => {
    const first = this.LA(1);
    const address = this.OPTION(() => this.SUBRULE(this.hostAddress));
    const port = this.SUBRULE(this.item, PORTS);
    return this.RECORDING_PHASE ? RECORDED : { address, port, span: this.since(first) };
  });

  private readonly hostAddress = this.RULE("hostAddress", (): Literal => {
    const item = this.OR<Item>([
      { ALT: () => this.addressItem(this.CONSUME(T.Address)) },
      { ALT: () => this.bracketedItem() },
    ]);
    const before = this.LA(0);
    const colon = this.CONSUME(T.Colon);
    if (this.RECORDING_PHASE) return RECORDED;
    requireNoGap(this.file, before, colon, this.LA(1));
    if (item.kind !== "address") {
      throw new SyntaxProblem("not-an-address", item.span, `${textOf(item.span)} is more than one address`, {
        why: "a publish listens on one host address, or on all without one",
        help: "name one address; who may come is said with 'from'",
      });
    }
    if (item.text.includes(":") && !item.bracketed) {
      throw new SyntaxProblem("ipv6-needs-brackets", item.span, "a port after an IPv6 address needs brackets", {
        why: "an IPv6 address has colons of its own",
        help: `put it in brackets: [${item.text}]`,
        mends: [{ start: item.span.start, end: item.span.end, text: `[${item.text}]` }],
      });
    }
    return { text: item.text, span: item.span };
  });

  /** What stands right of the arrow: containers and a port, or a port alone. */
  private containerEnd(
    host: PublishHost | undefined,
    list: List,
    ports: List | undefined,
  ): { target: List | undefined; port: Item | undefined } {
    const only = list.items[0] as Item;
    const port = ports === undefined ? undefined : onePort(ports);
    if (!list.braced && only.kind === "port") {
      if (ports !== undefined) {
        throw new SyntaxProblem("not-a-container", only.span, `${textOf(only.span)} is no container's name`, {
          why: "right of '->' stands a container and its port, or the port alone",
          help: `put a container's name there, or quote "${textOf(only.span)}" if it is one`,
        });
      }
      requirePlainAll(host, only);
      return { target: undefined, port: only };
    }
    requireContainers(list);
    if (port !== undefined) requirePlainAll(host, port);
    return { target: list, port };
  }
}

/** A publish maps one port or one range; several ports are several publishes. */
function onePort(ports: List): Item {
  if (!ports.braced) return ports.items[0] as Item;
  throw new SyntaxProblem("several-published-ports", ports.span, "a publish takes one port or one range", {
    why: "each host port is mapped to one container port",
    help: "publish each port in a statement of its own",
  });
}

function requirePlainAll(host: PublishHost | undefined, port: Item): void {
  if (host !== undefined) return;
  throw new SyntaxProblem("publish-all-port", port.span, "'publish all' takes no port", {
    why: "it publishes every exposed port of the container",
    help: "leave the port out, or publish this port by its number",
  });
}
