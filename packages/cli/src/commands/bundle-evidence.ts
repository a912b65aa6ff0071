import type { Evidence } from '@policy-studio/sdk';
import { Command } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { exitCodes } from '../exit-code.js';
import { json, moment, plural, printable, type Terminal } from '../output.js';
import type { Outcome } from '../program.js';
import { readDataset } from '../simulation/dataset.js';
import { bundleArgument, findBundle } from './bundle-reference.js';

/** What was found out about a bundle, signed. */
export function evidenceCommands(terminal: Terminal, outcome: Outcome): Command[] {
  return [attestCommand(terminal, outcome), evidenceCommand(terminal)];
}

function attestCommand(terminal: Terminal, outcome: Outcome): Command {
  return connected(new Command('attest'))
    .description('Have the server lint, test, simulate and compare a bundle, and sign what came out')
    .argument('<bundle>', bundleArgument)
    .option('--tests <file>', 'a test suite, or cases that say what is to come out')
    .action(async (reference: string, options: ConnectionOptions & { tests?: string }) => {
      const client = await connect(options, terminal);
      const choice = { count: 0, seed: 0, catalog: null };
      const cases = options.tests === undefined ? null : (await readDataset(options.tests, [], choice, terminal)).cases;
      const { id } = await findBundle(client, reference);
      const made = await client.exchange.makeEvidence({
        id,
        ...(cases === null ? {} : { custom_cases: cases.map((each) => ({ ...each, context: { ...each.context } })) }),
      });
      if (made.lacks.length > 0) outcome.exitCode = exitCodes.findings;
      terminal.out.write(options.json === true ? json(made) : evidenceText(made));
    });
}

function evidenceCommand(terminal: Terminal): Command {
  return connected(new Command('evidence'))
    .description('Signed statements about the rules of a bundle, newest first')
    .argument('<bundle>', bundleArgument)
    .action(async (reference: string, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      const { id } = await findBundle(client, reference);
      const found = await client.exchange.listEvidence({ id });
      const { out } = terminal;
      if (options.json === true) return out.write(json(found));
      if (found.evidence.length === 0) return out.write('no evidence about these rules; `bundles attest` makes some\n');
      out.write(found.evidence.map(evidenceText).join('\n'));
    });
}

function evidenceText({
  id,
  created_at: at,
  created_by: by,
  imported,
  key_id: key,
  lacks,
  statement,
}: Evidence): string {
  const signed = key === null ? 'signed by no key that is trusted here' : `signed by ${printable(key)}`;
  const head = `evidence ${id}, ${imported ? 'imported' : 'made'} ${moment(at)} by ${printable(by)}, ${signed}\n`;
  const enough = lacks.length === 0 ? 'is enough to activate' : `is not enough to activate: it ${lacks.join(', ')}`;
  if (statement === null) return `${head}  ${enough}\n`;
  const { lint, tests, diff } = statement.predicate;
  const lines = [
    `lint: ${plural(lint.errors, 'error')}, ${plural(lint.warnings, 'warning')}`,
    tests === null ? 'tests: none' : `tests: ${plural(tests.cases, 'case')}, ${tests.failed} failed`,
    diff === null
      ? 'compared with nothing: nothing was in force'
      : `compared with ${printable(diff.against.version)}: ${diffText(diff)}`,
    enough,
  ];
  return head + lines.map((line) => `  ${line}\n`).join('');
}

function diffText({
  equal,
  total_changes: changes,
  undecided,
}: {
  equal: boolean | null;
  total_changes: number;
  undecided: number;
}) {
  if (equal === null) return 'one of the two cannot decide';
  if (equal) return 'every request is decided alike';
  const open = undecided === 0 ? '' : `, ${undecided} undecided`;
  return `${plural(changes, 'kind')} of request decided otherwise${open}`;
}
