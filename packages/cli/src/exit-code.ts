/** What the command tells its caller. The table of docs/cli.md and of `--help`. */
export const exitCodes = {
  ok: 0,
  /** The command worked and found something: an invalid bundle, a bad line, a decision that is not `allow` with `--exit-code`. */
  findings: 1,
  /** The command line, or a file it names, cannot be used. */
  usage: 2,
  /** The server cannot be reached, or refused. */
  server: 3,
  /** Ended by Ctrl-C, as shells expect. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** An expected end of a command: its message is all a person needs, so no stack is shown. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function unusable(message: string): CommandFailure {
  return new CommandFailure(message, exitCodes.usage);
}
