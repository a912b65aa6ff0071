import type {
  CanaryStatus,
  EmergencySwitch,
  PinnedBundle,
  PolicyStudioClient,
  Replica,
  RollbackResult,
  System,
} from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { unusable } from '../exit-code.js';
import { numberIn } from '../option-values.js';
import { clipped, count, json, moment, plural, printable, type Style, type Terminal, table } from '../output.js';
import { bundleArgument, findBundle } from './bundle-reference.js';

export function emergencyCommand(terminal: Terminal): Command {
  const command = new Command('emergency').description('When something goes wrong: see, roll back, switch policy off');
  command.addCommand(statusCommand(terminal));
  command.addCommand(rollbackCommand(terminal));
  command.addCommand(pinCommand(terminal));
  command.addCommand(unpinCommand(terminal));
  command.addCommand(disableCommand(terminal));
  command.addCommand(enableCommand(terminal));
  return command;
}

interface RollbackOptions extends ConnectionOptions {
  readonly reason: string;
  readonly bundle?: string;
}

function rollbackCommand(terminal: Terminal): Command {
  return connected(new Command('rollback'))
    .description('Stop enforcing the bundle that was activated last; the one before decides again')
    .requiredOption('--reason <text>', 'why, in ten characters or more')
    .option('--bundle <version>', 'refuse unless this version was activated last')
    .action(async ({ reason, bundle: expected, ...options }: RollbackOptions) => {
      const client = await connect(options, terminal);
      const { id, version } = await client.bundles.getActiveBundle();
      if (expected !== undefined && expected !== version) {
        throw unusable(`${version} was activated last, not ${printable(expected)}; nothing was done`);
      }
      if (expected === undefined) await refuseSecond(client, { id, version }, terminal);
      const done = await client.rollouts.rollbackBundle({ id, reason, create_incident: true });
      const { out } = terminal;
      if (options.json === true) return out.write(json(done));
      out.write(rolledBackText(done));
      const { bundle_pin: pin } = await untilAcknowledged(async () => client.system.getSystem(), terminal);
      if (pin !== null) out.write(`${pinText(pin)}; see policy-studio emergency unpin\n`);
    });
}

const hourMs = 3_600_000;

/** Who comes a moment after somebody else, or after the server itself, means the bundle that is gone already. */
async function refuseSecond(
  client: PolicyStudioClient,
  { id, version }: { readonly id: number; readonly version: string },
  { now }: Terminal,
): Promise<void> {
  const { rollouts } = await client.rollouts.listRollouts({ limit: 1 });
  const [newest] = rollouts;
  if (newest?.phase !== 'rolled_back' || newest.previous_bundle_id !== id || newest.ended_at === null) return;
  if (now() - Date.parse(newest.ended_at) > hourMs) return;
  throw unusable(
    `${newest.version ?? newest.bundle_id} was rolled back already, at ${clock(newest.ended_at)}, and ${version} decides everything since; nothing was done. To take that back as well: --bundle ${version}`,
  );
}

function rolledBackText({ rolled_back_from: from, version, id, incident_id: incident }: RollbackResult): string {
  const now =
    id === null
      ? 'the built-in safe bundle is in force: everything is denied until a bundle is activated'
      : `${version} (id ${id}) decides everything`;
  return `${from} is rolled back; ${now}\n${incident === null ? '' : `incident ${incident}\n`}`;
}

interface PinOptions extends ConnectionOptions {
  readonly reason: string;
  readonly minutes?: number;
}

function pinCommand(terminal: Terminal): Command {
  return connected(new Command('pin'))
    .description('Let one bundle decide everything, whatever the rollouts say; one that decided everything before')
    .argument('<bundle>', bundleArgument)
    .requiredOption('--reason <text>', 'why, in ten characters or more')
    .addOption(
      new Option('--minutes <n>', 'when it is over by itself (default: when somebody ends it)').argParser(
        numberIn('the minutes', 0.1, 7 * 24 * 60),
      ),
    )
    .action(async (bundle: string, { reason, minutes, ...options }: PinOptions) => {
      const client = await connect(options, terminal);
      const { id } = await findBundle(client, bundle);
      const ttl = minutes === undefined ? {} : { ttl_minutes: minutes };
      const done = await client.system.pinBundle({ bundle_id: id, reason, ...ttl });
      await tellDone(client, done, done.bundle_pin, options, terminal);
    });
}

function unpinCommand(terminal: Terminal): Command {
  return connected(new Command('unpin'))
    .description('Let the rollouts decide again')
    .option('--reason <text>', 'for the record')
    .action(async ({ reason, ...options }: ConnectionOptions & { reason?: string }) => {
      const client = await connect(options, terminal);
      const done = await client.system.unpinBundle(reason === undefined ? {} : { reason });
      await tellDone(client, done, done.bundle_pin, options, terminal);
    });
}

function pinText({ bundle, until }: NonNullable<System['bundle_pin']>): string {
  const end = until === null ? 'until somebody ends the pin' : `until ${clock(until)}`;
  return `bundle ${bundle.version} (id ${bundle.id}) is pinned and decides everything ${end}`;
}

interface DisableOptions extends ConnectionOptions {
  readonly effect: 'allow' | 'deny';
  readonly reason: string;
  readonly minutes: number;
}

function disableCommand(terminal: Terminal): Command {
  return connected(new Command('disable'))
    .description('Answer one effect to whoever asks, for an hour at most; opens an incident')
    .addOption(
      new Option('--effect <effect>', 'deny stops all agents, allow lets all of them pass')
        .choices(['allow', 'deny'])
        .makeOptionMandatory(),
    )
    .requiredOption('--reason <text>', 'why, in ten characters or more')
    .addOption(
      new Option('--minutes <n>', 'when it is over by itself').default(15).argParser(numberIn('the minutes', 0.1, 60)),
    )
    .action(async ({ effect, reason, minutes, ...options }: DisableOptions) => {
      const client = await connect(options, terminal);
      const done = await client.system.disablePolicy({ effect, reason, ttl_minutes: minutes });
      await tellDone(client, done, done.pin, options, terminal);
    });
}

function enableCommand(terminal: Terminal): Command {
  return connected(new Command('enable'))
    .description('Let the policy decide again')
    .option('--reason <text>', 'for the record')
    .action(async ({ reason, ...options }: ConnectionOptions & { reason?: string }) => {
      const client = await connect(options, terminal);
      const done = await client.system.enablePolicy(reason === undefined ? {} : { reason });
      await tellDone(client, done, done.pin, options, terminal);
    });
}

/** What was done, the incident it stands in, and where it is in force. */
async function tellDone(
  client: PolicyStudioClient,
  done: EmergencySwitch | PinnedBundle,
  pin: { readonly incident_id: number | null } | null,
  { json: asJson }: ConnectionOptions,
  terminal: Terminal,
): Promise<void> {
  const { out } = terminal;
  if (asJson === true) return void out.write(json(done));
  out.write(`${printable(done.message)}\n${pin?.incident_id ? `incident ${pin.incident_id}\n` : ''}`);
  await untilAcknowledged(async () => client.system.getSystem(), terminal);
}

/** Servers tell what they decide by every second. */
const lookMs = 500;
const looks = 10;

/** Says when every server that tells of itself decides by what was just done, or which do not; what is in force then. */
async function untilAcknowledged(look: () => Promise<System>, { out }: Terminal): Promise<System> {
  for (let left = looks; ; left -= 1) {
    const system = await look();
    const { replicas } = system;
    const waiting = replicas.filter(({ state }) => state === 'behind');
    if (waiting.length === 0 || left === 0) {
      const silent = replicas.filter(({ state }) => state === 'silent');
      const heard = replicas.length - silent.length - waiting.length;
      out.write(`in force on ${plural(heard, 'server')}\n`);
      for (const { id, state } of [...waiting, ...silent]) out.write(`not confirmed by ${printable(id)} (${state})\n`);
      return system;
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

function statusCommand(terminal: Terminal): Command {
  return connected(new Command('status'))
    .description('What is in force, where, and what is going on, on one screen')
    .action(async (options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      const [system, incidents] = await Promise.all([
        client.system.getSystem(),
        client.incidents.listIncidents({ unresolved_only: true, limit: 5 }).catch(() => null),
      ]);
      const { rollout, bundle } = system;
      const watched = rollout?.candidate?.id ?? bundle?.id;
      const canary =
        rollout === null || watched === undefined
          ? null
          : await client.rollouts.getCanaryStatus({ id: watched }).catch(() => null);
      const { out } = terminal;
      if (options.json === true) return out.write(json({ url: client.url, system, incidents, canary }));
      out.write(factsText(factsOf(system, canary, client.url, out.style), out.style));
      out.write(`\n${replicasText(system, out.style)}`);
      if (incidents === null || incidents.total === 0) return;
      const rows = incidents.incidents.map(({ id, severity, status, summary, created_at: at }) => [
        String(id),
        severity,
        status,
        moment(at),
        printable(clipped(summary, 60)),
      ]);
      const columns = ['incident', 'severity', 'status', 'since', ''].map((title) => ({ title }));
      out.write(`\n${table(columns, rows, out.style)}`);
      if (incidents.total > rows.length) out.write(`${count(incidents.total)} in all: policy-studio incidents list\n`);
    });
}

function factsOf(system: System, canary: CanaryStatus | null, url: string, style: Style): [string, string][] {
  const { bundle, rollout, pin, bundle_pin: bundlePin, pin_request: request, freeze, observed } = system;
  const nothing = `no bundle: whoever asks is answered ${system.default_effect}`;
  const named = bundle === null ? nothing : `${bundle.version} (id ${bundle.id}, digest ${bundle.digest.slice(0, 12)})`;
  const facts: [string, string][] = [
    ['server', `${url}, workspace ${system.workspace}, version ${system.version}`],
    ['in force', system.safe ? style.red('the built-in safe bundle: everything is denied') : style.bold(named)],
  ];
  if (bundlePin !== null) {
    const by = bundlePin.pinned_by ? `, by ${printable(bundlePin.pinned_by)}` : '';
    facts.push(['pinned', style.red(`${pinText(bundlePin)}${by}: ${printable(clipped(bundlePin.reason, 80))}`)]);
  }
  if (rollout !== null) facts.push(['rollout', rolloutText(rollout)]);
  if (canary !== null) {
    const holds = canary.hold_reasons.length === 0 ? '' : `held: ${canary.hold_reasons.join(', ')}`;
    const failing = canary.gates.filter(({ verdict }) => verdict === 'fail' || verdict === 'critical');
    const said = failing.map(({ sentence }) => printable(sentence));
    const next = canary.next_step === null ? [] : [printable(canary.next_step)];
    for (const text of [...(holds === '' ? [] : [holds]), ...said, ...next]) facts.push(['', text]);
  }
  const by = pin?.started_by ? ` by ${printable(pin.started_by)}` : '';
  facts.push([
    'switch',
    pin === null
      ? 'off: the policy decides'
      : style.red(
          `${pin.effect} for whoever asks until ${clock(pin.until)}${by}: ${printable(clipped(pin.reason, 80))}`,
        ),
  ]);
  if (request !== null) {
    const until = clock(request.expires_at);
    const asked = `${printable(request.asked_by)} asks for ${request.effect}: another admin must ask too, until ${until}`;
    facts.push(['', style.yellow(asked)]);
  }
  if (freeze !== null) {
    const pins = freeze.bundle_pin === null ? [] : ['the pin'];
    const names = [...freeze.windows.map(({ name }) => printable(name)), ...pins].join(', ');
    const end = freeze.until === null ? 'somebody ends the pin' : clock(freeze.until);
    facts.push(['freeze', style.yellow(`${names}: until ${end} nothing is activated or promoted`)]);
  }
  if (observed.length > 0) {
    const told = `${observed.slice(0, 5).map(printable).join(', ')}${observed.length > 5 ? ', ...' : ''}`;
    facts.push(['observed', style.yellow(`${plural(observed.length, 'agent')} allowed whatever is decided: ${told}`)]);
  }
  const database =
    system.database === 'ok'
      ? `answers, ${count(system.waiting_records)} decisions waiting`
      : style.red(`away for ${count(system.stale_seconds)} s; deciding by what was last known`);
  return [...facts, ['database', database]];
}

function rolloutText({ id, phase, share_pct: share, candidate }: NonNullable<System['rollout']>): string {
  const what = candidate === null ? '' : `${candidate.version} (id ${candidate.id}), `;
  const where = phase === 'baking' ? 'all traffic, the bundle before still watches' : `${share} % of the traffic`;
  return `${id}: ${what}${phase}, ${where}`;
}

function factsText(facts: readonly (readonly [string, string])[], style: Style): string {
  return facts.map(([name, value]) => `${style.dim(name.padEnd(10))}${value}\n`).join('');
}

function replicasText({ replicas, latest_generation: latest }: System, style: Style): string {
  if (replicas.length === 0) return 'what the servers decide by is not known while the database is away\n';
  const columns = ['server', 'generation', 'state', 'seen', 'version'].map((title) => ({ title }));
  const rows = replicas.map(({ id, generation, state, seen_seconds: seen, version, answers }) => [
    `${printable(clipped(id, 50))}${answers ? ' *' : ''}`,
    generation === null ? '-' : count(generation),
    stateText(state, style),
    `${count(seen)} s ago`,
    printable(version),
  ]);
  return `${table(columns, rows, style)}generation ${latest === null ? 'unknown' : count(latest)} is to be in force; * answers here\n`;
}

function stateText(state: Replica['state'], style: Style): string {
  const paint = { current: style.green, idle: style.green, behind: style.yellow, silent: style.red }[state];
  return paint(state);
}

/** To the second: minutes matter here. */
function clock(timestamp: string): string {
  return `${timestamp.slice(0, 19).replace('T', ' ')} UTC`;
}
