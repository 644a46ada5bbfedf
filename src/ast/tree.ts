/** One parsed file. */
import type { SourceFile } from "../text/source.js";
import type { Comment, Statement } from "./nodes.js";
import { PlainRules } from "./plain-rules.js";

/**
 * The statements of a file in their order: plain rules as rows, all others as nodes. Who doesn't care for the
 * difference takes `statements`, which makes an object of each.
 */
export class Tree {
  readonly file: SourceFile;
  comments: readonly Comment[] = [];
  readonly plain: PlainRules;
  /** All statements that aren't rows. */
  readonly others: Statement[] = [];
  /** How many rows stand before each of them. */
  private readonly ranks: number[] = [];
  private all: readonly Statement[] | undefined;

  constructor(file: SourceFile) {
    this.file = file;
    this.plain = new PlainRules(file);
  }

  add(statement: Statement): void {
    this.others.push(statement);
    this.ranks.push(this.plain.length);
  }

  get statements(): readonly Statement[] {
    if (this.all !== undefined) return this.all;
    const all: Statement[] = [];
    this.walk(
      (statement) => all.push(statement),
      (first, end) => {
        for (let row = first; row < end; row++) all.push(this.plain.at(row));
      },
    );
    this.all = all;
    return all;
  }

  /** Everything in its order: other statements one by one, rows in runs from `first` to before `end`. */
  walk(other: (statement: Statement) => void, run: (first: number, end: number) => void): void {
    let row = 0;
    this.others.forEach((statement, i) => {
      const rank = this.ranks[i] as number;
      if (rank > row) run(row, rank);
      row = rank;
      other(statement);
    });
    if (this.plain.length > row) run(row, this.plain.length);
  }
}
