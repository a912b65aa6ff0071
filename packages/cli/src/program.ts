import { ProblemError } from '@policy-studio/sdk';
import { Command, CommanderError } from 'commander';
import { approvalsCommand } from './commands/approvals.js';
import { bundlesCommand } from './commands/bundles.js';
import { catalogCommand } from './commands/catalog.js';
import { decisionsCommand } from './commands/decisions.js';
import { diffCommand } from './commands/diff.js';
import { evaluateCommand } from './commands/evaluate.js';
import { fmtCommand } from './commands/fmt.js';
import { keysCommand } from './commands/keys.js';
import { lintCommand } from './commands/lint.js';
import { listsCommand } from './commands/lists.js';
import { replayCommand } from './commands/replay.js';
import { simulateCommand } from './commands/simulate.js';
import { statusCommand } from './commands/status.js';
import { testCommand } from './commands/test.js';
import { serverFailure } from './connection.js';
import { CommandFailure, type ExitCode, exitCodes } from './exit-code.js';
import { printable, type Terminal } from './output.js';

/** Where the commands leave their exit code. */
export interface Outcome {
  exitCode: ExitCode;
}

const exitCodeHelp = `
Exit codes:
  0  ok
  1  the command worked and found something: an invalid bundle, bad lines, a decision that is not allow (--exit-code)
  2  the command line or a file cannot be used
  3  the server cannot be reached, or refused

Environment: POLICY_STUDIO_URL, POLICY_STUDIO_TOKEN, NO_COLOR`;

function buildProgram(terminal: Terminal, outcome: Outcome, version: string): Command {
  const program = new Command('policy-studio')
    .description('Rules for what AI agents may do: decide, replay, and bring bundles into force.')
    .version(version, '-V, --version')
    // `bundles push --version 1.2.0` must reach the sub-command.
    .enablePositionalOptions()
    .addHelpText('afterAll', exitCodeHelp);
  const commands = [
    lintCommand,
    fmtCommand,
    testCommand,
    diffCommand,
    simulateCommand,
    evaluateCommand,
    replayCommand,
    bundlesCommand,
    approvalsCommand,
    catalogCommand,
    listsCommand,
    keysCommand,
    decisionsCommand,
    statusCommand,
  ];
  for (const command of commands) program.addCommand(command(terminal, outcome, version));
  const output = {
    writeOut: (text: string) => terminal.out.write(text),
    writeErr: (text: string) => terminal.err.write(text),
    getOutHelpWidth: () => terminal.out.columns,
    getErrHelpWidth: () => terminal.err.columns,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  };
  const settle = (command: Command): void => {
    command.configureOutput(output).exitOverride().showHelpAfterError('(--help says what is possible)');
    for (const child of command.commands) settle(child);
  };
  settle(program);
  return program;
}

/** Runs one command line (without node and script) and answers its exit code. Rejects only for bugs. */
export async function runCommandLine(args: readonly string[], terminal: Terminal, version: string): Promise<ExitCode> {
  const outcome: Outcome = { exitCode: exitCodes.ok };
  try {
    await buildProgram(terminal, outcome, version).parseAsync(args, { from: 'user' });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    const failure = error instanceof ProblemError ? serverFailure(error, hasToken(args, terminal)) : error;
    if (!(failure instanceof CommandFailure)) throw error;
    const { message, exitCode } = failure;
    // Findings name their places themselves, and are made safe to print where they are made.
    const isReport = exitCode === exitCodes.findings;
    const safe = message.split('\n').map(printable).join('\n');
    terminal.err.write(isReport ? `${message}\n` : `${terminal.err.style.red('error:')} ${safe}\n`);
    return exitCode;
  }
}

function hasToken(args: readonly string[], { env }: Terminal): boolean {
  return (env.POLICY_STUDIO_TOKEN ?? '') !== '' || args.some((arg) => arg.startsWith('--token'));
}
