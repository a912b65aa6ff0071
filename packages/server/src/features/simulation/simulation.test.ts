import { fixtures } from '@policy-studio/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../caller.js';
import { Refusal } from '../../refusal.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { defaultWorkspaceId, putInForce } from '../decisions/in-force.testkit.js';
import { jobById } from '../jobs/queries.js';
import { runNextJob } from '../jobs/run.js';
import { askedOf } from './asked.js';
import { simulate as command } from './commands.js';
import { jobWork } from './job.js';
import { slowCases, slowRules } from './slow.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.close());

const rules = [
  {
    id: 'deny-risky',
    agent: 'inbox.triage',
    action: '*',
    effect: 'deny',
    priority: 90,
    conditions: { '>=risk_score': 90 },
    reason: 'risky senders are left to people',
  },
  {
    id: 'ask-reindex',
    agent: 'knowledge.search',
    action: 'reindex',
    effect: 'needs_approval',
    conditions: { '>index_size_gb': 10 },
    reason: 'a large index takes hours',
    budget: { cost: 1500, compute: 40 },
  },
  {
    id: 'allow-inbox',
    agent: 'inbox.*',
    action: '*',
    effect: 'allow',
    reason: 'the inbox is the triage agent at work',
    budget: { cost: 0.25 },
  },
];

const admin: Caller = {
  workspaceId: defaultWorkspaceId,
  workspace: 'default',
  owner: 'Ada',
  role: 'admin',
  keyId: null,
  agents: ['*'],
};

/** The report of a simulation that is answered at once. */
async function simulate(body: object, rest: object = {}) {
  const answer = await server.call('simulate', { body: { rules, ...body }, ...rest });
  if (!('summary' in answer.body)) throw new Error(JSON.stringify(answer.body));
  return answer.body;
}
const cases = (count: number, context: object = {}) =>
  Array.from({ length: count }, (_, index) => ({
    case_id: `c${index}`,
    agent: 'inbox.triage',
    action: 'quarantine',
    context: { risk_score: index % 100, ...context },
  }));

describe('a simulation', () => {
  test('of the nine fixtures adds up', async () => {
    const { body } = await server.call('listFixtures', {});
    expect(body.fixtures).toEqual(fixtures);
    expect(body.fixtures).toHaveLength(9);
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

  test('more work than one answer may take', async () => {
    const asked = askedOf({ kind: 'simulate', rules: slowRules, custom_cases: slowCases(2_000) }, new Date());
    if (asked instanceof Refusal) throw new Error(asked.detail);
    const answer = await command(server.services, admin, asked, 300);
    expect(answer).toMatchObject({ code: 'too_much_work' });
    // The thread it ran in was ended with it.
    expect((await simulate({})).summary.total_cases).toBe(9);
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

describe('mutation coverage', () => {
  const measured = async (body: object) => {
    const { body: report } = await server.call('measureCases', { body: { rules, ...body } });
    if (!('score' in report)) throw new Error(JSON.stringify(report));
    return report;
  };

  test('offers a case for every change that no case notices, and those cases then notice it', async () => {
    const before = await measured({ custom_cases: cases(3) });
    expect(before.mutants).toBe(before.killed + before.survived.length + before.equivalent + before.undecided);
    expect(before.survived.length).toBeGreaterThan(3);
    const offered = before.survived.map((survivor) => survivor.case);
    // As the rules stand, every offered case passes.
    expect(await simulate({ custom_cases: offered })).toMatchObject({ failure_count: 0 });
    const after = await measured({ custom_cases: [...cases(3), ...offered] });
    expect(after).toMatchObject({ survived: [], killed: before.killed + before.survived.length });
    expect(after.score).toBeGreaterThan(before.score);
  });

  test('tries as many changes as it is told to', async () => {
    const all = await measured({});
    const few = await measured({ limit: 4 });
    expect([few.mutants, few.possible]).toEqual([4, all.possible]);
    expect(all.possible).toBeGreaterThan(4);
  });

  test('works as a job, whose progress counts mutants', async () => {
    const answer = await server.call('measureCases', { body: { rules, background: true } });
    if (!('progress' in answer.body)) throw new Error('a job was expected');
    expect([answer.status, answer.body.kind]).toEqual([202, 'mutate']);
    await runNextJob(server.services, jobWork);
    const { body: result } = await server.call('getJobResult', { params: { id: answer.body.id } });
    expect(result).toEqual(await measured({}));
  });
});

describe('a replay', () => {
  test('decides recorded requests again and counts only what can be', async () => {
    const replayed = [
      {
        id: 'by-hour',
        agent: 'night.*',
        action: '*',
        effect: 'allow',
        reason: 'only at night',
        conditions: { '<current_hour': 24 },
      },
      {
        id: 'by-spend',
        agent: 'spend.*',
        action: '*',
        effect: 'deny',
        reason: 'too much was spent',
        conditions: { '>daily_spend': 5 },
      },
      { id: 'plain', agent: 'plain.*', action: '*', effect: 'allow', reason: 'plainly allowed here' },
    ];
    await putInForce(server, { rules: replayed as never });
    const requests = ['night.a', 'spend.a', 'plain.a', 'plain.b', 'other.a'].map((agent) => ({
      agent,
      action: 'act',
      context: { n: 1 },
    }));
    await server.call('evaluateBatch', { body: { requests } });
    const same = await simulate({ rules: replayed, window: { days: 1 } });
    expect(same).toMatchObject({ dataset: 'replay', failure_count: 0, replayable: { n: 5, of: 5 } });
    expect(same.replayable?.lacking).toEqual({ redacted: 0, facts: 0, unreadable: 0 });
    expect(same.results.map(({ case_id }) => case_id)).toHaveLength(5);

    // The records know what was read then. The hour follows from their time; what was spent does not.
    const changed = [
      { ...replayed[0], effect: 'deny' },
      { ...replayed[2], id: 'plain-by-spend', agent: 'plain.a', conditions: { '<daily_spend': 100 } },
      { ...replayed[2], conditions: { 'is_weekend exists': true } },
      { ...replayed[1] },
    ];
    const report = await simulate({ rules: changed, window: { days: 1 } });
    expect(report.replayable).toEqual({ n: 4, of: 5, lacking: { redacted: 0, facts: 1, unreadable: 0 } });
    expect(report.summary.total_cases).toBe(4);
    expect(report.failures.map(({ expected, actual }) => [expected, actual])).toEqual([['allow', 'deny']]);

    const narrow = await simulate({ rules: replayed, window: { agent: 'plain.a' } });
    expect(narrow.replayable).toMatchObject({ n: 1, of: 1 });
    expect((await simulate({ rules: replayed, window: { limit: 2 } })).replayable).toMatchObject({ n: 2, of: 2 });
    expect((await simulate({ rules: replayed, window: { rule: 'by-hour' } })).replayable).toMatchObject({ n: 1 });
    expect((await simulate({ rules: replayed, window: { to: '2020-01-01T00:00:00Z' } })).replayable).toMatchObject({
      of: 0,
    });
  });

  test('leaves out records whose rules would read what was redacted', async () => {
    await server.call('putCatalogAction', {
      params: { action: 'pay' },
      body: {
        context_schema: {
          type: 'object',
          properties: { iban: { type: 'string', 'x-sensitive': true }, sum: { type: 'number' } },
        },
      },
    });
    await putInForce(server, {
      rules: [{ id: 'pay', agent: '*', action: 'pay', effect: 'allow', reason: 'pay what is due' }],
    });
    await server.call('evaluate', { body: { agent: 'bank.clerk', action: 'pay', context: { iban: 'DE02', sum: 3 } } });
    const pay = (conditions: object) => [
      { id: 'pay', agent: '*', action: 'pay', effect: 'allow', reason: 'pay what is due', conditions },
    ];
    const window = { agent: 'bank.clerk' };
    expect((await simulate({ rules: pay({ '<sum': 5 }), window })).replayable).toMatchObject({ n: 1, of: 1 });
    const blind = await simulate({ rules: pay({ 'iban starts_with': 'DE' }), window });
    expect(blind.replayable).toEqual({ n: 0, of: 1, lacking: { redacted: 1, facts: 0, unreadable: 0 } });
    expect(blind.summary.total_cases).toBe(0);
  });
});

describe('a simulation that takes long', () => {
  const many = (count: number) => cases(count).map(({ case_id, ...one }) => ({ ...one, expected_effect: 'allow' }));

  test('becomes a job above 10,000 cases, and its result is what would have been answered', async () => {
    const asked = { rules, custom_cases: many(10_001) };
    const answer = await server.call('simulate', { body: asked });
    expect(answer.status).toBe(202);
    if (!('progress' in answer.body)) throw new Error('a job was expected');
    const { id } = answer.body;
    expect(answer.headers.get('location')).toBe(`/policy/jobs/${id}`);
    expect(answer.body).toMatchObject({ kind: 'simulate', status: 'queued', progress: { done: 0, total: 10_001 } });
    expect(await runNextJob(server.services, jobWork)).toBe(true);
    expect((await server.call('getJob', { params: { id } })).body).toMatchObject({
      status: 'done',
      progress: { done: 10_001, total: 10_001 },
    });
    const { body: result } = await server.call('getJobResult', { params: { id } });
    if (!('results' in result)) throw new Error('a simulation was expected');
    expect(result.summary).toMatchObject({ total_cases: 10_001, deny_count: 1_000, allow_count: 9_001 });
    expect(result.results).toHaveLength(10_001);
    expect([result.failure_count, result.failures.length]).toEqual([1_000, 1_000]);
    // One case fewer is answered at once, and says the same of those.
    const short = await simulate({ custom_cases: many(10_000) });
    expect(short.results).toEqual(result.results.slice(0, 10_000));
  });

  test('is checked before it is put in line', async () => {
    const jobs = async () => (await server.call('listJobs', {})).body.total;
    const before = await jobs();
    const { problem } = await server.call('simulate', { body: { rules: [{}], custom_cases: many(10_001) } });
    expect(problem.code).toBe('bundle_rejected');
    const doubled = [...many(10_000), { ...many(1)[0], case_id: 'case-1' }];
    expect((await server.call('simulate', { body: { rules, custom_cases: doubled } })).problem.code).toBe(
      'validation_failed',
    );
    const { problem: tooMany } = await server.call('simulate', { body: { rules, custom_cases: many(100_001) } });
    expect(tooMany.errors[0]).toMatchObject({ path: '/custom_cases' });
    expect(await jobs()).toBe(before);
  });

  test.each([
    ['simulate', { rules }],
    ['compareSimulations', { rules_a: rules, rules_b: [] }],
  ] as const)('can be made a job by whoever asks: %s', async (operation, body) => {
    const now = await server.call(operation, { body });
    const later = await server.call(operation, { body: { ...body, background: true } });
    expect(later.status).toBe(202);
    if (!('progress' in later.body)) throw new Error('a job was expected');
    await runNextJob(server.services, jobWork);
    const { body: result } = await server.call('getJobResult', { params: { id: later.body.id } });
    expect(result).toEqual(now.body);
  });

  test('runs on the rules and lists of the moment it was asked for', async () => {
    const put = (values: string[]) => server.call('putList', { params: { name: 'moving' }, body: { values } });
    await put(['a']);
    const listed = [{ ...rules[0], id: 'listed', conditions: { who: { list: 'moving' } } }];
    const { id: bundle_id } = (await server.call('createBundle', { body: { version: '4.0.0', rules: listed } })).body;
    const body = { bundle_id, custom_cases: cases(1, { who: 'a' }), background: true };
    const { body: job } = await server.call('simulate', { body });
    if (!('progress' in job)) throw new Error('a job was expected');
    await put(['b']);
    await server.call('updateBundle', { params: { id: bundle_id }, body: { rules: [] } });
    await server.call('deleteList', { params: { name: 'moving' } });
    await runNextJob(server.services, jobWork);
    const { body: result } = await server.call('getJobResult', { params: { id: job.id } });
    expect(result).toMatchObject({ results: [{ matched_rule: 'listed' }] });
  });

  test('replays more than 10,000 records as a job, and tells apart what cannot be read', async () => {
    await server.db.pool.query(
      `insert into decision (workspace_id, id, generation, arm, agent, action, key_id, owner, effect, policy_effect, failed,
                             source, day, context, detail)
       select 1, (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || '7000' || '8'
                  || lpad(to_hex(n), 15, '0'))::uuid,
              1, 'stable', 'bulk.agent', 'act', 0, 'test', 'allow', 'allow', false, 'api', now()::date,
              case when n % 100 = 0 then '"no object"' else '{"n": ' || n || '}' end::json, '{"facts": {}}'
         from generate_series(1, 10050) n`,
    );
    const even = [
      {
        id: 'half',
        agent: 'bulk.agent',
        action: '*',
        effect: 'deny',
        reason: 'the lower half',
        conditions: { '<=n': 5_025 },
      },
    ];
    const window = { agent: 'bulk.agent', limit: 20_000 };
    const answer = await server.call('simulate', { body: { rules: even, window } });
    if (!('progress' in answer.body)) throw new Error('a job was expected');
    expect(answer.body.progress.total).toBe(10_050);
    await runNextJob(server.services, jobWork);
    const { body: result } = await server.call('getJobResult', { params: { id: answer.body.id } });
    if (!('results' in result)) throw new Error('a simulation was expected');
    expect(result.replayable).toEqual({ n: 9_950, of: 10_050, lacking: { redacted: 0, facts: 0, unreadable: 100 } });
    // Newest first, each once: n counts down, but for the hundredth ones.
    expect(result.summary).toMatchObject({ total_cases: 9_950, deny_count: 4_975, no_match_count: 4_975 });
    expect(new Set(result.results.map(({ case_id }) => case_id)).size).toBe(9_950);
    // The default effect denies the other half, so every one of them comes out otherwise than recorded.
    expect(result.failure_count).toBe(9_950);
    // Up to 10,000 of them are answered at once: the newest.
    const newest = await simulate({ rules: even, window: { agent: 'bulk.agent' } });
    expect(newest.replayable).toMatchObject({ of: 10_000 });
    expect(newest.results).toEqual(result.results.slice(0, newest.results.length));
  });

  test('stops in the middle when it is canceled', async () => {
    const body = { rules: slowRules, custom_cases: slowCases(2_000), background: true };
    const { body: job } = await server.call('simulate', { body });
    if (!('progress' in job)) throw new Error('a job was expected');
    const started = performance.now();
    const running = runNextJob(server.services, jobWork, { heartbeatMs: 50 });
    const read = async () => (await server.call('getJob', { params: { id: job.id } })).body;
    await expect.poll(async () => (await read()).status).toBe('running');
    await server.call('cancelJob', { params: { id: job.id } });
    await running;
    expect(performance.now() - started).toBeLessThan(5_000);
    expect((await jobById(server.db.pool, defaultWorkspaceId, job.id))?.status).toBe('canceled');
    // The lane is free again.
    expect((await server.call('simulate', { body: { rules, background: true } })).status).toBe(202);
    expect(await runNextJob(server.services, jobWork)).toBe(true);
  });
});
