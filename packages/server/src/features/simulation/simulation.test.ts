import { fixtures } from '@policy-studio/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { cases, reportOf, rules } from './simulation.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.close());
const simulate = (body: object) => reportOf(server, body);

describe('a simulation', () => {
  test('of the nine fixtures adds up', async () => {
    const { body } = await server.call('listFixtures', {});
    expect(body.fixtures).toEqual(fixtures);
    expect(body.total).toBe(9);
    const report = await simulate({ dataset: 'fixtures' });
    expect(report.summary).toEqual({
      total_cases: 9,
      allow_count: 2,
      deny_count: 3,
      approval_count: 1,
      no_match_count: 3,
      allow_rate: 2 / 9,
      deny_rate: 3 / 9,
      approval_rate: 1 / 9,
      no_match_rate: 3 / 9,
      estimated_cost: 1500,
      estimated_compute: 40,
      allowed_cost: 0.5,
      allowed_compute: 0,
      breaches: [{ kind: 'cost', limit: 1000, value: 1500, message: expect.stringContaining('1500 USD') }],
    });
    expect(report).toMatchObject({ dataset: 'fixtures', seed: null, failures: [], failure_count: 0 });
    expect(report.results.map(({ case_id }) => case_id)).toEqual(fixtures.map(({ case_id }) => case_id));
    expect(report.results[0]).toEqual({
      case_id: 'inbox_high_risk_new_domain',
      matched_rule: 'deny-risky',
      effect: 'deny',
      reason: 'risky senders are left to people',
      budget: null,
    });
    expect(report.results.find(({ case_id }) => case_id === 'planner_deploy_canary')).toMatchObject({
      matched_rule: null,
      effect: null,
    });
    expect(report.coverage.never_hit).toEqual([]);
    // Without a word about the dataset it is these.
    expect(await simulate({})).toEqual(report);
  });

  test('names breaches by the limits that are given', async () => {
    const report = await simulate({ case_limits: { cost: 1500, compute: 39 } });
    expect(report.summary.breaches.map(({ kind }) => kind)).toEqual(['compute']);
  });

  test('of custom cases is a test suite: what comes out otherwise is a failure', async () => {
    const [first, second, third] = cases(3) as [object, object, object];
    const report = await simulate({
      dataset: 'custom',
      custom_cases: [
        { ...first, expected_effect: 'deny' },
        { ...second, expected_effect: 'allow', expected_rule: 'allow-inbox' },
        { ...third, name: undefined, facts: { current_hour: 3 } },
      ],
    });
    expect(report.failure_count).toBe(1);
    expect(report.failures).toEqual([
      expect.objectContaining({ case_id: 'c0', expected: 'deny', actual: 'allow', matched_rule: 'allow-inbox' }),
    ]);
  });

  test.each([
    ['json', JSON.stringify(cases(2))],
    [
      'jsonl',
      cases(2)
        .map((one) => JSON.stringify(one))
        .join('\n'),
    ],
    ['csv', 'case_id,agent,action,risk_score\nc0,inbox.triage,quarantine,0\nc1,inbox.triage,quarantine,1'],
  ])('reads cases from %s', async (format, text) => {
    const { results, summary } = await simulate({ custom_source: { format, text } });
    expect(results.map(({ case_id }) => case_id)).toEqual(['c0', 'c1']);
    expect(summary.allow_count).toBe(2);
  });

  test('uses the lists and the default effect of the workspace', async () => {
    await server.call('putList', { params: { name: 'vips' }, body: { values: ['a@example.com'] } });
    const listed = [{ ...rules[0], id: 'vip-only', conditions: { sender: { list: 'vips' } } }];
    const custom_cases = ['a@example.com', 'b@example.com'].map((sender, index) => ({
      ...cases(2, { sender })[index],
      expected_effect: 'deny',
    }));
    const report = await simulate({ rules: listed, custom_cases });
    expect(report.results.map(({ matched_rule }) => matched_rule)).toEqual(['vip-only', null]);
    // Nothing matched, so the default effect applies, which is to deny.
    expect(report.failure_count).toBe(0);
  });

  test('of made-up cases gives the same ones for the same seed, and others for another', async () => {
    const body = { dataset: 'synthetic', synthetic_count: 200 };
    const [first, again, other] = [
      await simulate(body),
      await simulate({ ...body, seed: 1337 }),
      await simulate({ ...body, seed: 1 }),
    ];
    expect(again).toEqual(first);
    expect(first).toMatchObject({ seed: 1337, summary: { total_cases: 200 } });
    expect(other.examples).not.toEqual(first.examples);
    // They are made around what the rules test.
    expect(first.coverage.never_hit).toEqual([]);
    for (const count of [0, 1001, 1.5]) {
      const { problem } = await server.call('simulate', {
        body: { rules, dataset: 'synthetic', synthetic_count: count },
      });
      expect(problem.errors[0]?.path).toBe('/synthetic_count');
    }
  });

  test('of a stored bundle is the same as of its rules, whatever its status', async () => {
    const draft = (await server.call('createBundle', { body: { version: '3.1.4', rules } })).body;
    const { bundle_id, rules: none, ...body } = { bundle_id: draft.id, rules: undefined };
    const answer = await server.call('simulate', { body: { bundle_id, ...body } });
    expect(answer.body).toEqual(await simulate({}));
    const { problem } = await server.call('simulate', { body: { bundle_id: 999_999 } });
    expect(problem).toMatchObject({ code: 'not_found' });
    await server.db.pool.query("insert into workspace (name) values ('sim-beside')");
    const foreign = await server.call('simulate', { body: { bundle_id }, headers: { 'x-workspace': 'sim-beside' } });
    expect(foreign.status).toBe(404);
  });

  test('records and changes nothing', async () => {
    const state = async () =>
      (
        await server.db.pool.query(
          'select (select count(*) from decision) as decisions, (select count(*) from event) as events, (select count(*) from job) as jobs',
        )
      ).rows[0];
    const before = await state();
    await simulate({ dataset: 'synthetic', synthetic_count: 50 });
    await server.call('compareSimulations', { body: { rules_a: rules, rules_b: [] } });
    expect(await state()).toEqual(before);
  });
});

describe('what cannot be simulated is refused with its place', () => {
  const refused = async (body: object) => (await server.call('simulate', { body })).problem;

  test('rules with every fault', async () => {
    const broken = [
      { ...rules[0], effect: 'maybe' },
      rules[1],
      { ...rules[2], conditions: { '=>x': 1, 'y in': 3 }, unknown: 1 },
    ];
    const problem = await refused({ rules: broken });
    expect(problem).toMatchObject({ status: 422, code: 'bundle_rejected' });
    const paths = problem.errors.map(({ path }) => path);
    expect(paths[0]).toBe('/rules/0/effect');
    expect(paths.some((path) => path.startsWith('/rules/2'))).toBe(true);
    expect(problem.detail).toMatch(/^`\/rules\/0\/effect`: .*\(and \d+ more\)$/);
  });

  test('rules that read a list that is not there', async () => {
    const problem = await refused({ rules: [{ ...rules[0], conditions: { x: { list: 'nowhere' } } }] });
    expect(problem).toMatchObject({ code: 'bundle_rejected', errors: [{ path: '/rules/0/conditions/x' }] });
    expect(problem.detail).toContain('there is no list `nowhere`');
  });

  test('a stored draft that is not done yet', async () => {
    const unfinished = [{ ...rules[0], conditions: { '=>risk_score': 1 } }];
    const { id } = (await server.call('createBundle', { body: { version: '3.1.5', rules: unfinished } })).body;
    const problem = await refused({ bundle_id: id });
    expect(problem).toMatchObject({ status: 409, code: 'bundle_invalid' });
    expect(problem.detail).toContain(`bundle ${id} has an error`);
  });

  test('cases, each by its place in the request or in its text', async () => {
    const [one] = cases(1);
    const bad = [one, { ...one, case_id: 'x', agent: 'a*' }, { ...one, case_id: 'y', expected: 'deny' }, 7, one];
    const inline = await refused({ rules, custom_cases: bad.filter((each) => each !== 7) });
    expect(inline).toMatchObject({ status: 422, code: 'validation_failed' });
    expect(inline.errors.map(({ path }) => path)).toEqual([
      '/custom_cases/1/agent',
      '/custom_cases/2/expected',
      '/custom_cases/3/case_id',
    ]);
    const text = `${JSON.stringify(one)}\n{"case_id": "z"\n`;
    const source = await refused({ rules, custom_source: { format: 'jsonl', text } });
    expect(source.errors[0]).toMatchObject({
      path: '/custom_source/text',
      message: expect.stringMatching(/^line 2, column/),
    });
    expect((await refused({ rules, custom_cases: [7] })).errors[0]?.path).toBe('/custom_cases/0');
    // A suite without a case would pass whatever the rules say.
    expect((await refused({ rules, custom_cases: [] })).errors[0]?.path).toBe('/custom_cases');
  });

  test('anything else', async () => {
    const odd = [null, 1, 'x', [], [[]], [null], [1, 'two'], {}, [{}], [{ id: {} }], [{ conditions: [] }]];
    for (const value of odd) {
      for (const member of ['rules', 'custom_cases', 'custom_source', 'window', 'case_limits']) {
        const { status } = await server.call('simulate', { body: { rules, [member]: value } });
        expect([200, 422]).toContain(status);
      }
    }
    expect((await refused({ rules, custom_casez: [] })).detail).toContain('did you mean `custom_cases`?');
  });
});

describe('a comparison', () => {
  test('tells which cases change, and how', async () => {
    const softer = rules.map((rule) => (rule.id === 'deny-risky' ? { ...rule, effect: 'needs_approval' } : rule));
    const { body } = await server.call('compareSimulations', { body: { rules_a: rules, rules_b: softer } });
    if (!('deltas' in body)) throw new Error('a report was expected');
    expect(body).toMatchObject({ dataset: 'fixtures', total_changes: 3, total_effect_changes: 3 });
    expect(body.deltas).toEqual({ allow_rate: 0, deny_rate: -3 / 9, approval_rate: 3 / 9, no_match_rate: 0, cost: 0 });
    expect(body.transitions).toMatchObject({ deny: { needs_approval: 3, deny: 0 }, allow: { allow: 2 } });
    expect(body.changes[0]).toMatchObject({
      case_id: 'inbox_high_risk_new_domain',
      before: 'deny',
      after: 'needs_approval',
      before_rule: 'deny-risky',
      after_rule: 'deny-risky',
      context: fixtures[0]?.context,
    });
  });

  test('takes bundles and rules on either side and names the side that is wrong', async () => {
    const { id } = (await server.call('createBundle', { body: { version: '3.2.0', rules } })).body;
    const { body } = await server.call('compareSimulations', { body: { bundle_a: id, rules_b: rules } });
    expect(body).toMatchObject({ total_changes: 0, changes: [] });
    const wrong = await server.call('compareSimulations', { body: { bundle_a: id, rules_b: [{}] } });
    expect(wrong.problem.errors[0]?.path).toBe('/rules_b/0');
  });
});
