/** A syntax error on its way from the place that finds it to the loop that recovers from it. */
import type { Span } from "../src/text/source.js";
import type { SyntaxCode } from "../src/text/syntax-codes.js";

/** The rule of the language behind a problem, and how to mend the text. */
export interface Advice {
  readonly why: string;
  /** A plain instruction, for when no mend makes a statement. */
  readonly help: string;
  /** The first of these that makes the statement one without an error is the help: `write STATEMENT`. */
  readonly mends?: readonly Edit[];
}

/** What should stand in place of a piece of the source. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export class SyntaxProblem extends Error {
  readonly code: SyntaxCode;
  readonly span: Span;
  readonly advice: Advice;

  constructor(code: SyntaxCode, span: Span, message: string, advice: Advice) {
    super(message);
    this.name = "SyntaxProblem";
    this.code = code;
    this.span = span;
    this.advice = advice;
  }
}
