/** The kernel, or the tool that speaks to it, refused rules; nothing of the transaction was taken. */
export class Refused extends Error {
  override readonly name = "SystemError";
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.help = help;
  }
}

/** Somebody else changed rules since they were read; nothing of the transaction was taken. */
export class Changed extends Error {
  override readonly name = "Changed";
}

/** What had begun before a commit couldn't be taken away again. */
export class Leftover extends Refused {}
