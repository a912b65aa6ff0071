import type { WouldDeny } from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { integerIn } from '../option-values.js';
import { clipped, count, json, moment, plural, printable, type Style, type Terminal, table } from '../output.js';

interface WouldDenyOptions extends ConnectionOptions {
  readonly agent?: string;
  readonly days: number;
  readonly from?: string;
  readonly to?: string;
}

/** The report to read before an agent that is only observed is enforced. */
export function wouldDenyCommand(terminal: Terminal): Command {
  return connected(new Command('would-deny'))
    .description('What agents that are only observed would have been denied, most frequent first')
    .option('--agent <name>', 'only of this agent')
    .addOption(new Option('--days <n>', 'so many days back').default(7).argParser(integerIn('the days', 1, 366)))
    .option('--from <time>', 'not older, RFC 3339; instead of --days')
    .option('--to <time>', 'older, RFC 3339 (default: now)')
    .action(async ({ agent, days, from, to, ...options }: WouldDenyOptions) => {
      const client = await connect(options, terminal);
      const report = await client.decisions.getWouldDeny({
        days,
        ...(agent === undefined ? {} : { agent }),
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      });
      const { out } = terminal;
      out.write(options.json === true ? json(report) : reportText(report, out.style));
    });
}

function reportText(report: WouldDeny, style: Style): string {
  const { observed_now: observed, groups, total_groups: total, decisions } = report;
  const span = `${moment(report.from)} to ${moment(report.to)}`;
  const agents =
    observed.length === 0 ? 'no agent is observed now' : `observed now: ${observed.map(printable).join(', ')}`;
  const counts = `${count(report.would_allow)} allowed, ${count(report.would_deny)} denied, ${count(report.would_need_approval)} left to an approval`;
  const head = [
    agents,
    `${plural(decisions, 'decision')} while observed, ${span}: ${counts}, if it were enforced`,
    ...(report.complete ? [] : ['there are more: this covers the newest']),
  ];
  const columns = ['agent', 'action', 'would be', 'times', 'sessions', 'last', 'rule', 'reason'];
  const right = new Set(['times', 'sessions']);
  const rows = groups.map((group) => [
    printable(clipped(group.agent, 40)),
    printable(clipped(group.action, 40)),
    group.effect,
    count(group.decisions),
    count(group.sessions),
    moment(group.last_at),
    group.rule_id ?? '-',
    printable(clipped(group.reason, 60)),
  ]);
  const heads = columns.map((title) => (right.has(title) ? { title, align: 'right' as const } : { title }));
  const more = total > groups.length ? `${count(total)} kinds in all\n` : '';
  return `${head.join('\n')}\n${groups.length === 0 ? '' : `\n${table(heads, rows, style)}`}${more}`;
}
