import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { expect, it } from 'vitest';
import { noStyle, type Terminal } from '../../packages/cli/src/output.js';
import { buildProgram } from '../../packages/cli/src/program.js';
import { playbooks } from '../../packages/server/src/features/incidents/playbooks.js';
import { commandsIn, documents, type Named, root, sources } from './named.testkit.js';

const silent = { write: () => undefined, isTerminal: false, columns: 100, style: noStyle };
const terminal: Terminal = {
  stdin: (async function* () {})(),
  env: {},
  out: silent,
  err: silent,
  now: () => 0,
};

/** The command tree as it is, with actions that do nothing; in prose nothing has to be given. */
async function tree(first: string, whole: boolean): Promise<Command> {
  const program = await buildProgram([first], terminal, { exitCode: 0 }, '0.0.0');
  const still = (command: Command): void => {
    if (command.commands.length === 0) command.action(() => undefined);
    if (!whole) {
      for (const option of command.options) option.makeOptionMandatory(false);
      for (const argument of command.registeredArguments) argument.argOptional();
    }
    for (const child of command.commands) still(child);
  };
  still(program);
  return program;
}

/** Stands for something: `ID`, `TEXT`, `<bundle>`, `N`, `1` for what a message puts in. */
const placeholder = /^(?:[A-Z][A-Z_]*|<[\w-]+>|\.\.\.)$/;

/** Why the command line would refuse it; null: it would not. */
async function refusal({ args, whole }: Named): Promise<string | null> {
  const holds = args.some((arg) => placeholder.test(arg));
  const given = args.map((arg) => (placeholder.test(arg) ? '1' : arg));
  const [first = ''] = given;
  const program = await tree(first, whole);
  if (!program.commands.some((command) => command.name() === first || command.aliases().includes(first))) {
    return `unknown command ${first}`;
  }
  try {
    await program.parseAsync(given, { from: 'user' });
    return null;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const { code, message } = error;
    // A placeholder is no value.
    if (code === 'commander.invalidArgument' && (holds || !whole)) return null;
    if (code.startsWith('commander.help') && !whole) return null;
    return message;
  }
}

async function refused(commands: readonly Named[]): Promise<string[]> {
  const found: string[] = [];
  for (const named of commands) {
    const why = await refusal(named);
    if (why !== null) found.push(`${named.where}: ${named.line}\n  ${why}`);
  }
  return found;
}

it('every command that documents and examples name is one of the command line', async () => {
  const commands = documents()
    // Records of decisions name more than commands.
    .filter(({ path }) => !path.startsWith('docs/adr/'))
    .flatMap(commandsIn);
  expect(commands.length).toBeGreaterThan(60);
  expect(commands.filter(({ whole }) => whole).length).toBeGreaterThan(25);
  expect(await refused(commands)).toEqual([]);
});

it('every command that a message of the server or of the command line names is one', async () => {
  const commands = sources().flatMap(commandsIn);
  expect(commands.length).toBeGreaterThan(15);
  expect(await refused(commands)).toEqual([]);
});

it('every command that a playbook names is one, in full', async () => {
  const steps = Object.entries(playbooks).flatMap(([kind, books]) =>
    books.flatMap(({ steps }) => steps.map((step) => [kind, step])),
  );
  const commands = steps.flatMap(([path = '', text = '']) => commandsIn({ path, text }));
  expect(commands.length).toBeGreaterThan(8);
  expect(await refused(commands.map((named) => ({ ...named, whole: true })))).toEqual([]);
});

it.each([
  ['frobnicate', 'unknown command frobnicate'],
  ['rollouts undo 1', /unknown command 'undo'/],
  ['rollouts rollback 1 --reason x --why x', /unknown option '--why'/],
  ['status now', /too many arguments/],
  ['rollouts rollback 1', /--reason/],
  ['emergency disable --effect maybe --reason TEXT', null],
  ['emergency disable --effect maybe --reason "long enough"', /Allowed choices/],
])('`policy-studio %s` would be seen: %s', async (line, message) => {
  const [named] = commandsIn({ path: 'here.md', text: `\`\`\`sh\npolicy-studio ${line}\n\`\`\`\n` });
  const why = await refusal(named as Named);
  if (message === null) expect(why).toBeNull();
  else expect(why).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
});

it('sees an option that is none in prose too, where nothing has to be given', async () => {
  const [wrong, right] = commandsIn({
    path: 'a.md',
    text: '`policy-studio emergency pin --why` `policy-studio emergency pin`',
  });
  expect(await refusal(wrong as Named)).toMatch(/unknown option '--why'/);
  expect(await refusal(right as Named)).toBeNull();
});

it('finds commands in prose, pipes and messages', () => {
  const text =
    'See `policy-studio rollouts list`, or ask.\n```sh\ngit show x | policy-studio diff - b.yaml --json > out  # so\nnpx policy-studio lint a --max-warnings 3 && echo done\n```\n';
  expect(commandsIn({ path: 'a.md', text }).map(({ args }) => args)).toEqual([
    ['diff', '-', 'b.yaml', '--json'],
    ['lint', 'a', '--max-warnings', '3'],
    ['rollouts', 'list'],
  ]);
  const message = "  'End it (policy-studio emergency unpin), then: policy-studio keys revoke ID.',";
  expect(commandsIn({ path: 'a.ts', text: message }).map(({ args }) => args)).toEqual([
    ['emergency', 'unpin'],
    ['keys', 'revoke', 'ID'],
  ]);
  expect(readFileSync(join(root, 'docs/emergency.md'), 'utf8')).toContain('policy-studio emergency pin');
});
