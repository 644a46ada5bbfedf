/** Exit statuses, as scripts rely on them. */
export const EXIT = {
  done: 0,
  /** The policy is wrong. Nothing was changed. */
  policy: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The system refused or lacks something. Nothing was changed. */
  system: 3,
  /** Differences were found. */
  differs: 4,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** Ends the command with a message for people: what is wrong, and the mend. */
export class Failure extends Error {
  readonly status: ExitStatus;
  readonly help: string | undefined;

  constructor(status: ExitStatus, message: string, help?: string) {
    super(message);
    this.status = status;
    this.help = help;
  }
}
