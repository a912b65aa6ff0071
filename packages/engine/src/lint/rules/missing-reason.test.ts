import { describe, expect, it } from 'vitest';
import { found, rule } from '../lint.testkit.js';

describe('missing-reason', () => {
  it.each([
    ['no reason', { id: 'rule-a', agent: '*', action: '*', effect: 'deny' }, 'error'],
    ['an empty one', rule('rule-a', 'deny', { reason: '' }), 'error'],
    ['spaces alone', rule('rule-a', 'deny', { reason: '          ' }), 'error'],
    ['nine characters', rule('rule-a', 'deny', { reason: 'too short' }), 'warning'],
    ['nine emoji, eighteen units', rule('rule-a', 'deny', { reason: '\u{1F600}'.repeat(9) }), 'warning'],
  ])('is said of %s', (_, written, severity) => {
    const findings = found('missing-reason', [written]);
    expect(findings.map((finding) => [finding.severity, finding.path])).toEqual([[severity, [0, 'reason']]]);
  });
  it('is not said of ten characters, nor of what is no text and refused as such', () => {
    expect(found('missing-reason', [rule('rule-a', 'deny', { reason: '0123456789' })])).toEqual([]);
    expect(found('missing-reason', [{ ...rule('rule-a', 'deny'), reason: 5 }])).toEqual([]);
  });
  it('is said of rules that are broken or disabled, too', () => {
    expect(found('missing-reason', [{ id: 'rule-a', effect: 'nonsense' }])).toHaveLength(1);
    expect(found('missing-reason', [rule('rule-a', 'deny', { reason: '', enabled: false })])).toHaveLength(1);
  });
});
