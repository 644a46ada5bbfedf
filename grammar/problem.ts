/** A syntax error on its way from the place that finds it to the loop that recovers from it. */
import type { Extra } from "../src/text/diagnostic.js";
import type { Span } from "../src/text/source.js";
import type { SyntaxCode } from "../src/text/syntax-codes.js";

export class SyntaxProblem extends Error {
  readonly code: SyntaxCode;
  readonly span: Span;
  readonly more: Extra;

  constructor(code: SyntaxCode, span: Span, message: string, more: Extra = {}) {
    super(message);
    this.name = "SyntaxProblem";
    this.code = code;
    this.span = span;
    this.more = more;
  }
}
