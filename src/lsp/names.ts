/** Where the names of containers, networks and lets stand in trees. Pure. */
import type { ContainerProperty, Item, List, Name, Peers, Statement } from "../ast/nodes.js";
import type { Tree } from "../ast/tree.js";
import { BUILT_IN } from "../ir/scope.js";
import { PROTOCOLS } from "../net/ports.js";
import type { Span } from "../text/source.js";

export interface Occurrence {
  readonly name: string;
  readonly span: Span;
  /** Whether it is declared here. */
  readonly declares: boolean;
}

/** Words that stand for themselves in every policy. */
const RESERVED = new Set<string>([...BUILT_IN, ...PROTOCOLS.keys()]);

/** Every name, in the order of the text. */
export function occurrencesOf(trees: readonly Tree[]): Occurrence[] {
  return trees.flatMap((tree) => {
    const collector = new Collector();
    for (const statement of tree.statements) collector.statement(statement);
    return collector.found.sort((a, b) => a.span.start - b.span.start);
  });
}

class Collector {
  readonly found: Occurrence[] = [];

  statement(statement: Statement): void {
    switch (statement.kind) {
      case "let":
        this.name(statement.name, true);
        return this.list(statement.value);
      case "network":
        return this.name(statement.name, true);
      case "container":
        this.name(statement.name, true);
        for (const property of statement.properties) this.property(property);
        return;
      case "rule":
      case "assert":
        this.peers(statement.from);
        this.peers(statement.to);
        return this.list(statement.ports);
      case "publish":
      case "link":
        return this.property(statement);
      case "share":
        return this.list(statement.containers);
      default:
        return;
    }
  }

  private property(property: ContainerProperty): void {
    switch (property.kind) {
      case "endpoint":
        return this.name(property.network);
      case "expose":
        return this.list(property.ports);
      case "mode":
        return property.other && this.name(property.other);
      case "link":
        if (property.from !== undefined) this.name(property.from);
        return this.name(property.target);
      case "publish":
        this.item(property.host?.port);
        this.list(property.target);
        this.item(property.port);
        return this.peers(property.from);
      default:
        return;
    }
  }

  private peers(peers: Peers | undefined): void {
    this.list(peers?.include);
    this.list(peers?.except);
  }

  private list(list: List | undefined): void {
    for (const item of list?.items ?? []) this.item(item);
  }

  private item(item: Item | undefined): void {
    if (item?.kind === "name") this.name(item.name);
  }

  private name({ text, quoted, span }: Name, declares = false): void {
    if (quoted || !RESERVED.has(text)) this.found.push({ name: text, span, declares });
  }
}
