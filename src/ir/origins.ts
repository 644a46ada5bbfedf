/** Gives statements their identity: see `Origin` in policy.ts. */
import { formatStatement } from "../ast/format.js";
import type { Statement } from "../ast/nodes.js";
import type { Span } from "../text/source.js";
import type { Origin } from "./policy.js";

/** Texts are made when somebody asks for them: most statements of a large policy are never printed. */
class StatementOrigin implements Origin {
  readonly index: number;
  private readonly all: Origins;
  private readonly statement: Statement;
  private readonly prefix: string;

  constructor(all: Origins, index: number, statement: Statement, prefix: string) {
    this.index = index;
    this.all = all;
    this.statement = statement;
    this.prefix = prefix;
  }

  get text(): string {
    return this.prefix + formatStatement(this.statement);
  }

  get id(): string {
    return this.all.idOf(this);
  }

  get span(): Span {
    return this.statement.span;
  }

  /** Like an object of these properties. */
  toJSON(): Origin {
    const { index, id, text, span } = this;
    return { index, id, text, span };
  }
}

export class Origins {
  readonly list: Origin[] = [];
  private readonly byStatement = new Map<object, Origin>();
  /** The ids of the first origins, and how often each text occurs among them. */
  private readonly ids: string[] = [];
  private readonly counts = new Map<string, number>();

  /** `prefix` names the block that the statement stands in, so that equal lines of two containers differ. */
  of(statement: Statement, prefix = ""): Origin {
    const known = this.byStatement.get(statement);
    if (known !== undefined) return known;
    const origin = this.add(statement, prefix);
    this.byStatement.set(statement, origin);
    return origin;
  }

  /** The origin of a statement that is asked for only once. */
  add(statement: Statement, prefix = ""): Origin {
    const origin = new StatementOrigin(this, this.list.length, statement, prefix);
    this.list.push(origin);
    return origin;
  }

  idOf(origin: Origin): string {
    while (this.ids.length <= origin.index) {
      const { text } = this.list[this.ids.length] as Origin;
      const count = (this.counts.get(text) ?? 0) + 1;
      this.counts.set(text, count);
      this.ids.push(count === 1 ? text : `${text} #${count}`);
    }
    return this.ids[origin.index] as string;
  }
}
