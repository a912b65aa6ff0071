import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { putInForce } from '../decisions/in-force.testkit.js';
import { runNextJob } from '../jobs/run.js';
import { jobWork } from './job.js';
import { reportOf } from './simulation.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.close());
const simulate = (body: object) => reportOf(server, body);

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

  test('finds every record as it was under the rules, lists and facts that decided it', async () => {
    const reads = (id: string, conditions: object, effect = 'allow') => ({
      id,
      agent: 'many.*',
      action: '*',
      effect,
      reason: 'one of many',
      conditions,
    });
    const policy = [
      reads('by-list', { 'who in': { list: 'crowd' } }, 'deny'),
      reads('by-session', { '>session_spend': 0 }, 'deny'),
      reads('by-calls', { '>calls_last_hour': 40 }, 'needs_approval'),
      reads('by-hour', { '<=current_hour': 23, kind: ['a', 'b'] }),
      reads('by-n', { '>=n': 5, not: { kind: 'c' } }),
    ];
    await putInForce(server, { rules: policy as never, lists: { crowd: { values: ['eve', 7] } } });
    const odd = [0, 3, 9, '9', null, true, [5], { n: 5 }];
    const requests = Array.from({ length: 240 }, (_, index) => ({
      agent: `many.${index % 3}`,
      action: 'act',
      context: { n: odd[index % 8], kind: 'abcd'[index % 5], who: ['eve', 'bob', 7][index % 7] },
      ...(index % 4 === 0 ? { session: `s${index % 6}` } : {}),
    }));
    for (let at = 0; at < requests.length; at += 60) {
      await server.call('evaluateBatch', { body: { requests: requests.slice(at, at + 60) } });
    }
    const all = await Promise.all(
      [0, 1, 2].map((agent) => simulate({ rules: policy, window: { agent: `many.${agent}` } })),
    );
    for (const report of all) {
      expect(report.replayable).toEqual({ n: 80, of: 80, lacking: { redacted: 0, facts: 0, unreadable: 0 } });
      expect(report.failures).toEqual([]);
    }
    // Worth something only if every rule had its say.
    const hits = new Map<string, number>();
    for (const { coverage } of all) {
      for (const rule of coverage.rules) hits.set(rule.rule_id, (hits.get(rule.rule_id) ?? 0) + rule.hits);
    }
    const never = [...hits].filter(([, count]) => count === 0).map(([id]) => id);
    expect(never).toEqual(['by-session']);
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
});
