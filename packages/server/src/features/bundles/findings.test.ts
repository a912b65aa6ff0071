import { describe, expect, test } from 'vitest';
import { findings, rulesRejected, structuralFaults } from './findings.js';
import { newlyAllowedRisk } from './risk.js';

const rule = (id: string, rest: Readonly<Record<string, unknown>> = {}) => ({
  id,
  agent: 'a',
  action: 'b',
  effect: 'allow',
  reason: 'a reason long enough',
  ...rest,
});

describe('findings', () => {
  test('stand in the order of the rules, whatever found them', () => {
    const rules = [
      rule('r-0', { conditions: { x: { list: 'gone' } } }),
      rule('r-1', { reason: undefined }),
      rule('r-2', { conditions: { '=>x': 1 } }),
      rule('r-3', { conditions: { x: { list: 'gone' } } }),
    ];
    const { errors } = findings(rules, {});
    expect(errors.map(({ code, path }) => [code, path[0]])).toEqual([
      ['invalid-condition', 0],
      ['missing-reason', 1],
      ['invalid-condition', 2],
      ['invalid-condition', 3],
    ]);
    expect(findings([rules[0]], { gone: { values: [] } }).errors).toEqual([]);
  });

  test.each([
    [undefined, 'error'],
    ['', 'error'],
    ['   ', 'error'],
    ['nine char', 'warning'],
    ['ten chars!', null],
    ['ééééééééé', 'warning'],
    ['😀'.repeat(9), 'warning'],
  ])('a reason of %j gives %s', (reason, severity) => {
    const { errors, warnings } = findings([rule('one', { reason })], {});
    expect([...errors, ...warnings].map((finding) => finding.severity)).toEqual(severity === null ? [] : [severity]);
  });
});

describe('what keeps rules from being saved', () => {
  test('is structure and limits, not conditions that do not parse', () => {
    expect(structuralFaults([rule('one', { conditions: { '=>x': 1 } })])).toEqual([]);
    expect(structuralFaults([rule('one'), rule('one')])).toMatchObject([{ code: 'duplicate-id' }]);
    expect(structuralFaults([rule('one', { tags: ['\u0000'] })])).toMatchObject([{ code: 'invalid-rule', path: [0] }]);
  });

  test('is told with pointers into the bundle', () => {
    const refusal = rulesRejected([rule('one', { 'a/b~c': 1 })]);
    expect(refusal?.errors).toMatchObject([{ path: '/rules/0/a~1b~0c' }]);
    expect(rulesRejected([])).toBeNull();
  });
});

describe('newly allowed risk', () => {
  const risky = rule('one', { budget: { risk: 'high' } });

  test('is the highest among allowing rules that are not in force just so', () => {
    expect(newlyAllowedRisk([risky, rule('two', { budget: { risk: 'low' } })], [])).toBe('high');
    expect(newlyAllowedRisk([risky], [risky])).toBeNull();
    expect(newlyAllowedRisk([], [risky])).toBeNull();
    expect(newlyAllowedRisk([rule('two')], [])).toBeNull();
  });

  test.each([{ agent: '*' }, { priority: 60 }, { conditions: { x: 1 } }, { budget: { risk: 'high', cost: 1 } }])(
    'counts a rule changed in what it decides: %j',
    (change) => expect(newlyAllowedRisk([{ ...risky, ...change }], [risky])).toBe('high'),
  );

  test.each([{ reason: 'another reason' }, { tags: ['x'] }, { metadata: { note: 1 } }, { priority: 50 }])(
    'does not count what changes no decision: %j',
    (change) => expect(newlyAllowedRisk([{ ...risky, ...change }], [risky])).toBeNull(),
  );

  test('counts a rule that denied or was switched off before', () => {
    expect(newlyAllowedRisk([risky], [{ ...risky, effect: 'deny' }])).toBe('high');
    expect(newlyAllowedRisk([risky], [{ ...risky, enabled: false }])).toBe('high');
  });
});
