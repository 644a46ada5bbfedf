/** Gives statements their identity: see `Origin` in policy.ts. */
import { formatStatement } from "../ast/format.js";
import type { Statement } from "../ast/nodes.js";
import type { Span } from "../text/source.js";
import type { Origin } from "./policy.js";

export class Origins {
  readonly list: Origin[] = [];
  private readonly counts = new Map<string, number>();
  private readonly byStatement = new Map<object, Origin>();

  /** `prefix` names the block that the statement stands in, so that equal lines of two containers differ. */
  of(statement: Statement, prefix = ""): Origin {
    const known = this.byStatement.get(statement);
    if (known !== undefined) return known;
    const origin = this.make(prefix + formatStatement(statement), statement.span);
    this.byStatement.set(statement, origin);
    return origin;
  }

  make(text: string, span: Span): Origin {
    const count = (this.counts.get(text) ?? 0) + 1;
    this.counts.set(text, count);
    const origin: Origin = { index: this.list.length, id: count === 1 ? text : `${text} #${count}`, text, span };
    this.list.push(origin);
    return origin;
  }
}
