import type { CandidateTrace, TraceNode } from '@policy-studio/engine';
import { IconCheck, IconChevronRight, IconX } from '@tabler/icons-react';
import classes from './DecisionTrace.module.css';
import { Effect } from './effect.js';
import { operatorWords } from './rule-sentence.js';

/** Why a decision came out as it did: every candidate in order, each condition with the actual value. */
export function DecisionTrace({
  trace,
  truncated,
}: {
  readonly trace: readonly CandidateTrace[];
  readonly truncated: number;
}) {
  return (
    <div className={classes.trace}>
      {trace.map((candidate) => (
        <Candidate key={candidate.rule_id} candidate={candidate} />
      ))}
      {truncated > 0 ? <p className={classes.more}>{truncated} more candidates are not shown.</p> : null}
    </div>
  );
}

/** The winner stands open; the others say in one line why they did not decide. */
function Candidate({ candidate }: { readonly candidate: CandidateTrace }) {
  const { rule_id, effect, priority, matched, winner, condition } = candidate;
  const verdict = winner ? 'Decides' : matched ? 'Also matches' : (firstReason(condition) ?? 'Does not match');
  return (
    <details className={classes.candidate} open={winner}>
      <summary className={classes.summary}>
        <IconChevronRight size={14} className={classes.chevron} aria-hidden />
        <Effect effect={effect} as="icon" />
        <span className={classes.id} data-winner={winner || undefined}>
          {rule_id}
        </span>
        <span className={classes.verdict} data-winner={winner || undefined}>
          {verdict}
        </span>
        <span className={classes.priority} title="priority">
          {priority}
        </span>
      </summary>
      <Node node={condition} depth={0} top />
    </details>
  );
}

/** The first test that was not met, as `sender is missing`. */
function firstReason(node: TraceNode): string | null {
  if (node.kind !== 'test') {
    for (const part of node.of) {
      const reason = firstReason(part);
      if (reason !== null) return reason;
    }
    return null;
  }
  if (node.result === 'met') return null;
  if (node.result === 'missing') return `${node.field} is missing`;
  return `${node.field} is ${valueText(node.actual)}`;
}

function isMet(node: TraceNode): boolean {
  return node.kind === 'test' ? node.result === 'met' : node.result;
}

interface NodeProps {
  readonly node: TraceNode;
  readonly depth: number;
  /** The outermost `all` is the rule itself and needs no line. */
  readonly top?: boolean;
}

function Node({ node, depth, top = false }: NodeProps) {
  if (node.kind === 'test') return <TestLine node={node} depth={depth} />;
  if (top && node.kind === 'all') {
    if (node.of.length === 0) return <p className={classes.always}>It has no conditions, so it always matches.</p>;
    return node.of.map((part) => <Node key={keyOf(part)} node={part} depth={depth} />);
  }
  const met = node.of.filter(isMet).length;
  const words = node.kind === 'not' ? 'unless' : node.kind;
  return (
    <>
      <Line met={node.result} depth={depth} what={<code>{words}</code>} value={`${met} of ${node.of.length}`} />
      {node.of.map((part) => (
        <Node key={keyOf(part)} node={part} depth={depth + 1} />
      ))}
    </>
  );
}

function TestLine({ node, depth }: { readonly node: TraceNode & { readonly kind: 'test' }; readonly depth: number }) {
  const { field, operator, expected, actual, result } = node;
  const list = typeof expected === 'object' && expected !== null && 'list' in expected;
  const words = operatorWords(operator, list ? { kind: 'list', name: '' } : { kind: 'value', value: null });
  const value =
    result === 'missing'
      ? 'missing'
      : result === 'mismatch'
        ? `${valueText(actual)}, of another type`
        : valueText(actual);
  const what = (
    <>
      <code>{field}</code> {words} <code>{expectedText(expected)}</code>
    </>
  );
  return <Line met={result === 'met'} depth={depth} what={what} value={value} />;
}

interface LineProps {
  readonly met: boolean;
  readonly depth: number;
  readonly what: React.ReactNode;
  readonly value: string;
}

function Line({ met, depth, what, value }: LineProps) {
  return (
    <div className={classes.line} data-met={met || undefined} style={{ paddingInlineStart: 22 + depth * 18 }}>
      {met ? <IconCheck size={14} aria-label="met" /> : <IconX size={14} aria-label="not met" />}
      <span className={classes.what}>{what}</span>
      <code className={classes.actual}>{value}</code>
    </div>
  );
}

function keyOf(node: TraceNode): string {
  return node.kind === 'test'
    ? `${node.field} ${node.operator} ${JSON.stringify(node.expected)}`
    : JSON.stringify(node);
}

function valueText(value: unknown): string {
  return JSON.stringify(value) ?? 'missing';
}

function expectedText(expected: unknown): string {
  if (Array.isArray(expected))
    return expected.length > 4 ? `${expected.length} values` : expected.map(String).join(', ');
  if (typeof expected === 'object' && expected !== null) return String(Object.values(expected)[0]);
  return String(expected);
}
