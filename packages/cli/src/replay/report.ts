import type { Effect } from '@policy-studio/engine';
import { clipped, count, effectStyle, plural, printable, type Style, share, table } from '../output.js';
import type { LineNotes } from './run.js';
import { type Comparison, type Counts, effects, outcomes } from './tally.js';

export interface PolicySummary {
  readonly file: string;
  readonly digest: string;
  readonly rules: number;
  readonly counts: Counts;
}

/** What a replay found, as `--json` prints it. */
export interface ReplayReport {
  readonly requests: string;
  readonly default_effect: Effect;
  readonly seconds: number;
  readonly lines: number;
  readonly calls: number;
  readonly bad_lines: LineNotes;
  /** Decided, though a server would refuse them (422). */
  readonly refusable: LineNotes;
  /** By fact, the calls whose rules read it while the recording does not hold it. */
  readonly unknown_facts: Readonly<Record<string, number>>;
  /** One, or two with `--compare`. */
  readonly policies: readonly PolicySummary[];
  readonly group_by: string | null;
  readonly groups: readonly { readonly value: string; readonly counts: readonly Counts[] }[];
  readonly comparison: Comparison | null;
}

/** The report for people. */
export function replayText(report: ReplayReport, style: Style): string {
  const { calls, seconds, bad_lines: bad } = report;
  const rate = seconds >= 0.1 ? ` (${count(Math.round(calls / seconds))} a second)` : '';
  const sections = [
    `${style.bold(plural(calls, 'call'))} in ${seconds.toFixed(1)} s${rate}${bad.count > 0 ? `, ${plural(bad.count, 'bad line')}` : ''}\n`,
    summaryTable(report, style),
    notesText(report, style),
    report.group_by === null ? '' : groupTable(report, report.group_by, style),
    report.comparison === null ? '' : comparisonText(report, report.comparison, style),
  ];
  return sections.filter((section) => section !== '').join('\n');
}

function summaryTable({ policies, default_effect }: ReplayReport, style: Style): string {
  const columns = [
    { title: '' },
    ...policies.flatMap(({ file }) => [
      { title: printable(clipped(file, 40)), align: 'right' as const },
      { title: 'share', align: 'right' as const },
    ]),
  ];
  const rows = outcomes.map((outcome) => [
    outcome === 'no_match' ? `no match (${default_effect})` : outcome,
    ...policies.flatMap(({ counts }) => [count(counts[outcome]), share(counts[outcome], counts.calls)]),
  ]);
  const mismatches = [
    'calls with a type mismatch',
    ...policies.flatMap(({ counts }) => [
      count(counts.calls_with_mismatch),
      share(counts.calls_with_mismatch, counts.calls),
    ]),
  ];
  const exhausted = policies.some(({ counts }) => counts.work_exhausted > 0)
    ? [['work limit reached', ...policies.flatMap(({ counts }) => [count(counts.work_exhausted), ''])]]
    : [];
  return table(columns, [...rows, mismatches, ...exhausted], style);
}

function notesText({ unknown_facts: facts, refusable }: ReplayReport, style: Style): string {
  const note = style.yellow('note');
  const lines = Object.entries(facts).map(
    ([fact, calls]) =>
      `${note} rules read the fact \`${fact}\`, which ${plural(calls, 'call')} did not record: not met\n`,
  );
  const [first] = refusable.first;
  if (first !== undefined) {
    const which = `${plural(refusable.count, 'call')} decided here would be refused by a server, the first in line ${first.line}`;
    lines.push(`${note} ${which}: ${printable(first.message)}\n`);
  }
  return lines.join('');
}

const groupsShown = 40;

function groupTable({ groups, policies }: ReplayReport, path: string, style: Style): string {
  const columns = [
    { title: printable(path) },
    ...(policies.length > 1 ? [{ title: 'rules' }] : []),
    { title: 'calls', align: 'right' as const },
    ...outcomes.flatMap((outcome) => [
      { title: outcome.replace('_', ' '), align: 'right' as const },
      { title: '', align: 'right' as const },
    ]),
  ];
  const rows = groups
    .slice(0, groupsShown)
    .flatMap(({ value, counts }) =>
      counts.map((of, index) => [
        index === 0 ? printable(clipped(value, 60)) : '',
        ...(policies.length > 1 ? [printable(clipped(policies[index]?.file ?? '', 40))] : []),
        count(of.calls),
        ...outcomes.flatMap((outcome) => [count(of[outcome]), share(of[outcome], of.calls)]),
      ]),
    );
  const more = groups.length - groupsShown;
  return table(columns, rows, style) + (more > 0 ? `and ${plural(more, 'more group')}: see --json\n` : '');
}

function comparisonText({ policies, calls }: ReplayReport, comparison: Comparison, style: Style): string {
  const { changed, other_rule, transitions, examples } = comparison;
  const [before, after] = policies.map(({ file }) => printable(file));
  const columns = [{ title: 'from \\ to' }, ...effects.map((effect) => ({ title: effect, align: 'right' as const }))];
  const rows = effects.map((from) => [
    from,
    ...effects.map((to) => count(transitions.find((one) => one.from === from && one.to === to)?.count ?? 0)),
  ]);
  const head = `${style.bold(`${count(changed)} of ${plural(calls, 'call')} changed`)} (${share(changed, calls)}) from ${before} to ${after}; ${plural(other_rule, 'other')} decided alike by another rule\n`;
  const list = examples.map((example) => {
    const { line, case_id, agent, action, from, to, from_rule, to_rule } = example;
    const name = printable(case_id ?? `line ${line}`);
    return [
      name,
      printable(`${agent} ${action}`),
      `${effectStyle(style, from)(from)} (${from_rule ?? 'no match'}) → ${effectStyle(style, to)(to)} (${to_rule ?? 'no match'})`,
    ];
  });
  if (list.length === 0) return head + table(columns, rows, style);
  const title = changed > list.length ? `the first ${list.length} changes` : 'the changes';
  const shownList = table([{ title }, { title: '' }, { title: '' }], list, style);
  return `${head}${table(columns, rows, style)}\n${shownList}`;
}
