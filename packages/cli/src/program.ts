import { Command, CommanderError } from 'commander';
import { CommandFailure, type ExitCode, exitCodes } from './exit-code.js';
import { printable, type Terminal } from './output.js';

/** Where the commands leave their exit code. */
export interface Outcome {
  exitCode: ExitCode;
}

const exitCodeHelp = `
Exit codes:
  0  ok
  1  the command worked and found something: errors or warnings in rules, a failed test, a difference, bad lines, a
     decision that is not allow (--exit-code)
  2  the command line or a file cannot be used
  3  the server cannot be reached, or refused

Environment: POLICY_STUDIO_URL, POLICY_STUDIO_TOKEN, NO_COLOR`;

type CommandMaker = (terminal: Terminal, outcome: Outcome, version: string) => Command;

/** Each command is read when it is asked for: those that need no server are then quick to start. */
const loaders: Readonly<Record<string, () => Promise<CommandMaker>>> = {
  lint: async () => (await import('./commands/lint.js')).lintCommand,
  fmt: async () => (await import('./commands/fmt.js')).fmtCommand,
  test: async () => (await import('./commands/test.js')).testCommand,
  diff: async () => (await import('./commands/diff.js')).diffCommand,
  simulate: async () => (await import('./commands/simulate.js')).simulateCommand,
  evaluate: async () => (await import('./commands/evaluate.js')).evaluateCommand,
  replay: async () => (await import('./commands/replay.js')).replayCommand,
  sync: async () => (await import('./commands/sync.js')).syncCommand,
  bundles: async () => (await import('./commands/bundles.js')).bundlesCommand,
  approvals: async () => (await import('./commands/approvals.js')).approvalsCommand,
  'approver-groups': async () => (await import('./commands/approver-groups.js')).approverGroupsCommand,
  rollouts: async () => (await import('./commands/rollouts.js')).rolloutsCommand,
  emergency: async () => (await import('./commands/emergency.js')).emergencyCommand,
  'freeze-windows': async () => (await import('./commands/freeze-windows.js')).freezeWindowsCommand,
  incidents: async () => (await import('./commands/incidents.js')).incidentsCommand,
  catalog: async () => (await import('./commands/catalog.js')).catalogCommand,
  lists: async () => (await import('./commands/lists.js')).listsCommand,
  settings: async () => (await import('./commands/settings.js')).settingsCommand,
  keys: async () => (await import('./commands/keys.js')).keysCommand,
  members: async () => (await import('./commands/members.js')).membersCommand,
  sessions: async () => (await import('./commands/sessions.js')).sessionsCommand,
  decisions: async () => (await import('./commands/decisions.js')).decisionsCommand,
  budgets: async () => (await import('./commands/budgets.js')).budgetsCommand,
  report: async () => (await import('./commands/report.js')).reportCommand,
  jobs: async () => (await import('./commands/jobs.js')).jobsCommand,
  channels: async () => (await import('./commands/channels.js')).channelsCommand,
  workspaces: async () => (await import('./commands/workspaces.js')).workspacesCommand,
  audit: async () => (await import('./commands/audit.js')).auditCommand,
  status: async () => (await import('./commands/status.js')).statusCommand,
};

/** The command that the first argument names; all of them where it names none, as for help. */
async function commandsFor([first = '']: readonly string[]): Promise<CommandMaker[]> {
  const load = Object.hasOwn(loaders, first) ? loaders[first] : undefined;
  return Promise.all((load === undefined ? Object.values(loaders) : [load]).map((each) => each()));
}

/** The whole command with the sub-commands that these arguments may name; nothing is run. */
export async function buildProgram(
  args: readonly string[],
  terminal: Terminal,
  outcome: Outcome,
  version: string,
): Promise<Command> {
  const commands = await commandsFor(args);
  const program = new Command('policy-studio')
    .description('Rules for what AI agents may do: check, test and compare them, decide, and bring bundles into force.')
    .version(version, '-V, --version')
    // `bundles push --version 1.2.0` must reach the sub-command.
    .enablePositionalOptions()
    .addHelpText('afterAll', exitCodeHelp);
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
    const program = await buildProgram(args, terminal, outcome, version);
    await program.parseAsync(args, { from: 'user' });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    const failure = await expectedEnd(error, args, terminal);
    if (!(failure instanceof CommandFailure)) throw error;
    const { message, exitCode } = failure;
    // Findings name their places themselves, and are made safe to print where they are made.
    const isReport = exitCode === exitCodes.findings;
    const safe = message.split('\n').map(printable).join('\n');
    terminal.err.write(isReport ? `${message}\n` : `${terminal.err.style.red('error:')} ${safe}\n`);
    return exitCode;
  }
}

/** A server's refusal in the command's words; any other error as it is. */
async function expectedEnd(error: unknown, args: readonly string[], terminal: Terminal): Promise<unknown> {
  if (error instanceof CommandFailure) return error;
  const { asServerFailure } = await import('./connection.js');
  return asServerFailure(error, hasToken(args, terminal));
}

function hasToken(args: readonly string[], { env }: Terminal): boolean {
  return (env.POLICY_STUDIO_TOKEN ?? '') !== '' || args.some((arg) => arg.startsWith('--token'));
}
