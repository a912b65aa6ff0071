import { type CompiledPolicy, type DecisionRequest, explain, nearest, type TraceNode } from '@policy-studio/engine';
import { shown } from '../output.js';

const testsShown = 3;

/** Why this rule did not decide the request, in words. */
export function whyNot(policy: CompiledPolicy, request: DecisionRequest, rule: string, ids: readonly string[]): string {
  if (!ids.includes(rule)) {
    const near = nearest(rule, ids);
    return `there is no rule \`${rule}\`${near === null ? '' : `, did you mean \`${near}\`?`}`;
  }
  const { decision, trace } = explain(policy, request);
  const candidate = trace.find(({ rule_id }) => rule_id === rule);
  if (candidate === undefined) return `\`${rule}\` is disabled, or not about this agent and action`;
  if (candidate.matched) return `\`${rule}\` matches too, but \`${decision.matched_rule ?? ''}\` comes before it`;
  const open = failingTests(candidate.condition);
  const more = open.length > testsShown ? ` and ${open.length - testsShown} more` : '';
  return `\`${rule}\` does not match: ${open.slice(0, testsShown).join(', ')}${more}`;
}

/** The conditions that keep a condition from holding. */
function failingTests(node: TraceNode): string[] {
  if (node.kind !== 'test') {
    if (node.kind === 'not') return ['what stands in its `not` holds'];
    return node.of.flatMap((child) => (holds(child) ? [] : failingTests(child)));
  }
  const { field, operator, expected, actual, result } = node;
  const found = {
    met: '',
    not_met: `it is ${shown(actual, 60)}`,
    missing: 'it is missing',
    mismatch: `it is ${shown(actual, 60)}, of another type`,
  }[result];
  return [`\`${field} ${operator} ${shown(expected, 60)}\` is not met (${found})`];
}

function holds(node: TraceNode): boolean {
  return node.kind === 'test' ? node.result === 'met' : node.result;
}
