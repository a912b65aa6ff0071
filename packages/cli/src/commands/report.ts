import type { PolicyReport } from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { integerIn } from '../option-values.js';
import { count, json, printable, type Terminal } from '../output.js';

interface ReportOptions extends ConnectionOptions {
  readonly days: number;
}

export function reportCommand(terminal: Terminal): Command {
  return connected(new Command('report'))
    .description('How changes of policy go: five figures with their targets, as Markdown')
    .addOption(new Option('--days <n>', 'up to now').default(90).argParser(integerIn('the days', 1, 366)))
    .action(async ({ days, ...options }: ReportOptions) => {
      const client = await connect(options, terminal);
      const report = await client.reports.getPolicyReport({ days });
      terminal.out.write(options.json === true ? json(report) : markdown(report));
    });
}

type Figures = PolicyReport['figures'];
type Share = Figures['rolled_back'];
type Duration = Figures['time_to_rollback'];

/** A page that can be pasted anywhere that reads Markdown. */
function markdown({ from, to, changes, figures }: PolicyReport): string {
  const { actions_covered: covered } = figures;
  const rows: readonly (readonly [string, string, string, string, string])[] = [
    ['Changes rolled back', ...shareCells(figures.rolled_back, 'below 5 %')],
    ['Canaries that passed', ...shareCells(figures.canaries_passed, 'above 90 %')],
    ['Actions covered by rules', ...shareCells(covered, '100 %')],
    ['Created to activated', ...durationCells(figures.creation_to_activation, '')],
    ['Time to roll back', ...durationCells(figures.time_to_rollback, 'below 5 min')],
  ];
  const lines = [
    '# Policy report',
    '',
    `${from.slice(0, 10)} to ${to.slice(0, 10)}: ${count(changes)} ${changes === 1 ? 'change' : 'changes'} of policy.`,
    '',
    '| figure | value | of | target | |',
    '| --- | ---: | ---: | --- | --- |',
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  ];
  if (covered.uncovered.length > 0) {
    const more = covered.of - covered.count - covered.uncovered.length;
    const names = covered.uncovered.map((name) => `\`${printable(name)}\``).join(', ');
    lines.push('', `No rule is about ${names}${more > 0 ? ` and ${count(more)} more` : ''}.`);
  }
  return `${lines.join('\n')}\n`;
}

function shareCells({ count: part, of, share, verdict }: Share, target: string): [string, string, string, string] {
  const value = share === null ? 'nothing yet' : `${Number((share * 100).toFixed(1))} %`;
  return [value, `${count(part)} of ${count(of)}`, target, verdict];
}

function durationCells(
  { median_seconds: seconds, count: of, verdict }: Duration,
  target: string,
): [string, string, string, string] {
  const value = seconds === null ? 'nothing yet' : durationText(seconds);
  return [value, `median of ${count(of)}`, target, target === '' ? '' : verdict];
}

/** `2 d 4 h`, `1 min 48 s`: the two largest units. */
function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ] as const;
  const first = units.findIndex(([, length]) => whole >= length);
  if (first < 0) return '0 s';
  const [name, length] = units[first] as (typeof units)[number];
  const rest = units[first + 1];
  const left = rest === undefined ? 0 : Math.floor((whole % length) / rest[1]);
  return `${Math.floor(whole / length)} ${name}${left > 0 && rest ? ` ${left} ${rest[0]}` : ''}`;
}
