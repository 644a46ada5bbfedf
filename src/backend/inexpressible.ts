import type { Span } from "../text/source.js";

/** A statement that is in the language and can't be carried out exactly: nothing is ever widened. */
export class Inexpressible extends Error {
  override readonly name = "Inexpressible";
  readonly span: Span;

  constructor(message: string, span: Span) {
    super(message);
    this.span = span;
  }
}
