import { open, rm } from 'node:fs/promises';
import type { AnswerOf, operations, PolicyStudioClient } from '@policy-studio/sdk';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { exitCodes, unusable } from '../exit-code.js';
import { fileFailure } from '../input.js';
import { integerIn } from '../option-values.js';
import { clipped, count, json, moment, plural, printable, type Terminal, table } from '../output.js';
import type { Outcome } from '../program.js';
import { exportFormat, takeIn } from '../workspace/take-in.js';

type Workspace = AnswerOf<(typeof operations)['createWorkspace']>;

export function workspacesCommand(terminal: Terminal, outcome: Outcome): Command {
  const command = new Command('workspaces').description(
    'Tenants of an installation: all but list, show and export need the admin token',
  );
  command.addCommand(listCommand(terminal));
  command.addCommand(showCommand(terminal));
  command.addCommand(createCommand(terminal));
  command.addCommand(quotasCommand(terminal));
  command.addCommand(
    step(terminal, 'archive', 'Make a workspace read-only: no decision, no change', {
      reason: true,
      take: (client, name, reason) => client.workspaces.archiveWorkspace({ name, reason }),
    }),
  );
  command.addCommand(
    step(terminal, 'restore', 'End the archiving of a workspace', {
      take: (client, name) => client.workspaces.restoreWorkspace({ name }),
    }),
  );
  command.addCommand(deleteCommand(terminal));
  command.addCommand(
    step(terminal, 'keep', 'Withdraw the deletion of a workspace; it stays archived', {
      take: (client, name) => client.workspaces.withdrawDeletion({ name }),
    }),
  );
  command.addCommand(deletedCommand(terminal));
  command.addCommand(exportCommand(terminal));
  command.addCommand(importCommand(terminal, outcome));
  return command;
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('The workspaces that the key may see, by name')
    .action(async (options: ConnectionOptions) => {
      const page = await (await connect(options, terminal)).workspaces.listWorkspaces({ limit: 200 });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      const rows = page.workspaces.map((each) => [
        each.name,
        stateText(each),
        moment(each.created_at),
        printable(clipped(each.description, 60)),
      ]);
      out.write(
        table(
          ['name', 'state', 'made', ''].map((title) => ({ title })),
          rows,
          out.style,
        ),
      );
      if (page.total > rows.length) out.write(`${count(page.total)} in all\n`);
    });
}

function stateText({ status, archived, deletion }: Workspace): string {
  if (status === 'deleting') return `to be deleted ${moment(deletion?.delete_at ?? null)}`;
  return status === 'archived' ? `archived ${moment(archived?.at ?? null)}` : 'active';
}

const quotaNames = ['bundles', 'rules_per_bundle', 'decisions_per_second', 'decisions_kept'] as const;

function showCommand(terminal: Terminal): Command {
  return connected(new Command('show'))
    .description('A workspace, and what of its quotas is used')
    .argument('<name>', 'the workspace')
    .action(async (name: string, options: ConnectionOptions) => {
      const detail = await (await connect(options, terminal)).workspaces.getWorkspace({ name });
      const { out } = terminal;
      if (options.json === true) return out.write(json(detail));
      out.write(summary(detail));
      const rows = quotaNames.map((quota) => {
        const limit = detail.quotas[quota];
        const used = detail.usage[quota];
        return [
          quota,
          Number.isInteger(used) ? count(used) : used.toFixed(2),
          limit === null ? 'no limit' : count(limit),
        ];
      });
      out.write(
        table(
          ['quota', 'used', 'limit'].map((title) => ({ title })),
          rows,
          out.style,
        ),
      );
    });
}

function summary(workspace: Workspace): string {
  const { name, description, archived, deletion } = workspace;
  const reasons = deletion ?? archived;
  const why = reasons === null ? '' : ` (${printable(reasons.by)}: ${printable(clipped(reasons.reason, 100))})`;
  return `${name}: ${stateText(workspace)}${why}${description === '' ? '' : `, ${printable(description)}`}\n`;
}

type Limits = { [Name in (typeof quotaNames)[number]]?: number | null };
type Limit = number | 'none';
interface QuotaOptions {
  readonly bundles?: Limit;
  readonly rulesPerBundle?: Limit;
  readonly decisionsPerSecond?: Limit;
  readonly decisionsKept?: Limit;
}

function withQuotas(command: Command): Command {
  const limit = (most: number) => (text: string) => (text === 'none' ? text : integerIn('the limit', 0, most)(text));
  const option = (name: string, about: string, most: number) =>
    new Option(`--${name} <n>`, `${about}; none: no limit`).argParser(limit(most));
  return command
    .addOption(option('bundles', 'bundles kept', 1_000_000))
    .addOption(option('rules-per-bundle', 'rules in one bundle', 10_000))
    .addOption(option('decisions-per-second', 'decisions a second on each server', 1_000_000))
    .addOption(option('decisions-kept', 'decisions in the log', 10_000_000_000));
}

function limitsOf({ bundles, rulesPerBundle, decisionsPerSecond, decisionsKept }: QuotaOptions): Limits {
  const given = [bundles, rulesPerBundle, decisionsPerSecond, decisionsKept];
  return Object.fromEntries(
    quotaNames.flatMap((name, index) => {
      const limit = given[index];
      return limit === undefined ? [] : [[name, limit === 'none' ? null : limit]];
    }),
  );
}

interface CreateOptions extends ConnectionOptions, QuotaOptions {
  readonly description?: string;
}

function createCommand(terminal: Terminal): Command {
  return withQuotas(connected(new Command('create')))
    .description('Make an empty workspace; its first key is made with `keys create --workspace NAME`')
    .argument('<name>', 'lower-case letters, digits, _ and -')
    .option('--description <text>', 'what it is for')
    .action(async (name: string, options: CreateOptions) => {
      const client = await connect(options, terminal);
      const { description } = options;
      const quotas = limitsOf(options);
      const made = await client.workspaces.createWorkspace({
        name,
        ...(description === undefined ? {} : { description }),
        ...(Object.keys(quotas).length === 0 ? {} : { quotas }),
      });
      terminal.out.write(options.json === true ? json(made) : summary(made));
    });
}

function quotasCommand(terminal: Terminal): Command {
  return withQuotas(connected(new Command('quotas')))
    .description('Set quotas; those not named stay')
    .argument('<name>', 'the workspace')
    .action(async (name: string, options: ConnectionOptions & QuotaOptions) => {
      const limits = limitsOf(options);
      if (Object.keys(limits).length === 0) throw unusable('name a quota to set, such as --bundles 100');
      const set = await (await connect(options, terminal)).workspaces.putQuotas({ name, ...limits });
      if (options.json === true) return terminal.out.write(json(set));
      const told = quotaNames.map((quota) => `${quota} ${set.quotas[quota] ?? 'no limit'}`);
      terminal.out.write(`${set.name}: ${told.join(', ')}\n`);
    });
}

interface StepOptions extends ConnectionOptions {
  readonly reason?: string;
}

function step(
  terminal: Terminal,
  verb: string,
  description: string,
  {
    reason = false,
    take,
  }: { reason?: boolean; take: (client: PolicyStudioClient, name: string, reason: string) => Promise<Workspace> },
): Command {
  const command = connected(new Command(verb)).description(description).argument('<name>', 'the workspace');
  if (reason) command.requiredOption('--reason <text>', 'why, for whoever is refused and for the audit trail');
  return command.action(async (name: string, options: StepOptions) => {
    const after = await take(await connect(options, terminal), name, options.reason ?? '');
    terminal.out.write(options.json === true ? json(after) : summary(after));
  });
}

interface DeleteOptions extends ConnectionOptions {
  readonly reason: string;
  readonly confirm: string;
  readonly graceDays: number;
}

function deleteCommand(terminal: Terminal): Command {
  return connected(new Command('delete'))
    .description('Archive a workspace and have it deleted after a grace period; until then `keep` withdraws it')
    .argument('<name>', 'the workspace')
    .requiredOption('--reason <text>', 'why')
    .requiredOption('--confirm <name>', 'its name once more')
    .addOption(
      new Option('--grace-days <n>', 'days until it is deleted').default(14).argParser(integerIn('the days', 1, 90)),
    )
    .action(async (name: string, options: DeleteOptions) => {
      const { reason, confirm, graceDays } = options;
      const client = await connect(options, terminal);
      const after = await client.workspaces.askDeletion({ name, reason, confirm, grace_days: graceDays });
      terminal.out.write(options.json === true ? json(after) : summary(after));
    });
}

function deletedCommand(terminal: Terminal): Command {
  return connected(new Command('deleted'))
    .description('What stays of workspaces that were deleted')
    .action(async (options: ConnectionOptions) => {
      const page = await (await connect(options, terminal)).workspaces.listDeletedWorkspaces({ limit: 200 });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      if (page.workspaces.length === 0) return out.write('none was deleted\n');
      const rows = page.workspaces.map((each) => [
        String(each.id),
        each.name,
        moment(each.deleted_at),
        printable(clipped(each.asked_by, 24)),
        count(each.rows),
        each.checkpoint === null ? '-' : `${each.checkpoint.seq} ${each.checkpoint.head.slice(0, 16)}`,
        printable(clipped(each.reason, 60)),
      ]);
      const columns = ['id', 'name', 'deleted', 'by', 'rows', 'end of its trail', 'reason'];
      out.write(table(columns, rows, out.style));
    });
}

interface ExportOptions extends ConnectionOptions {
  readonly output: string;
}

function exportCommand(terminal: Terminal): Command {
  return connected(new Command('export'))
    .description(
      'Write all data of a workspace to a file, a JSON object a line (mode 0600: it holds what agents were asked)',
    )
    .argument('<name>', 'the workspace')
    .requiredOption('-o, --output <file>', 'the file, which must not be there yet')
    .action(async (name: string, options: ExportOptions) => {
      const client = await connect(options, terminal);
      const items = await written(client, name, options.output);
      if (options.json === true) terminal.out.write(json({ workspace: name, file: options.output, items }));
      else terminal.out.write(`wrote ${plural(items, 'row')} to ${options.output}\n`);
    });
}

/** Page by page, so that memory stays that of one. A file that could not be finished is removed. */
async function written(client: PolicyStudioClient, name: string, path: string): Promise<number> {
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    if (Reflect.get(error as Error, 'code') === 'EEXIST') throw unusable(`${path}: is there already`);
    throw fileFailure(path, error, 'written');
  });
  let items = 0;
  try {
    let after: string | null = null;
    do {
      const page: AnswerOf<(typeof operations)['exportWorkspace']> = await client.workspaces.exportWorkspace({
        name,
        ...(after === null ? {} : { after }),
      });
      const { format, workspace, at } = page;
      const lines = page.items.map((item) => JSON.stringify(item));
      if (after === null) lines.unshift(JSON.stringify({ format, workspace, at }));
      items += page.items.length;
      after = page.next;
      if (after === null) lines.push(JSON.stringify({ end: true, items }));
      if (lines.length > 0) await file.write(`${lines.join('\n')}\n`);
    } while (after !== null);
  } catch (error) {
    await rm(path, { force: true });
    throw fileFailure(path, error, 'written');
  } finally {
    await file.close();
  }
  return items;
}

function importCommand(terminal: Terminal, outcome: Outcome): Command {
  return connected(new Command('import'))
    .description(
      'Make again from an export: catalog, lists, bundles as drafts, settings; into the workspace of the key',
    )
    .argument('<file>', `what export wrote (${exportFormat}), - for standard input`)
    .action(async (path: string, options: ConnectionOptions) => {
      if (path === '-' && options.tokenFile === '-') throw new InvalidArgumentError('standard input cannot hold both');
      const taken = await takeIn(await connect(options, terminal), path, terminal);
      const { out, err } = terminal;
      for (const line of taken.left) err.write(`left out ${printable(line)}\n`);
      if (taken.left.length > 0) outcome.exitCode = exitCodes.findings;
      if (options.json === true) return out.write(json(taken));
      const made = [
        plural(taken.agents, 'agent'),
        plural(taken.actions, 'action'),
        plural(taken.lists, 'list'),
        plural(taken.bundles, 'draft'),
      ];
      out.write(`made ${made.join(', ')}${taken.settings ? ', settings' : ''}\n`);
    });
}
