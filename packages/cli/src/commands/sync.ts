import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PolicyStudioClient } from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { exitCodes, unusable } from '../exit-code.js';
import { fileFailure } from '../input.js';
import { json, plural, printable, type Style, type Terminal } from '../output.js';
import type { Outcome } from '../program.js';
import { type FormatOptions, formatOption, printReport } from '../report/format.js';
import { bringIntoForce, inForceKey } from '../sync/activation.js';
import { applyItems, type Step } from '../sync/apply.js';
import { folderPaths, readFolder } from '../sync/folder.js';
import { type GitHistory, gitHistory } from '../sync/git-history.js';
import { inForceState } from '../sync/in-force.js';
import { planItems } from '../sync/plan.js';
import { planPull } from '../sync/pull.js';
import { review } from '../sync/review.js';
import { readServer, type ServerState } from '../sync/server-state.js';
import {
  conflictsIn,
  isInStep,
  lintErrors,
  type Standing,
  standingJson,
  standingReport,
  standingText,
  stepChecks,
  stepsJson,
  stepsText,
} from '../sync/sync-report.js';
import { type RequestOptions, requestOptions } from './activation-request.js';
import { rewrite, writeMade } from './write-file.js';

interface SyncOptions extends ConnectionOptions, FormatOptions {
  readonly git: string;
  readonly prune?: boolean;
  readonly overwrite?: readonly string[];
}

export function syncCommand(terminal: Terminal, outcome: Outcome, version: string): Command {
  const command = new Command('sync').description(
    'Keep a server in step with a folder of bundles, lists, catalog and settings that lives in Git',
  );
  command.addCommand(planCommand(terminal, outcome, version), { isDefault: true });
  command.addCommand(applyCommand(terminal, outcome, version));
  command.addCommand(driftCommand(terminal, outcome, version));
  command.addCommand(pullCommand(terminal, outcome));
  return command;
}

function onFolder(command: Command): Command {
  return connected(command).requiredOption(
    '--git <folder>',
    'the folder: bundles/, lists/, catalog.yaml, settings.yaml',
  );
}

function planning(command: Command): Command {
  return onFolder(command)
    .addOption(formatOption())
    .option('--prune', 'delete what the folder held once and holds no more, unless it was changed on the server since')
    .addOption(
      new Option(
        '--overwrite <what>',
        `lose what was changed on the server of list:NAME, bundle:VERSION, ...; repeatable (${inForceKey}: what is in force)`,
      ).argParser((text: string, before: readonly string[] = []) => [...before, text]),
    );
}

interface Read extends Standing {
  readonly client: PolicyStudioClient;
  readonly server: ServerState;
  readonly history: GitHistory | null;
}

async function stand(options: SyncOptions, terminal: Terminal, withReview: boolean): Promise<Read> {
  const folder = await readFolder(options.git, terminal);
  const history = await gitHistory(options.git, folderPaths, terminal);
  const client = await connect(options, terminal);
  const server = await readServer(client, folder);
  const overwrite = (options.overwrite ?? []).filter((key) => key !== inForceKey);
  const plan = { client, folder, server, history, overwrite, prune: options.prune === true };
  const items = await planItems(plan, terminal);
  const inForce = await inForceState(folder, server, history);
  const reviewed = withReview ? await review(client, folder, server, items) : null;
  return { client, folder, server, history, items, inForce, commit: history?.commit ?? null, review: reviewed };
}

function planCommand(terminal: Terminal, outcome: Outcome, version: string): Command {
  return planning(new Command('plan'))
    .description('What `apply` would change, lint, and which decisions change; changes nothing')
    .action(async (options: SyncOptions) => {
      const standing = await stand(options, terminal, true);
      const report = standingReport('sync plan', standing, standingJson(standing));
      printReport(report, (style) => standingText(standing, style), options, version, terminal);
      if (isRefused(standing)) outcome.exitCode = exitCodes.findings;
    });
}

function isRefused(standing: Standing): boolean {
  return conflictsIn(standing).length > 0 || lintErrors(standing) > 0;
}

function driftCommand(terminal: Terminal, outcome: Outcome, version: string): Command {
  return onFolder(new Command('drift'))
    .addOption(formatOption())
    .description('Whether the server holds, and decides by, what the folder says; exit code 1 when not')
    .action(async (options: SyncOptions) => {
      const standing = await stand(options, terminal, false);
      const report = standingReport('sync drift', standing, standingJson(standing));
      printReport(report, (style) => standingText(standing, style), options, version, terminal);
      if (!isInStep(standing)) outcome.exitCode = exitCodes.findings;
    });
}

interface ApplyOptions extends SyncOptions, Partial<RequestOptions> {
  readonly requestApproval?: boolean;
  readonly activate?: boolean;
}

function applyCommand(terminal: Terminal, outcome: Outcome, version: string): Command {
  const command = planning(new Command('apply'))
    .description(
      'Create and change drafts, lists, catalog and settings as the folder says; activates nothing by itself',
    )
    .option(
      '--request-approval',
      'ask people for what takes an approval, the highest version included, with --justification',
    )
    .option('--activate', 'activate the highest version, if people have approved it');
  return requestOptions(command).action(async (options: ApplyOptions) => {
    const { requestApproval, justification } = options;
    if (requestApproval === true && (justification ?? '').trim() === '') {
      throw unusable('approvers need to know why: give --justification <text>');
    }
    const standing = await stand(options, terminal, true);
    const commit = committed(standing, options.git);
    const steps = isRefused(standing) ? [] : await apply(standing, commit, options);
    const result = { ...standingJson(standing), steps: stepsJson(steps) };
    const report = standingReport('sync apply', standing, result);
    const human = (style: Style) => applyText(standing, steps, style);
    printReport({ ...report, files: stepChecks(report.files, standing, steps) }, human, options, version, terminal);
    if (isRefused(standing) || steps.some(({ state }) => state === 'refused')) outcome.exitCode = exitCodes.findings;
  });
}

async function apply(standing: Read, commit: string, options: ApplyOptions): Promise<Step[]> {
  const { client, folder, server, history, items } = standing;
  const justification = options.requestApproval === true ? (options.justification ?? null) : null;
  const steps = await applyItems({ client, folder, server, commit, justification }, items);
  const now = await inForceState(folder, await readServer(client, folder), history);
  const step = await bringIntoForce(client, folder, now, { ...options, overwrite: options.overwrite ?? [] });
  return step === null ? steps : [...steps, step];
}

/** So that whatever gets to the server can be found in Git, by people and by the next `sync`. */
function committed({ history, folder }: Read, git: string): string {
  if (history === null)
    throw unusable(`${git}: is in no Git repository with a commit: what is applied has to be found again`);
  const [first, ...others] = history.uncommitted;
  if (first === undefined) return history.commit;
  const more = others.length === 0 ? '' : ` and ${plural(others.length, 'other file')}`;
  throw unusable(`${join(folder.path, first)}${more}: is not committed; only what is committed is applied`);
}

function applyText(standing: Standing, steps: readonly Step[], style: Style): string {
  if (!isRefused(standing)) return stepsText(standing, steps, style);
  return `${standingText(standing, style)}\n${style.red('nothing was applied')}: settle the conflicts and lint errors first\n`;
}

interface PullOptions extends ConnectionOptions {
  readonly git: string;
  readonly all?: boolean;
}

function pullCommand(terminal: Terminal, outcome: Outcome): Command {
  return onFolder(new Command('pull'))
    .description('Take into the folder what was changed on the server, and what is in force; comments stay')
    .option('--all', 'also lists, agents and actions that the folder does not speak of')
    .action(async (options: PullOptions) => {
      const read = await stand({ ...options, format: 'human' }, terminal, false);
      const { writes, left } = await planPull({ ...read, all: options.all === true });
      for (const { path, isNew } of writes) {
        if (isNew || read.history === null || !read.history.uncommitted.includes(path)) continue;
        throw unusable(`${join(options.git, path)}: is not committed; commit it first, so that nothing is lost`);
      }
      for (const { path, text, isNew } of writes) await writeInto(options.git, path, text, isNew);
      const { out, err } = terminal;
      if (options.json === true) {
        out.write(json({ written: writes.map(({ path, isNew, keys }) => ({ file: path, new: isNew, keys })), left }));
      } else {
        const told = writes.map(
          ({ path, isNew, keys }) =>
            `${isNew ? 'wrote  ' : 'changed'} ${printable(path)}: ${printable(keys.join(', '))}\n`,
        );
        out.write(told.length === 0 ? 'the folder holds all of it\n' : told.join(''));
      }
      for (const why of left) err.write(`left: ${printable(why)}\n`);
      if (left.length > 0) outcome.exitCode = exitCodes.findings;
    });
}

async function writeInto(folder: string, name: string, text: string, isNew: boolean): Promise<void> {
  const path = join(folder, name);
  if (!isNew) return rewrite(path, text);
  await mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
    throw fileFailure(dirname(path), error, 'written');
  });
  await writeMade(path, {}, async () => ({ text, made: null }));
}
