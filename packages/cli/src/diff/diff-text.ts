import type { Effect, Rule, RuleChanges, SemanticChange, SemanticDiff, UndecidedReason } from '@policy-studio/engine';
import { count, plural, printable, type Style, shown } from '../output.js';
import type { RecordedChanges } from './recorded.js';

export interface DiffResult extends RuleChanges<Rule> {
  readonly before: DiffSide;
  readonly after: DiffSide;
  readonly semantic: SemanticDiff;
  readonly recorded: RecordedChanges | null;
}

export interface DiffSide {
  readonly file: string;
  readonly digest: string;
  readonly rules: number;
}

const done: Readonly<Record<Effect, string>> = {
  allow: 'allowed',
  deny: 'denied',
  needs_approval: 'put to a person',
};
const strictness: Readonly<Record<Effect, number>> = { allow: 0, needs_approval: 1, deny: 2 };

/** Whether the later side allows more, less, or the same with another budget or number of approvers. */
export function directionOf({ from, to }: Pick<SemanticChange, 'from' | 'to'>): 'looser' | 'stricter' | 'terms' {
  const step = strictness[to] - strictness[from];
  return step === 0 ? 'terms' : step < 0 ? 'looser' : 'stricter';
}

/** Agents and actions as rules of either side name them. */
export interface NamedPatterns {
  readonly agents: ReadonlySet<string>;
  readonly actions: ReadonlySet<string>;
}

/** What changes, as a sentence. */
export function changeSentence(
  { agent, action, from, to }: Pick<SemanticChange, 'agent' | 'action' | 'from' | 'to'>,
  named: NamedPatterns,
): string {
  const who = `${words('agent', agent, named.agents)}, ${words('action', action, named.actions)}`;
  if (from !== to) return `${who}: some requests that were ${done[from]} are now ${done[to]}`;
  return `${who}: some requests are ${done[to]} as before, but with another budget or number of approvers`;
}

/** Which rules decide the example of a change. */
export function decidedBy({ from, to }: SemanticChange['rules']): string {
  const by = (rule: string | null) => (rule === null ? 'the default effect' : `\`${rule}\``);
  return from === to ? by(to) : `${by(from)}, now ${by(to)}`;
}

/** A pattern stands for the names that no narrower one matches. */
function words(kind: 'agent' | 'action', pattern: string, named: ReadonlySet<string>): string {
  if (!pattern.endsWith('*')) return `${kind} \`${pattern}\``;
  const stem = pattern.slice(0, -1);
  const apart = [...named].some((other) => other !== pattern && other !== '*' && other.startsWith(stem));
  return `${pattern === '*' ? `any ${kind}` : `${kind}s \`${pattern}\``}${apart ? ' that no rule names' : ''}`;
}

const openReasons: Readonly<Record<UndecidedReason, string>> = {
  budget: 'it takes more work than is allowed for one answer',
  matches: 'it depends on a `matches` pattern',
  field: 'it depends on a comparison of two fields',
  domain_in: 'it depends on a `domain_in` test',
  normalize: 'it depends on how a list normalizes its values',
  text: 'it depends on tests of the same text that cannot be combined',
  schema: 'it depends on a schema of the catalog',
};

export function undecidedSentence(
  { reason, ...change }: SemanticDiff['undecided'][number],
  named: NamedPatterns,
): string {
  return `perhaps ${changeSentence(change, named)} (${decidedBy(change.rules)}): not decided, since ${openReasons[reason]}`;
}

/** A request as `evaluate --request -` reads it, on one line. */
export function witnessText({ agent, action, context }: SemanticChange['witness']): string {
  return shown({ agent, action, context }, 4000);
}

/** The difference for people: what is decided otherwise, then what was written otherwise. */
export function diffText(result: DiffResult, named: NamedPatterns, style: Style): string {
  const { semantic, before, after } = result;
  const head = style.bold(`${printable(before.file)} → ${printable(after.file)}`);
  const body = [
    ...changeLines(result, named, style),
    ...semantic.undecided.map((open) => `  ${style.yellow('?')} ${printable(undecidedSentence(open, named))}`),
  ];
  return [head, verdict(semantic), ...body, '', ...ruleLines(result, style), ...recordedLines(result), ''].join('\n');
}

function verdict({ equal, changes, undecided }: SemanticDiff): string {
  if (equal) return 'No decision changes. This is proven for every possible request.';
  if (changes.length === 0)
    return `No change was found, but ${plural(undecided.length, 'kind')} of requests could not be decided:`;
  const open = undecided.length === 0 ? '' : `, and ${count(undecided.length)} could not be decided`;
  return `${plural(changes.length, 'kind')} of requests ${changes.length === 1 ? 'is' : 'are'} decided otherwise${open}:`;
}

function changeLines({ semantic, recorded }: DiffResult, named: NamedPatterns, style: Style): string[] {
  return semantic.changes.flatMap((change, index) => {
    const direction = directionOf(change);
    const paint = { looser: style.red, stricter: style.green, terms: style.yellow }[direction];
    const seen =
      recorded === null
        ? []
        : [`           ${style.dim('recorded:')} ${plural(recorded.by_change[index] ?? 0, 'request')}`];
    return [
      `  ${paint(direction.padEnd(8))} ${printable(changeSentence(change, named))}`,
      `           ${style.dim('for example:')} ${printable(witnessText(change.witness))}`,
      `           ${style.dim('decided by:')} ${printable(decidedBy(change.rules))}`,
      ...seen,
    ];
  });
}

const idsShown = 10;

function ruleLines({ rules_added, rules_removed, rules_modified, summary }: DiffResult, style: Style): string[] {
  const { added, removed, modified, unchanged } = summary;
  const list = (ids: readonly string[]) =>
    `${ids.slice(0, idsShown).join(', ')}${ids.length > idsShown ? ` and ${count(ids.length - idsShown)} more` : ''}`;
  const lines: string[] = [];
  if (added > 0) lines.push(`  ${style.green('+')} ${list(rules_added.map(({ id }) => id))}`);
  if (removed > 0) lines.push(`  ${style.red('-')} ${list(rules_removed.map(({ id }) => id))}`);
  for (const { id, changed_fields } of rules_modified.slice(0, idsShown)) {
    lines.push(`  ${style.yellow('~')} ${id}: ${changed_fields.join(', ')}`);
  }
  if (modified > idsShown) lines.push(`  ${style.yellow('~')} and ${count(modified - idsShown)} more`);
  const counts = [`${count(added)} added`, `${count(removed)} removed`, `${count(modified)} modified`];
  return [`Rules: ${counts.join(', ')}, ${count(unchanged)} unchanged`, ...lines];
}

function recordedLines({ recorded }: DiffResult): string[] {
  if (recorded === null) return [];
  const { requests, changed, approvals, approval_count: needed } = recorded;
  const people =
    approvals?.sentence ??
    `${count(needed.after)} of them need approval, ${count(needed.before)} before (no times, so it is not known how many a day)`;
  return [`Recorded requests: ${count(changed)} of ${count(requests)} decided otherwise`, `People: ${people}`];
}
