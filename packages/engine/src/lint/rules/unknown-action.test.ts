import { describe, expect, it } from 'vitest';
import { type CompiledCatalog, compileCatalog } from '../../catalog/compiled-catalog.js';
import { applyPatch } from '../../edit/patch.js';
import { catalogOf, found, rule } from '../lint.testkit.js';

const catalog = catalogOf(['inbox.triage'], { quarantine: null, 'github.create_issue': null });

describe('unknown-action', () => {
  it('is an error in a strict catalog, with an edit to the nearest name', () => {
    const rules = [rule('rule-a', 'deny', { action: 'github.create_isue' })];
    const [finding] = found('unknown-action', rules, { catalog });
    expect(finding).toMatchObject({ severity: 'error', path: [0, 'action'] });
    const mended = applyPatch(rules, finding?.suggestion?.patch ?? []);
    expect(mended).toEqual([rule('rule-a', 'deny', { action: 'github.create_issue' })]);
    expect(found('unknown-action', rules, { catalog, catalogMode: 'open' })).toMatchObject([{ severity: 'warning' }]);
  });
  it.each([['*'], ['github.*'], ['quarantine']])('is not said of %s', (action) => {
    expect(found('unknown-action', [rule('rule-a', 'deny', { action })], { catalog })).toEqual([]);
  });
  it('looks for the action of an unknown agent among all', () => {
    const known = rule('rule-a', 'deny', { agent: 'nobody' });
    expect(found('unknown-action', [known], { catalog })).toEqual([]);
    expect(found('unknown-action', [{ ...known, action: 'nothing' }], { catalog })).toHaveLength(1);
  });
  it('says so when the action is for other agents', () => {
    const part = { description: '', annotations: {}, context_schema: null, risk: null, cost: null };
    const compiled = compileCatalog({
      agents: ['inbox.triage', 'planner.deploy'].map((agent) => ({ agent, description: '' })),
      actions: [{ action: 'deploy', agents: ['planner.*'], ...part }],
    }) as CompiledCatalog;
    const [finding] = found('unknown-action', [rule('rule-a', 'deny', { action: 'deploy' })], { catalog: compiled });
    expect(finding?.message).toContain('only for others');
    expect(
      found('unknown-action', [rule('rule-a', 'deny', { agent: '*', action: 'deploy' })], { catalog: compiled }),
    ).toEqual([]);
  });
});
