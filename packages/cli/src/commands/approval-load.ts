import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { integerIn } from '../option-values.js';
import { clipped, count, json, plural, printable, type Terminal, table } from '../output.js';

/** What approvals ask of people. */
export function loadCommand(terminal: Terminal): Command {
  return connected(new Command('load'))
    .description('How many approvals people are asked for, of whom, and how long they wait')
    .addOption(new Option('--days <n>', 'of the last days').default(14).argParser(integerIn('the days', 1, 90)))
    .action(async ({ days, ...options }: ConnectionOptions & { days: number }) => {
      const load = await (await connect(options, terminal)).approvals.getApprovalLoad({ days });
      const { out } = terminal;
      if (options.json === true) return out.write(json(load));
      const wait =
        load.median_wait_seconds === null
          ? 'nothing was decided'
          : `half waited ${lasting(load.median_wait_seconds)} or less`;
      out.write(
        `${plural(load.requested, 'request')} in ${plural(days, 'day')}, ${load.per_day.toFixed(1)} a day; ${count(load.pending)} waiting now; ${wait}\n`,
      );
      if (load.approvers.length === 0) return;
      const right = { align: 'right' as const };
      const columns = [{ title: 'approver' }, { title: 'approved', ...right }, { title: 'rejected', ...right }];
      const rows = load.approvers.map((one) => [
        printable(clipped(one.approver, 40)),
        count(one.approved),
        count(one.rejected),
      ]);
      out.write(`\n${table(columns, rows, out.style)}`);
    });
}

function lasting(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}
