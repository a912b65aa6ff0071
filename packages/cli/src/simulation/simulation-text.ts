import { type CaseOutcome, type ComparisonReport, caseOutcomes, type SimulationReport } from '@policy-studio/engine';
import { count, effectStyle, plural, printable, type Style, share, shown, table } from '../output.js';

const outcomeNames: Readonly<Record<CaseOutcome, string>> = {
  allow: 'allow',
  deny: 'deny',
  needs_approval: 'needs_approval',
  no_match: 'no match',
};

/** What became of the cases, for people; failures and breaches are shown elsewhere. */
export function simulationText(report: SimulationReport, style: Style): string {
  const { summary, coverage, examples } = report;
  const { allow_count, deny_count, approval_count, no_match_count, total_cases } = summary;
  const counts = { allow: allow_count, deny: deny_count, needs_approval: approval_count, no_match: no_match_count };
  const rows = caseOutcomes.map((outcome) => [
    outcomeNames[outcome],
    count(counts[outcome]),
    share(counts[outcome], total_cases),
  ]);
  const right = 'right' as const;
  const columns = [
    { title: 'outcome', style: (cell: string) => paintOutcome(cell, style) },
    { title: 'cases', align: right },
    { title: 'share', align: right },
  ];
  const parts = [table(columns, rows, style), '\n', budgetLine(summary), coverageText(coverage, style)];
  return [...parts, '\n', ...exampleLines(examples, style)].join('');
}

/** One case of each outcome, with its request. */
function exampleLines(examples: SimulationReport['examples'], style: Style): string[] {
  return caseOutcomes.flatMap((outcome) => {
    const example = examples.find((each) => each.outcome === outcome);
    if (example === undefined) return [];
    const { case_id, matched_rule, agent, action, context } = example;
    const by = matched_rule === null ? '' : ` (${matched_rule})`;
    const name = paintOutcome(outcomeNames[outcome], style);
    return [`${name}${by}, such as ${printable(case_id)}:\n    ${shown({ agent, action, context }, 200)}\n`];
  });
}

function paintOutcome(cell: string, style: Style): string {
  return cell === 'allow' || cell === 'deny' || cell === 'needs_approval' ? effectStyle(style, cell)(cell) : cell;
}

function budgetLine(summary: SimulationReport['summary']): string {
  const { estimated_cost, estimated_compute, allowed_cost, allowed_compute } = summary;
  if (estimated_cost + estimated_compute + allowed_cost + allowed_compute === 0) return '';
  const amount = (cost: number, compute: number) => `${rounded(cost)} USD, ${rounded(compute)} compute`;
  return `Budgets: ${amount(estimated_cost, estimated_compute)} need approval; ${amount(allowed_cost, allowed_compute)} are allowed\n`;
}

function rounded(value: number): string {
  return String(Math.round(value * 100) / 100);
}

const namedRules = 10;

function coverageText({ rules, never_hit }: SimulationReport['coverage'], style: Style): string {
  const covered = rules.length - never_hit.length;
  const head = `Coverage: ${covered} of ${plural(rules.length, 'rule')} decided a case (${share(covered, rules.length)})\n`;
  if (never_hit.length === 0) return head;
  const more = never_hit.length > namedRules ? ` and ${never_hit.length - namedRules} more` : '';
  return `${head}  ${style.dim('never decided a case:')} ${never_hit.slice(0, namedRules).join(', ')}${more}\n`;
}

const changesShown = 10;

/** How the cases move from one bundle to the other, as a table, and the first changes. */
export function comparisonText(report: ComparisonReport, before: string, after: string, style: Style): string {
  const { transitions, changes, total_changes, summary_a } = report;
  const columns = [
    { title: 'from \\ to' },
    ...caseOutcomes.map((outcome) => ({ title: outcomeNames[outcome], align: 'right' as const })),
  ];
  const rows = caseOutcomes.map((from) => [
    outcomeNames[from],
    ...caseOutcomes.map((to) => count(transitions[from][to])),
  ]);
  const head = `${style.bold(`${count(total_changes)} of ${plural(summary_a.total_cases, 'case')} changed`)} from ${printable(before)} to ${printable(after)}\n`;
  const listed = changes.slice(0, changesShown).flatMap((change) => {
    const side = (effect: string | null, rule: string | null) =>
      `${effect ?? 'no match'}${rule === null ? '' : ` (${rule})`}`;
    const { case_id, agent, action, context } = change;
    return [
      `  ${printable(case_id)}: ${side(change.before, change.before_rule)} → ${side(change.after, change.after_rule)}`,
      `      ${shown({ agent, action, context }, 200)}`,
    ];
  });
  const more = total_changes > changesShown ? [`  and ${count(total_changes - changesShown)} more`] : [];
  const list = [...listed, ...more].map((line) => `${line}\n`).join('');
  return `${head}${table(columns, rows, style)}${list === '' ? '' : `\n${list}`}`;
}
