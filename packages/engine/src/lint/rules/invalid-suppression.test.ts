import { describe, expect, it } from 'vitest';
import { applyPatch } from '../../edit/patch.js';
import { found, rule } from '../lint.testkit.js';
import { lint } from '../run.js';

const ignoring = (lint_ignore: unknown, more = {}) => [
  rule('rule-a', 'allow', { action: '*', metadata: { lint_ignore }, ...more }),
];
const reason = 'One agent, reviewed tools only.';

describe('invalid-suppression', () => {
  it.each([
    ['no object', true, ['metadata', 'lint_ignore']],
    ['a list of codes', ['wide-allow'], ['metadata', 'lint_ignore']],
    ['no reason', { 'wide-allow': true }, ['metadata', 'lint_ignore', 'wide-allow']],
    ['a short reason', { 'wide-allow': 'because' }, ['metadata', 'lint_ignore', 'wide-allow']],
    ['a code that is none', { 'wide-alow': reason }, ['metadata', 'lint_ignore', 'wide-alow']],
    ['an error', { 'invalid-rule': reason }, ['metadata', 'lint_ignore', 'invalid-rule']],
  ])('is said of %s, which suppresses nothing', (_, ignored, path) => {
    const rules = ignoring(ignored);
    expect(found('invalid-suppression', rules)).toMatchObject([{ severity: 'warning', path: [0, ...path] }]);
    expect(found('wide-allow', rules)).toHaveLength(1);
  });
  it('mends a misspelled code', () => {
    const rules = ignoring({ 'wide-alow': reason });
    const [finding] = found('invalid-suppression', rules);
    const report = lint(applyPatch(rules, finding?.suggestion?.patch ?? []), { lists: {} });
    expect(report.suppressed).toMatchObject([{ code: 'wide-allow', reason }]);
  });
  it('is said of a code that is an error by the settings, not by itself', () => {
    expect(found('invalid-suppression', ignoring({ 'wide-allow': reason }))).toEqual([]);
    const severities = { 'wide-allow': 'error' } as const;
    expect(found('invalid-suppression', ignoring({ 'wide-allow': reason }), { severities })).toHaveLength(1);
  });
  it('tells a missing reason, an error, from a short one', () => {
    const ignored = { 'wide-allow': reason, 'missing-reason': 'The id says it all.' };
    expect(found('invalid-suppression', ignoring(ignored, { reason: '' }))).toHaveLength(1);
    expect(found('invalid-suppression', ignoring(ignored, { reason: 'Short' }))).toEqual([]);
  });
  it('is said of broken rules, and can itself not be suppressed', () => {
    const rules = [{ ...ignoring({ nonsense: 1, 'invalid-suppression': reason })[0], effect: 'x' }];
    expect(found('invalid-suppression', rules).length).toBeGreaterThan(0);
  });
});
