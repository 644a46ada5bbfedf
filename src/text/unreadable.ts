/** A text that can't be read. The message says why, the mend what to do, where there is something better than the usual. */
export class Unreadable extends Error {
  readonly mend: string | undefined;

  constructor(message: string, options: { readonly mend?: string; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.mend = options.mend;
  }
}
