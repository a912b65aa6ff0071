import type { Bundle } from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { exitCodes, unusable } from '../exit-code.js';
import { findingsText } from '../findings-text.js';
import { idArgument, integerIn } from '../option-values.js';
import { clipped, count, json, moment, plural, printable, type Style, type Terminal, table } from '../output.js';
import type { Outcome } from '../program.js';
import { type RequestOptions, requestActivation, requestOptions, requestText } from './activation-request.js';
import { evidenceCommands } from './bundle-evidence.js';
import { exchangeCommands } from './bundle-exchange.js';
import { bundleArgument, findBundle } from './bundle-reference.js';
import { bundleRemovalCommands } from './bundle-removal.js';
import { bundleRolloutCommands } from './bundle-rollout.js';
import { type TransferOptions, transfer, transferOptions } from './bundle-transfer.js';
import { type PushOptions, push, pushedFindings } from './push.js';
import { writeMade } from './write-file.js';

export function bundlesCommand(terminal: Terminal, outcome: Outcome): Command {
  const command = new Command('bundles').description('Bundles on a server');
  command.addCommand(listCommand(terminal));
  command.addCommand(showCommand(terminal));
  command.addCommand(pushCommand(terminal, outcome));
  command.addCommand(pullCommand(terminal));
  for (const each of evidenceCommands(terminal, outcome)) command.addCommand(each);
  for (const each of exchangeCommands(terminal, outcome)) command.addCommand(each);
  command.addCommand(activateCommand(terminal));
  for (const each of bundleRolloutCommands(terminal, outcome)) command.addCommand(each);
  for (const each of bundleRemovalCommands(terminal)) command.addCommand(each);
  return command;
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('Bundles, newest first')
    .addOption(new Option('--limit <n>', 'how many').default(20).argParser(integerIn('the limit', 1, 100)))
    .action(async (options: ConnectionOptions & { limit: number }) => {
      const client = await connect(options, terminal);
      const page = await client.bundles.listBundles({ limit: options.limit });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      if (page.bundles.length === 0) return out.write('no bundles\n');
      const columns = ['id', 'version', 'status', 'traffic', 'rules', 'errors', 'created', 'by', 'notes'];
      const right = new Set(['id', 'traffic', 'rules', 'errors']);
      const rows = page.bundles.map((bundle) => [
        String(bundle.id),
        bundle.version,
        bundle.status,
        `${bundle.traffic_pct} %`,
        count(bundle.rules.length),
        count(bundle.lint.errors.length),
        moment(bundle.created_at),
        printable(clipped(bundle.created_by, 24)),
        printable(clipped(bundle.notes, 40)),
      ]);
      const heads = columns.map((title) => (right.has(title) ? { title, align: 'right' as const } : { title }));
      out.write(table(heads, rows, out.style));
      if (page.total > page.bundles.length) out.write(`${count(page.total)} in all; --limit shows more\n`);
    });
}

function showCommand(terminal: Terminal): Command {
  return connected(new Command('show'))
    .description('One bundle with its rules')
    .argument('<bundle>', bundleArgument)
    .action(async (reference: string, options: ConnectionOptions) => {
      const bundle = await findBundle(await connect(options, terminal), reference);
      const { out } = terminal;
      out.write(options.json === true ? json(bundle) : bundleText(bundle, out.style));
    });
}

function bundleText(bundle: Bundle, style: Style): string {
  const facts: [string, string][] = [
    ['bundle', `${bundle.version} (id ${bundle.id})`],
    ['status', `${bundle.status}, ${bundle.traffic_pct} % of the traffic`],
    ['digest', bundle.digest],
    ['created', `${moment(bundle.created_at)} by ${printable(bundle.created_by)}`],
    [
      'activated',
      bundle.activated_at === null ? '-' : `${moment(bundle.activated_at)} by ${printable(bundle.activated_by ?? '-')}`,
    ],
    ['notes', printable(bundle.notes) || '-'],
  ];
  const head = facts.map(([name, value]) => `${style.dim(name.padEnd(10))}${value}\n`).join('');
  const columns = [
    { title: 'rule' },
    { title: 'effect' },
    { title: 'priority', align: 'right' as const },
    { title: 'agent' },
    { title: 'action' },
    { title: 'reason' },
  ];
  const rows = bundle.rules.map((rule) => [
    cell(rule.id, 64),
    cell(rule.effect, 16) + (rule.enabled === false ? ' (disabled)' : ''),
    cell(rule.priority ?? 50, 4),
    cell(rule.agent, 40),
    cell(rule.action, 40),
    cell(rule.reason ?? '', 60),
  ]);
  const findings = [...bundle.lint.errors, ...bundle.lint.warnings].map(
    ({ severity, code, rule_id, message }) => `${severity} ${code} ${rule_id ?? ''} ${printable(message)}\n`,
  );
  const rules = rows.length === 0 ? 'no rules\n' : table(columns, rows, style);
  return [head, rules, findings.join('')].filter((part) => part !== '').join('\n');
}

/** A member of a stored draft, which may be of any type while it is being written. */
function cell(value: unknown, width: number): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '-');
  return printable(clipped(text, width));
}

function pushCommand(terminal: Terminal, outcome: Outcome): Command {
  const command = connected(new Command('push'))
    .description('Create a draft from a file; or, with --to, bring a bundle of this server to another one, signed')
    .argument('<file>', 'the bundle: .json, .yaml, .yml, or - for standard input; with --to a version or an id')
    .option('--version <version>', 'the version (default: the one in the file)')
    .option('--notes <text>', 'what is new (default: the notes in the file)')
    .option('--update', 'replace the draft of this version, if there is one')
    .option('--to <url>', 'the server it is to go to')
    .action(async (path: string, options: ConnectionOptions & PushOptions & TransferOptions & { to?: string }) => {
      if (options.to !== undefined) return transfer(path, { to: options.to }, options, terminal);
      const client = await connect(options, terminal);
      const { bundle, rules, replaced } = await push(client, path, options, terminal);
      const { out, err } = terminal;
      const { lint, version, id, digest } = bundle;
      const done = `${replaced ? 'updated' : 'created'} draft ${version} (id ${id}), ${plural(bundle.rules.length, 'rule')}, digest ${digest.slice(0, 12)}\n`;
      out.write(options.json === true ? json(bundle) : done);
      const findings = pushedFindings(bundle, rules);
      if (findings.length > 0) err.write(`${findingsText(rules.file, findings, err.style)}\n`);
      if (lint.errors.length > 0) {
        err.write('the draft is stored; it cannot be activated before its errors are mended\n');
        outcome.exitCode = exitCodes.findings;
      }
    });
  return transferOptions(command);
}

interface PullOptions extends ConnectionOptions, TransferOptions {
  readonly from?: string;
  readonly output?: string;
  readonly force?: boolean;
}

function pullCommand(terminal: Terminal): Command {
  const command = connected(new Command('pull'))
    .description(
      'Fetch a bundle as a JSON document that `push` reads; or, with --from, bring one here from another server, signed',
    )
    .argument('<bundle>', bundleArgument)
    .option('--from <url>', 'the server it is to come from')
    .option('-o, --output <file>', 'write it there instead of standard output')
    .option('--force', 'overwrite the file')
    .action(async (reference: string, options: PullOptions) => {
      if (options.from !== undefined) return transfer(reference, { from: options.from }, options, terminal);
      const client = await connect(options, terminal);
      const fetched = async (): Promise<{ text: string; made: string }> => {
        const { version, notes, metadata, rules } = await findBundle(client, reference);
        return { text: json({ version, notes, metadata, rules }), made: version };
      };
      if (options.output === undefined) return terminal.out.write((await fetched()).text);
      const version = await writeMade(options.output, { force: options.force === true }, fetched);
      terminal.err.write(`wrote ${version} to ${options.output}\n`);
    });
  return transferOptions(command);
}

interface ActivateOptions extends ConnectionOptions, Partial<RequestOptions> {
  readonly approval?: number;
  readonly requestApproval?: boolean;
  readonly pct?: number;
  readonly supersede?: boolean;
  readonly onBreach?: 'rollback' | 'hold';
}

function activateCommand(terminal: Terminal): Command {
  const command = connected(new Command('activate'))
    .description('Bring an approved bundle into force, or ask for the approval that needs')
    .argument('<bundle>', bundleArgument)
    .addOption(new Option('--approval <id>', 'the approval to use').argParser(idArgument))
    .option('--request-approval', 'ask for an approval instead, with --justification')
    .option('--supersede', 'take the place of a rollout that is in shadow or canary')
    .addOption(
      new Option(
        '--on-breach <what>',
        'what a critical gate does, as it is approved: hold is for a security fix',
      ).choices(['rollback', 'hold']),
    );
  return requestOptions(command).action(async (reference: string, options: ActivateOptions) => {
    const { approval: approvalId, requestApproval } = options;
    if ((approvalId === undefined) === (requestApproval !== true)) {
      throw unusable(
        'activation needs an approval: give --approval <id> to use one, or --request-approval --justification <text> to ask for one',
      );
    }
    const client = await connect(options, terminal);
    const { out } = terminal;
    if (approvalId === undefined) {
      const approval = await requestActivation(client, reference, options);
      return out.write(options.json === true ? json(approval) : requestText(approval));
    }
    const { id } = await findBundle(client, reference);
    const share = options.pct ?? (await client.approvals.getApproval({ id: approvalId })).initial_pct ?? 100;
    const bundle = await client.bundles.activateBundle({
      id,
      approval_id: approvalId,
      canary_pct: share,
      ...(options.supersede === true ? { supersede: true } : {}),
      ...(options.onBreach === undefined ? {} : { on_breach: options.onBreach }),
    });
    const done = `${bundle.version} (id ${bundle.id}) is ${bundle.status} and decides ${bundle.traffic_pct} % of the traffic\n`;
    out.write(options.json === true ? json(bundle) : done);
  });
}
