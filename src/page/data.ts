/** The policy as the page asks for it: ends one by one, and what is said between any two. */
import type { Case, EndGroup, Flow, GraphStatement } from "../graph/model.js";
import { decodeRows, type PageData } from "../graph/page-data.js";

/** A container, the host or the world. */
export interface End {
  readonly name: string;
  readonly group: number;
  readonly addresses: readonly string[];
}

/** What a statement says of two groups of ends. */
export interface Said {
  readonly from: number;
  readonly to: number;
  readonly case: Case;
}

export class Data {
  readonly page: PageData;
  readonly ends: readonly End[];
  private readonly rows: readonly Int32Array[];
  private readonly said = new Map<number, Said[]>();

  constructor(page: PageData) {
    this.page = page;
    this.rows = decodeRows(page);
    this.ends = page.groups.flatMap(({ names, addresses }, group) =>
      names.map((name, i): End => ({ name, group, addresses: addresses[i] ?? [] })),
    );
    this.rows.forEach((row, from) => row.forEach((flow, to) => this.note(from, to, flow)));
    page.self.forEach((flow, group) => this.note(group, group, flow));
  }

  private note(from: number, to: number, index: number): void {
    for (const one of this.page.flows[index]?.cases ?? [])
      for (const statement of one.by) {
        const list = this.said.get(statement);
        const entry: Said = { from, to, case: one };
        if (list === undefined) this.said.set(statement, [entry]);
        else list.push(entry);
      }
  }

  /** The position of the flow between two groups; -1 where there is none. */
  flowIndex(from: number, to: number): number {
    return this.rows[from]?.[to] ?? -1;
  }

  /** The same between two ends; of one with itself, what comes through the host. */
  position(from: number, to: number): number {
    const [a, b] = [this.ends[from]?.group ?? -1, this.ends[to]?.group ?? -1];
    return from === to ? (this.page.self[a] ?? -1) : this.flowIndex(a, b);
  }

  flow(from: number, to: number): Flow | undefined {
    return this.page.flows[this.position(from, to)];
  }

  group(index: number): EndGroup {
    return this.page.groups[index] as EndGroup;
  }

  statement(index: number): GraphStatement {
    return this.page.statements[index] as GraphStatement;
  }

  /** Everything that a statement decides. */
  decides(statement: number): readonly Said[] {
    return this.said.get(statement) ?? [];
  }

  /** Statements that stand on a line, counted from 1. */
  onLine(file: number, line: number): number[] {
    return this.page.statements.flatMap((one, index) =>
      one.file === file &&
      one.line <= line &&
      one.endLine >= line &&
      (one.line === line || this.decides(index).length > 0)
        ? [index]
        : [],
    );
  }

  /** The first end of a group that isn't this one. */
  memberOf(group: number, other = -1): number {
    return this.ends.findIndex((end, index) => end.group === group && index !== other);
  }
}

/** The words for a case's services. */
export function servicesText({ services, rest, via }: Case, alone: boolean): string {
  if (via !== undefined) return `host port ${via.ways.map((way) => way.replace(" -> ", " → port ")).join(", ")}`;
  if (rest) return alone ? "everything" : "everything else";
  return services.join(", ");
}

export function flowWords(flow: Flow | undefined): string {
  if (flow === undefined) return "not a matter of this policy";
  if (flow.extent === "all") return "everything allowed";
  if (flow.extent === "some") return `allowed: ${flow.label.replace(/(^|, ):/g, "$1host port ")}`;
  return flow.refusal === undefined
    ? "nothing allowed, by default"
    : `nothing allowed: a statement says ${flow.refusal}`;
}
