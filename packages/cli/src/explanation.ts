import type { Explanation, TraceNode } from '@policy-studio/engine';
import type { LocalDecision } from '@policy-studio/sdk';
import { effectStyle, plural, printable, type Style, shown } from './output.js';

/** A decision for people: the effect, then one line each for what there is to say. */
export function decisionText(decision: LocalDecision, style: Style): string {
  const { effect, matched_rule, reason, budget, errors, facts_used: facts, overlays, bundle } = decision;
  const lines = [
    `${style.bold(effectStyle(style, effect)(effect))}`,
    field('rule', matched_rule ?? 'none', style),
    field('reason', reason === '' ? '-' : printable(reason), style),
  ];
  if (budget !== null) {
    const parts = Object.entries(budget).map(([name, value]) => `${name} ${value}`);
    lines.push(field('budget', parts.join(', '), style));
  }
  for (const { code, rule_id, field: name, operator } of errors) {
    const where = code === 'work_exhausted' ? '' : `: ${rule_id ?? ''}: \`${name ?? ''} ${operator ?? ''}\``;
    lines.push(field('error', `${code}${printable(where)}`, style));
  }
  for (const [name, value] of Object.entries(facts)) lines.push(field('fact', `${name} = ${shown(value)}`, style));
  for (const { kind, detail } of overlays) lines.push(field('note', `${kind}: ${printable(detail)}`, style));
  if (bundle !== null) lines.push(field('digest', bundle.digest, style));
  return lines.map((line) => `${line}\n`).join('');
}

function field(name: string, value: string, style: Style): string {
  return `${style.dim(name.padEnd(8))}${value}`;
}

/** Every candidate rule with every condition, in decision order. */
export function traceText({ trace, truncated }: Pick<Explanation, 'trace' | 'truncated'>, style: Style): string {
  if (trace.length === 0) return 'no rule names this agent and action\n';
  const blocks = trace.map((candidate) => {
    const { rule_id, effect, priority, matched, winner } = candidate;
    const verdict = winner ? style.bold('decides') : matched ? 'matches, but comes later' : style.dim('does not match');
    const head = `${style.bold(rule_id)}  ${effectStyle(style, effect)(effect)}  priority ${priority}  ${verdict}\n`;
    return head + nodeLines(candidate.condition, 1, style).join('');
  });
  const rest = truncated > 0 ? [`and ${plural(truncated, 'more candidate')}, not traced\n`] : [];
  return [`${plural(trace.length + truncated, 'candidate rule')}, in decision order\n`, ...blocks, ...rest].join('\n');
}

const verdictWidth = 'mismatch'.length;

function nodeLines(node: TraceNode, depth: number, style: Style): string[] {
  const indent = '  '.repeat(depth);
  if (node.kind === 'test') {
    const { field: name, operator, expected, actual, result } = node;
    const word = { met: 'met', not_met: 'not met', missing: 'missing', mismatch: 'mismatch' }[result];
    const paint = { met: style.green, not_met: style.red, missing: style.yellow, mismatch: style.yellow }[result];
    const test = `${printable(name)} ${operator} ${shown(expected)}`;
    const found = actual === undefined ? '' : style.dim(`   (is ${shown(actual)})`);
    return [`${indent}${paint(word.padEnd(verdictWidth))}  ${test}${found}\n`];
  }
  if (node.kind === 'all' && node.of.length === 0) return [`${indent}${style.dim('no conditions: always')}\n`];
  const head = `${indent}${node.kind}: ${node.result ? style.green('holds') : style.red('does not hold')}\n`;
  return [head, ...node.of.flatMap((child) => nodeLines(child, depth + 1, style))];
}
