import { type Rollout, type RolloutPhase, type RolloutSummary, rolloutPhases } from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { idArgument, integerIn } from '../option-values.js';
import { clipped, count, json, moment, printable, type Style, type Terminal, table } from '../output.js';
import { gatesText } from './gates-text.js';

export function rolloutsCommand(terminal: Terminal): Command {
  const command = new Command('rollouts').description('Bundles on their way to all traffic, and back');
  command.addCommand(listCommand(terminal));
  command.addCommand(showCommand(terminal));
  command.addCommand(pauseCommand(terminal));
  command.addCommand(resumeCommand(terminal));
  command.addCommand(promoteCommand(terminal));
  command.addCommand(skipCommand(terminal));
  command.addCommand(signOffCommand(terminal));
  command.addCommand(rollbackCommand(terminal));
  return command;
}

interface ListOptions extends ConnectionOptions {
  readonly phase?: RolloutPhase;
  readonly limit: number;
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('Rollouts, newest first')
    .addOption(new Option('--phase <phase>', 'only these').choices(rolloutPhases))
    .addOption(new Option('--limit <n>', 'how many').default(20).argParser(integerIn('the limit', 1, 200)))
    .action(async ({ phase, limit, ...options }: ListOptions) => {
      const client = await connect(options, terminal);
      const page = await client.rollouts.listRollouts({ limit, ...(phase === undefined ? {} : { phase }) });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      if (page.rollouts.length === 0) return out.write('no rollouts\n');
      const columns = ['id', 'bundle', 'phase', 'share', 'next', 'held by', 'by', 'since'];
      out.write(table(columns, page.rollouts.map(listed), out.style));
      if (page.total > page.rollouts.length) out.write(`${count(page.total)} in all; --limit shows more\n`);
    });
}

function listed(rollout: RolloutSummary): string[] {
  return [
    String(rollout.id),
    `${rollout.version ?? '-'} (${rollout.bundle_id})`,
    rollout.phase,
    `${rollout.share_pct} %`,
    rollout.next_step_pct === null ? '-' : `${rollout.next_step_pct} %`,
    rollout.holds.join(', ') || '-',
    printable(clipped(rollout.created_by, 24)),
    moment(rollout.step_entered_at),
  ];
}

function showCommand(terminal: Terminal): Command {
  return onRollout('show')
    .description('One rollout with its gates')
    .action(async (id: number, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      print(await client.rollouts.getRollout({ id }), options, terminal);
    });
}

function pauseCommand(terminal: Terminal): Command {
  return onRollout('pause')
    .description('Hold it where it is; checks for a rollback go on')
    .option('--reason <text>', 'for the record')
    .action(async (id: number, { reason, ...options }: ConnectionOptions & { reason?: string }) => {
      const client = await connect(options, terminal);
      print(await client.rollouts.pauseRollout({ id, ...(reason === undefined ? {} : { reason }) }), options, terminal);
    });
}

function resumeCommand(terminal: Terminal): Command {
  return onRollout('resume')
    .description('End a pause')
    .action(async (id: number, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      print(await client.rollouts.resumeRollout({ id }), options, terminal);
    });
}

const shareOption = (text: string): Option =>
  new Option('--to <percent>', text).argParser(integerIn('a share', 1, 100));

function promoteCommand(terminal: Terminal): Command {
  return onRollout('promote')
    .description('Go on to the next step, when the gates and the healthy time allow it')
    .addOption(shareOption('the share to go to (default: the next step)'))
    .action(async (id: number, { to, ...options }: ConnectionOptions & { to?: number }) => {
      const client = await connect(options, terminal);
      const target = to === undefined ? {} : { target_pct: to };
      print(await client.rollouts.promoteRollout({ id, ...target }), options, terminal);
    });
}

function skipCommand(terminal: Terminal): Command {
  return onRollout('skip')
    .description('Go on past gates and healthy time; with four eyes a second person asks for the same share')
    .addOption(shareOption('the share to go to').makeOptionMandatory())
    .requiredOption('--reason <text>', 'why, in ten characters or more')
    .action(async (id: number, { to, reason, ...options }: ConnectionOptions & { to: number; reason: string }) => {
      const client = await connect(options, terminal);
      print(await client.rollouts.skipGate({ id, target_pct: to, reason }), options, terminal);
    });
}

function signOffCommand(terminal: Terminal): Command {
  return onRollout('sign-off')
    .description('Take responsibility for newly allowed actions of high risk')
    .action(async (id: number, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      print(await client.rollouts.signOffRollout({ id }), options, terminal);
    });
}

interface RollbackOptions extends ConnectionOptions {
  readonly reason: string;
  readonly incident: boolean;
}

function rollbackCommand(terminal: Terminal): Command {
  return onRollout('rollback')
    .description('Stop enforcing its bundle; the one before decides again')
    .requiredOption('--reason <text>', 'why, in ten characters or more')
    .option('--no-incident', 'open no incident')
    .action(async (id: number, { reason, incident, ...options }: RollbackOptions) => {
      const client = await connect(options, terminal);
      const done = await client.rollouts.rollbackRollout({ id, reason, create_incident: incident });
      terminal.out.write(options.json === true ? json(done) : `${printable(done.message)}\n`);
    });
}

function onRollout(name: string): Command {
  return connected(new Command(name)).argument('<id>', 'the rollout', idArgument);
}

function print(rollout: Rollout, { json: asJson }: ConnectionOptions, { out }: Terminal): void {
  out.write(asJson === true ? json(rollout) : rolloutText(rollout, out.style));
}

function rolloutText(rollout: Rollout, style: Style): string {
  const { dwelled_seconds: done, dwell_seconds: needed, evidence } = rollout;
  const facts: [string, string][] = [
    ['rollout', `${rollout.id}, bundle ${rollout.version ?? '-'} (id ${rollout.bundle_id})`],
    ['phase', `${style.bold(rollout.phase)}, ${rollout.share_pct} % of the traffic`],
    ['before', rollout.previous_version === null ? 'nothing' : `bundle ${rollout.previous_version}`],
    ['steps', rollout.plan.steps.map((step) => `${step} %`).join(', ')],
    ['healthy', `${hours(done)} of ${hours(needed)}`],
    ['held by', rollout.holds.join(', ') || '-'],
    ['sign-off', signOffText(rollout)],
    ...(rollout.skip_asked
      ? [
          [
            'skip',
            `to ${rollout.skip_asked.target_pct} % asked for by ${printable(rollout.skip_asked.by)}: ${printable(rollout.skip_asked.reason)}`,
          ] as [string, string],
        ]
      : []),
    ['seen', `${count(evidence.canary.decisions)} in the canary, ${count(evidence.stable.decisions)} in stable`],
    ['begun', `${moment(rollout.created_at)} by ${printable(rollout.created_by)}`],
    ...(rollout.ended_at === null
      ? []
      : [['ended', `${moment(rollout.ended_at)}: ${printable(rollout.end_reason ?? '')}`] as [string, string]]),
    ['may do', rollout.allowed_actions.join(', ').replace('_', '-') || '-'],
  ];
  const head = facts.map(([name, value]) => `${style.dim(name.padEnd(10))}${value}\n`).join('');
  return rollout.gates.length === 0 ? head : `${head}\n${gatesText(rollout.gates, style)}`;
}

function signOffText({ sign_off: state, signed_off_by: by }: Rollout): string {
  if (state === 'not_needed') return 'not needed';
  return state === 'needed' ? 'needed: newly allowed actions of high risk' : `given by ${printable(by ?? '-')}`;
}

function hours(seconds: number): string {
  return `${Math.round(seconds / 360) / 10} h`;
}
