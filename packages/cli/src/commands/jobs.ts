import type { Job } from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { idArgument, integerIn } from '../option-values.js';
import { clipped, count, json, moment, printable, share, type Terminal, table } from '../output.js';
import { writeMade } from './write-file.js';

export function jobsCommand(terminal: Terminal): Command {
  const command = new Command('jobs').description('Long work that a server does: simulations and comparisons');
  command.addCommand(listCommand(terminal));
  command.addCommand(showCommand(terminal));
  command.addCommand(cancelCommand(terminal));
  return command;
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('Jobs, newest first; kept for a day after their end')
    .addOption(new Option('--limit <n>', 'how many').default(20).argParser(integerIn('the limit', 1, 100)))
    .action(async ({ limit, ...options }: ConnectionOptions & { limit: number }) => {
      const page = await (await connect(options, terminal)).jobs.listJobs({ limit });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      if (page.jobs.length === 0) return out.write('no jobs\n');
      const columns = ['id', 'kind', 'status', 'done', 'by', 'asked', 'ended'].map((title) => ({ title }));
      out.write(table(columns, page.jobs.map(listed), out.style));
      if (page.total > page.jobs.length) out.write(`${count(page.total)} in all; --limit shows more\n`);
    });
}

function listed(job: Job): string[] {
  return [
    String(job.id),
    job.kind,
    job.status,
    progressText(job),
    printable(clipped(job.created_by, 24)),
    moment(job.created_at),
    moment(job.finished_at),
  ];
}

function progressText({ progress: { done, total } }: Job): string {
  return total === null ? count(done) : `${count(done)} of ${count(total)} (${share(done, total)})`;
}

function showCommand(terminal: Terminal): Command {
  return connected(new Command('show'))
    .description('How far a job is; with --output what it has found')
    .argument('<id>', 'the job', idArgument)
    .option('-o, --output <file>', 'write the result of a job that is done there, as JSON')
    .option('--force', 'write over a file that is there')
    .action(async (id: number, options: ConnectionOptions & { output?: string; force?: boolean }) => {
      const { output, force, ...connection } = options;
      const client = await connect(connection, terminal);
      const job = await client.jobs.getJob({ id });
      if (output !== undefined) {
        await writeMade(output, force === undefined ? {} : { force }, async () => {
          return { text: json(await client.jobs.getJobResult({ id })), made: null };
        });
      }
      print(job, connection, terminal);
    });
}

function cancelCommand(terminal: Terminal): Command {
  return connected(new Command('cancel'))
    .description('Stop a job')
    .argument('<id>', 'the job', idArgument)
    .action(async (id: number, options: ConnectionOptions) => {
      print(await (await connect(options, terminal)).jobs.cancelJob({ id }), options, terminal);
    });
}

function print(job: Job, { json: asJson }: ConnectionOptions, { out }: Terminal): void {
  if (asJson === true) {
    out.write(json(job));
    return;
  }
  const error = job.error === null ? '' : `: ${printable(job.error)}`;
  out.write(
    `job ${job.id} (${job.kind}, asked by ${printable(job.created_by)}) is ${job.status}${error}, ${progressText(job)}\n`,
  );
}
