/** The system is in the way: something that belongs to someone else, or that it lacks. Nothing was changed. */
export class Obstacle extends Error {
  override readonly name = "SystemError";
  readonly help: string | undefined;

  constructor(message: string, help: string | undefined) {
    super(message);
    this.help = help;
  }
}
