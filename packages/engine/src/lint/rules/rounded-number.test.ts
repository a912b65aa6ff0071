import { describe, expect, it } from 'vitest';
import { allOf, found, rule } from '../lint.testkit.js';
import { lintSource } from '../run.js';

const yaml = `rules:
  - id: rule-a
    agent: inbox.triage
    action: quarantine
    effect: deny
    conditions:
      any:
        - account: 9007199254740993
        - amount in:
            - 5
            - 1e-400
    reason: A reason for a test.
`;
const said = (text: string, format: 'json' | 'yaml') =>
  allOf(lintSource(text, format, { lists: {} })).filter(({ code }) => code === 'rounded-number');

describe('rounded-number', () => {
  it('is a warning at the number, in YAML', () => {
    expect(said(yaml, 'yaml')).toMatchObject([
      { severity: 'warning', rule_id: 'rule-a', path: [0, 'conditions', 'any', 0, 'account'], line: 8, column: 11 },
      { rule_id: 'rule-a', path: [0, 'conditions', 'any', 1, 'amount in', 1], line: 11, column: 15 },
    ]);
    const [large, small] = said(yaml, 'yaml');
    expect(large?.message).toContain('`9007199254740993` is read as 9007199254740992');
    expect(small?.message).toContain('`1e-400` is read as 0');
  });
  it('is the same in JSON', () => {
    const text = JSON.stringify([rule('rule-a', 'deny', { conditions: { '>amount': 7 } })], null, 1);
    expect(said(text.replace('7', '-12345678901234567891'), 'json')).toMatchObject([
      { rule_id: 'rule-a', path: [0, 'conditions', '>amount'], line: 9, column: 4 },
    ]);
    expect(said(text, 'json')).toEqual([]);
  });
  it('is said of rules that are refused, too', () => {
    expect(said('[{"id": "rule-a", "priority": 9007199254740993}]', 'json')).toMatchObject([
      { rule_id: 'rule-a', path: [0, 'priority'] },
    ]);
  });
  it('is not said where only the number as read is known', () => {
    expect(found('rounded-number', [rule('rule-a', 'deny', { conditions: { n: 2 ** 53 } })])).toEqual([]);
  });
});
