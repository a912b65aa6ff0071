import { hint, type Path, quoted } from '../diagnostic.js';
import type { Effect } from '../generated/rule.js';
import { caseLimits, type SimulationCase } from './case.js';

export type Members = Readonly<Record<string, unknown>>;
export type Report = (message: string, path: Path) => void;
export type Expectations = Pick<SimulationCase, 'expected_effect' | 'expected_rule' | 'expected_reason'>;

/** What is expected has two spellings: `expect: {effect, rule, reason}`, or three members of the case. */
export const expectationKeys = ['expect', 'expected_effect', 'expected_rule', 'expected_reason'];

const expectKeys = ['effect', 'rule', 'reason'] as const;
const effects: readonly Effect[] = ['allow', 'deny', 'needs_approval'];
const effectNames = effects.map((effect) => `\`${effect}\``).join(', ');

/** What the case expects; nothing when it says nothing. */
export function readExpectations(members: Members, report: Report): Expectations {
  const { expect } = members;
  const spelledOut = expectationKeys.slice(1).find((key) => Object.hasOwn(members, key));
  if (expect === undefined) {
    const { expected_effect: effect, expected_rule: rule, expected_reason: reason } = members;
    return checked({ effect, rule, reason }, (message, key) => report(message, [`expected_${key}`]));
  }
  if (spelledOut !== undefined) {
    report(`a case has \`expect\` or \`${spelledOut}\`, not both`, [spelledOut]);
    return {};
  }
  if (typeof expect === 'string') return checked({ effect: expect }, (message) => report(message, ['expect']));
  if (!isMembers(expect)) {
    report('say what is expected: `expect: deny`, or `expect: {effect, rule, reason}`', ['expect']);
    return {};
  }
  for (const key of Object.keys(expect)) {
    if (expectKeys.some((known) => known === key)) continue;
    report(`unknown key ${quoted(key)}${hint(key, expectKeys) || ': remove it'}`, ['expect', key]);
  }
  if (Object.keys(expect).length === 0) report('`expect` says nothing: name an effect, a rule or a reason', ['expect']);
  return checked(expect, (message, key) => report(message, ['expect', key]));
}

function checked(
  { effect, rule, reason }: { readonly effect?: unknown; readonly rule?: unknown; readonly reason?: unknown },
  report: (message: string, key: (typeof expectKeys)[number]) => void,
): Expectations {
  const found: { -readonly [K in keyof Expectations]: Expectations[K] } = {};
  if (effect !== undefined) {
    if (effects.includes(effect as Effect)) found.expected_effect = effect as Effect;
    else {
      const meant = typeof effect === 'string' ? hint(effect, effects) : '';
      report(`an expected effect is one of ${effectNames}${meant}`, 'effect');
    }
  }
  if (rule !== undefined) {
    if (rule === null || (typeof rule === 'string' && rule !== '')) found.expected_rule = rule;
    else report('an expected rule is the id of a rule, or null where none may match', 'rule');
  }
  if (reason !== undefined) {
    if (typeof reason === 'string' && reason !== '' && reason.length <= caseLimits.reasonChars) {
      found.expected_reason = reason;
    } else report(`an expected reason is a text of at most ${caseLimits.reasonChars} characters`, 'reason');
  }
  return found;
}

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
