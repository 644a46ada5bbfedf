/** Gives statements their identity: see `Origin` in policy.ts. */
import { formatStatement } from "../ast/format.js";
import type { Statement } from "../ast/nodes.js";
import { END, FIELDS, type PlainRules, START } from "../ast/plain-rules.js";
import type { Span } from "../text/source.js";
import type { Origin } from "./policy.js";

/** Texts are made when somebody asks for them: most statements of a large policy are never printed. */
class StatementOrigin implements Origin {
  readonly index: number;
  private readonly all: Origins;
  private readonly statement: Statement;
  private readonly prefix: string;
  private made: string | undefined;

  constructor(all: Origins, index: number, statement: Statement, prefix: string) {
    this.index = index;
    this.all = all;
    this.statement = statement;
    this.prefix = prefix;
  }

  get text(): string {
    return (this.made ??= this.prefix + formatStatement(this.statement));
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

/** Origins of plain rules that follow each other: the first has the index `base` and the row `first`. */
export interface OriginRun {
  readonly plain: PlainRules;
  readonly base: number;
  readonly first: number;
  readonly count: number;
}

export class Origins {
  /** How many there are. */
  length = 0;
  /** By index; those of runs are made when somebody asks for them. */
  private readonly made: (Origin | undefined)[] = [];
  private readonly runs: OriginRun[] = [];
  /** The run that was asked for last: who asks for one mostly goes on to its neighbour. */
  private latest: OriginRun | undefined;
  /** Both made when they are first used: a single edited line uses neither. */
  private byStatement: Map<object, Origin> | undefined;
  private counts: Map<string, number> | undefined;
  /** The ids of the first origins, and how often each text occurs among them. */
  private readonly ids: string[] = [];

  /** `prefix` names the block that the statement stands in, so that equal lines of two containers differ. */
  of(statement: Statement, prefix = ""): Origin {
    const known = this.byStatement?.get(statement);
    if (known !== undefined) return known;
    const origin = this.add(statement, prefix);
    (this.byStatement ??= new Map()).set(statement, origin);
    return origin;
  }

  /** The origin of a statement that is asked for only once. */
  add(statement: Statement, prefix = ""): Origin {
    const index = this.length++;
    const origin = new StatementOrigin(this, index, statement, prefix);
    this.made[index] = origin;
    return origin;
  }

  /** Origins for `count` plain rules from the row `first` on; returns the index of the first. */
  addRun(plain: PlainRules, first: number, count: number): number {
    const base = this.length;
    this.runs.push({ plain, base, first, count });
    this.length += count;
    this.made.length = this.length;
    return base;
  }

  at(index: number): Origin {
    let origin = this.made[index];
    if (origin === undefined) {
      const { plain, base, first } = this.runOf(index) as OriginRun;
      origin = new StatementOrigin(this, index, plain.at(first + index - base), "");
      this.made[index] = origin;
    }
    return origin;
  }

  /** The canonical text of one, which for a plain rule makes no object. */
  textOf(index: number): string {
    const run = this.made[index] === undefined ? this.runOf(index) : undefined;
    if (run === undefined) return this.at(index).text;
    const row = (run.first + index - run.base) * FIELDS;
    return run.plain.file.text.slice(run.plain.rows[row + START], run.plain.rows[row + END]);
  }

  /** All of them, by index. */
  get list(): readonly Origin[] {
    return Array.from({ length: this.length }, (_, index) => this.at(index));
  }

  idOf(origin: Origin): string {
    const counts = (this.counts ??= new Map());
    while (this.ids.length <= origin.index) {
      const { text } = this.at(this.ids.length);
      const count = (counts.get(text) ?? 0) + 1;
      counts.set(text, count);
      this.ids.push(count === 1 ? text : `${text} #${count}`);
    }
    return this.ids[origin.index] as string;
  }

  /** The plain rules of which the longest run is; undefined where there are none. */
  get plainest(): PlainRules | undefined {
    return this.runs.reduce<OriginRun | undefined>((a, b) => (a === undefined || b.count > a.count ? b : a), undefined)
      ?.plain;
  }

  /** Characters of the longest text that a run comes from. */
  get longestText(): number {
    return this.runs.reduce((most, { plain }) => Math.max(most, plain.file.text.length), 0);
  }

  /** The run that an origin is in; undefined for other statements'. */
  runOf(index: number): OriginRun | undefined {
    const { latest, runs } = this;
    if (latest !== undefined && index >= latest.base && index - latest.base < latest.count) return latest;
    let low = 0;
    let high = runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((runs[middle] as OriginRun).base <= index) low = middle + 1;
      else high = middle;
    }
    const run = runs[low - 1];
    if (run === undefined || index - run.base >= run.count) return undefined;
    this.latest = run;
    return run;
  }
}
