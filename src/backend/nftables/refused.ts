/** The kernel, or nft, refused a ruleset; nothing of the transaction was taken. */
export class Refused extends Error {
  override readonly name = "SystemError";
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.help = help;
  }
}
