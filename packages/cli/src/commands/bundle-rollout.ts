import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { exitCodes } from '../exit-code.js';
import { integerIn } from '../option-values.js';
import { json, printable, type Terminal } from '../output.js';
import type { Outcome } from '../program.js';
import { bundleArgument, findBundle } from './bundle-reference.js';
import { gatesText } from './gates-text.js';

/** `bundles promote|rollback|gates`: a rollout by its bundle. */
export function bundleRolloutCommands(terminal: Terminal, outcome: Outcome): Command[] {
  return [promoteCommand(terminal), rollbackCommand(terminal), gatesCommand(terminal, outcome)];
}

function promoteCommand(terminal: Terminal): Command {
  return connected(new Command('promote'))
    .description('Bring a bundle to its next share of the traffic, when its gates allow it')
    .argument('<bundle>', bundleArgument)
    .addOption(
      new Option('--to <percent>', 'the share, and no further than the next step')
        .argParser(integerIn('a share', 1, 100))
        .makeOptionMandatory(),
    )
    .action(async (reference: string, { to, ...options }: ConnectionOptions & { to: number }) => {
      const client = await connect(options, terminal);
      const { id } = await findBundle(client, reference);
      const bundle = await client.rollouts.promoteBundle({ id, target_pct: to });
      const done = `${bundle.version} (id ${bundle.id}) is ${bundle.status} and decides ${bundle.traffic_pct} % of the traffic\n`;
      terminal.out.write(options.json === true ? json(bundle) : done);
    });
}

interface RollbackOptions extends ConnectionOptions {
  readonly reason: string;
  readonly incident: boolean;
}

function rollbackCommand(terminal: Terminal): Command {
  return connected(new Command('rollback'))
    .description('Stop enforcing a bundle; the one before decides again')
    .argument('<bundle>', bundleArgument)
    .requiredOption('--reason <text>', 'why, in ten characters or more')
    .option('--no-incident', 'open no incident')
    .action(async (reference: string, { reason, incident, ...options }: RollbackOptions) => {
      const client = await connect(options, terminal);
      const { id } = await findBundle(client, reference);
      const done = await client.rollouts.rollbackBundle({ id, reason, create_incident: incident });
      const told = done.incident_id === null ? '' : `incident ${done.incident_id} is open\n`;
      terminal.out.write(options.json === true ? json(done) : `${printable(done.message)}\n${told}`);
    });
}

function gatesCommand(terminal: Terminal, outcome: Outcome): Command {
  return connected(new Command('gates'))
    .description('Whether the gates of a bundle pass; exit code 1 when they do not')
    .argument('<bundle>', bundleArgument)
    .action(async (reference: string, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      const { id } = await findBundle(client, reference);
      const check = await client.rollouts.checkGates({ id });
      const { out } = terminal;
      const next = check.canary_status.next_step;
      const gates = check.gates.length === 0 ? `${check.failures.join('\n')}\n` : gatesText(check.gates, out.style);
      out.write(options.json === true ? json(check) : `${gates}${next === null ? '' : `next: ${printable(next)}\n`}`);
      if (!check.passed) outcome.exitCode = exitCodes.findings;
    });
}
