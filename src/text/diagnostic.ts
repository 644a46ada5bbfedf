import type { Code } from "./codes.js";
import type { Span } from "./source.js";

export type Severity = "error" | "warning" | "info";

/** Another place that the reader needs to see, such as the first of two declarations. */
export interface Related {
  readonly span: Span;
  readonly message: string;
}

/**
 * A problem in a policy.
 *
 * `message` says what is wrong, `why` the rule of the language behind it, `help` how to mend it.
 * `code` is stable: scripts and suppressions rely on it. The catalogue is in codes.ts.
 */
export interface Diagnostic {
  readonly code: string;
  readonly severity: Severity;
  readonly span: Span;
  readonly message: string;
  readonly why?: string | undefined;
  readonly help?: string | undefined;
  readonly related?: readonly Related[] | undefined;
}

/** Collects diagnostics in the order in which they are found; `sorted` gives them in reading order. */
export class Diagnostics {
  readonly list: Diagnostic[] = [];

  error(code: Code, span: Span, message: string, more: Extra): void {
    this.list.push({ code, severity: "error", span, message, ...more });
  }

  warning(code: Code, span: Span, message: string, more: Extra): void {
    this.list.push({ code, severity: "warning", span, message, ...more });
  }

  info(code: Code, span: Span, message: string, more: Extra): void {
    this.list.push({ code, severity: "info", span, message, ...more });
  }

  /** Takes away those of which this says so. */
  withdraw(unwanted: (diagnostic: Diagnostic) => boolean): void {
    const kept = this.list.filter((diagnostic) => !unwanted(diagnostic));
    this.list.splice(0, this.list.length, ...kept);
  }

  get hasErrors(): boolean {
    return this.list.some((d) => d.severity === "error");
  }

  /** Stable reading order: file (in order of first mention), then place, then code. */
  sorted(): Diagnostic[] {
    const files = new Map<unknown, number>();
    for (const d of this.list) if (!files.has(d.span.file)) files.set(d.span.file, files.size);
    return [...this.list].sort(
      (a, b) =>
        (files.get(a.span.file) as number) - (files.get(b.span.file) as number) ||
        a.span.start - b.span.start ||
        a.span.end - b.span.end ||
        (a.code < b.code ? -1 : a.code > b.code ? 1 : 0),
    );
  }
}

/** What every problem says besides its message: the rule behind it, and the mend. */
export interface Extra {
  readonly why: string;
  readonly help: string;
  readonly related?: readonly Related[];
}
