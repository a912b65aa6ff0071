import type { AuditEntry, PolicyStudioClient } from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { readCheckpoints } from '../audit/checkpoint-file.js';
import { verifyTrail } from '../audit/verify-trail.js';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { exitCodes } from '../exit-code.js';
import { integerIn } from '../option-values.js';
import { clipped, json, moment, plural, printable, shown, type Terminal, table } from '../output.js';
import type { Outcome } from '../program.js';
import { writeMade } from './write-file.js';

export function auditCommand(terminal: Terminal, outcome: Outcome): Command {
  const command = new Command('audit').description('Everything that changed, and whether the record of it is whole');
  command.addCommand(listCommand(terminal));
  command.addCommand(verifyCommand(terminal, outcome));
  return command;
}

interface ListOptions extends ConnectionOptions {
  readonly limit: number;
  readonly before?: number;
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('The newest changes')
    .addOption(new Option('--limit <n>', 'how many').default(20).argParser(integerIn('the limit', 1, 200)))
    .addOption(new Option('--before <seq>', 'older than this one').argParser(integerIn('the entry', 1, 1e15)))
    .action(async ({ limit, before, ...options }: ListOptions) => {
      const client = await connect(options, terminal);
      const page = await client.audit.listAudit({ limit, ...(before === undefined ? {} : { before }) });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      if (page.entries.length === 0) return out.write('nothing has changed yet\n');
      const columns = ['seq', 'when', 'who', 'what', 'of', 'data'];
      const rows = page.entries.map(({ seq, at, actor, kind, subject, data }) => [
        String(seq),
        moment(at),
        printable(clipped(actor, 24)),
        kind,
        printable(clipped(subject, 32)),
        shown(data, 60),
      ]);
      out.write(table(columns, rows, out.style));
    });
}

interface VerifyOptions extends ConnectionOptions {
  readonly checkpoint?: string;
  readonly save?: string;
}

function verifyCommand(terminal: Terminal, outcome: Outcome): Command {
  return connected(new Command('verify'))
    .description(
      'Read the whole trail and see whether it was altered; with a checkpoint, whether it was cut or rewritten',
    )
    .option(
      '--checkpoint <file>',
      'checkpoints kept elsewhere: of --save, of a webhook, or a log; `-` for standard input',
    )
    .option('--save <file>', 'keep the checkpoint of now in a new file, when all is well')
    .action(async ({ checkpoint: path, save, ...options }: VerifyOptions) => {
      const kept = path === undefined ? [] : await readCheckpoints(path, terminal);
      const client = await connect(options, terminal);
      const current = await client.audit.getAuditCheckpoint();
      const report = await verifyTrail(trail(client, current.seq), current, kept);
      const whole = report.findings.length === 0;
      if (whole && save !== undefined) await writeMade(save, {}, async () => ({ text: json(current), made: null }));
      if (!whole) outcome.exitCode = exitCodes.findings;
      const { out, err } = terminal;
      if (options.json === true) return out.write(json({ ...report, checkpoint: current }));
      for (const { fault, message } of report.findings) err.write(`${err.style.red(fault)} ${printable(message)}\n`);
      const looked = `${plural(report.entries, 'entry', 'entries')} and ${plural(report.checkpoints, 'checkpoint')}`;
      if (!whole) return out.write(`${looked}: ${plural(report.findings.length, 'fault')}\n`);
      const against =
        kept.length === 0 ? '; against rewriting only a kept checkpoint helps (--save, --checkpoint)' : '';
      out.write(`${looked}: the trail is whole up to ${current.seq}${against}\n`);
    });
}

/** All entries up to `seq`, newest first. */
async function* trail(client: PolicyStudioClient, seq: number): AsyncGenerator<AuditEntry> {
  let before: number | null = seq + 1;
  while (before !== null) {
    const page: Awaited<ReturnType<typeof client.audit.listAudit>> = await client.audit.listAudit({
      limit: 200,
      before,
    });
    yield* page.entries;
    before = page.next_before;
  }
}
