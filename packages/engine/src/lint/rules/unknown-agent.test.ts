import { describe, expect, it } from 'vitest';
import { applyPatch } from '../../edit/patch.js';
import { catalogOf, found, rule } from '../lint.testkit.js';

const catalog = catalogOf(['inbox.triage', 'planner.deploy'], { quarantine: null });

describe('unknown-agent', () => {
  const misspelled = rule('rule-a', 'deny', { agent: 'inbox.triag' });

  it('is an error in a strict catalog, with an edit to the nearest name', () => {
    const [finding] = found('unknown-agent', [misspelled], { catalog });
    expect(finding).toMatchObject({ severity: 'error', path: [0, 'agent'] });
    const mended = applyPatch([misspelled], finding?.suggestion?.patch ?? []);
    expect(mended).toEqual([rule('rule-a', 'deny')]);
    expect(found('unknown-agent', mended, { catalog })).toEqual([]);
  });
  it('is a warning in an open one, unless set otherwise', () => {
    const open = { catalog, catalogMode: 'open' } as const;
    expect(found('unknown-agent', [misspelled], open)).toMatchObject([{ severity: 'warning' }]);
    const severities = { 'unknown-agent': 'error' } as const;
    expect(found('unknown-agent', [misspelled], { ...open, severities })).toMatchObject([{ severity: 'error' }]);
  });
  it.each([['*'], ['inbox.*'], ['planner.deploy']])('is not said of %s', (agent) => {
    expect(found('unknown-agent', [rule('rule-a', 'deny', { agent })], { catalog })).toEqual([]);
  });
  it('is said of a pattern that matches nothing known, and of nothing without a catalog', () => {
    expect(found('unknown-agent', [rule('rule-a', 'deny', { agent: 'zzz.*' })], { catalog })).toHaveLength(1);
    expect(found('unknown-agent', [misspelled])).toEqual([]);
  });
});
