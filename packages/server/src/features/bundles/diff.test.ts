import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Office, openOffice, rule } from './bundles.testkit.js';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.close());

let versions = 0;
const draft = (rules: readonly unknown[]) => office.draft(`1.${versions++}.0`, rules);
const diff = async (a: readonly unknown[], b: readonly unknown[], query: { days?: number } = {}) => {
  const [{ id }, { id: compareId }] = [await draft(a), await draft(b)];
  return (await office.call('diffBundles', { params: { id, compare_id: compareId }, query })).body;
};
const asks = (context: object, agent = 'inbox.triage') =>
  office.call('evaluate', { body: { agent, action: 'quarantine', context } });

describe('the difference of two bundles', () => {
  test('tells rules added, removed, modified and unchanged, with the fields that differ', async () => {
    const [one, two, three, four] = [rule('one'), rule('two'), rule('three'), rule('four')];
    const body = await diff(
      [one, two, three],
      [{ ...two, priority: 60, tags: ['x'] }, { ...three, priority: 50 }, four],
    );
    expect(body).toMatchObject({
      rules_added: [four],
      rules_removed: [one],
      rules_modified: [
        { id: 'two', before: two, after: { ...two, priority: 60, tags: ['x'] }, changed_fields: ['priority', 'tags'] },
      ],
      summary: { added: 1, removed: 1, modified: 1, unchanged: 1 },
      faults: [],
    });
  });

  test('proves a renamed, reordered, respelled copy equal', async () => {
    const before = [rule('one', { conditions: { '>=risk_score': 85 } }), rule('two', { effect: 'deny', priority: 90 })];
    const after = [
      rule('deny-all', { effect: 'deny', priority: 90 }),
      rule('one', { conditions: { risk_score: '>= 85' } }),
    ];
    const body = await diff(before, after);
    expect(body.semantic).toEqual({ equal: true, undecided: [], changes: [] });
    expect(body.rules_modified).toEqual([]);
  });

  test('names each kind of request whose decision changes, with a witness that shows it', async () => {
    const body = await diff(
      [rule('one', { conditions: { '>=risk_score': 80 } })],
      [rule('one', { conditions: { '>=risk_score': 90 } })],
    );
    expect(body.semantic).toMatchObject({
      equal: false,
      undecided: [],
      changes: [
        {
          agent: 'inbox.triage',
          action: 'quarantine',
          from: 'allow',
          to: 'deny',
          rules: { from: 'one', to: null },
          recorded: 0,
        },
      ],
    });
    const { witness } = body.semantic?.changes[0] ?? {};
    const score = witness?.context.risk_score as number;
    expect(score >= 80 && score < 90).toBe(true);
  });

  test('leaves out what no request of an enforced catalog can be', async () => {
    const before = [rule('one', { conditions: { 'risk_score starts_with': 'high' } })];
    expect((await diff(before, [])).semantic?.equal).toBe(true);
    await office.db.pool.query(
      `update setting set "values" = ("values"::jsonb || '{"enforce_context": false}')::json where workspace_id = 1`,
    );
    try {
      expect((await diff(before, [])).semantic?.equal).toBe(false);
    } finally {
      await office.db.pool.query(
        `update setting set "values" = ("values"::jsonb || '{"enforce_context": true}')::json where workspace_id = 1`,
      );
    }
  });

  test('says why a bundle cannot decide, and compares what is written all the same', async () => {
    const body = await diff([rule('one')], [rule('one', { conditions: { '=>risk_score': 1 } })]);
    expect(body).toMatchObject({
      semantic: null,
      traffic: null,
      summary: { modified: 1 },
      rules_modified: [{ changed_fields: ['conditions'] }],
      faults: [{ code: 'invalid-condition', path: '/b/rules/0/conditions/=>risk_score' }],
    });
  });

  test('is of no use without both', async () => {
    const { id } = await draft([rule('one')]);
    const gone = await office.call('diffBundles', { params: { id, compare_id: 9999 } });
    expect([gone.status, gone.problem.detail]).toEqual([404, expect.stringContaining('no bundle 9999')]);
    expect((await office.call('diffBundles', { params: { id: 9998, compare_id: id } })).status).toBe(404);
    const same = await office.call('diffBundles', { params: { id, compare_id: id } });
    expect(same.body).toMatchObject({ summary: { unchanged: 1 }, semantic: { equal: true } });
  });
});

describe('recorded requests', () => {
  test('are counted by the kind of change they fall into, in the days asked for', async () => {
    await office.inForce('2.0.0', [rule('one')]);
    for (const risk of [10, 20, 30, 85, 86]) await asks({ risk_score: risk });
    for (const risk of [10, 85]) await asks({ risk_score: risk }, 'inbox.other');
    // Denied by the schema, whatever rules say.
    await asks({ risk_score: 'high' });
    const before = [rule('one', { agent: 'inbox.*', conditions: { '<risk_score': 80 } })];
    const after = [
      rule('one', { agent: 'inbox.*', conditions: { '<risk_score': 25 } }),
      rule('two', { effect: 'needs_approval', priority: 60, conditions: { '>=risk_score': 86 } }),
    ];
    const body = await diff(before, after);
    const counted = body.semantic?.changes.map(({ agent, from, to, recorded }) => [agent, from, to, recorded]);
    expect(counted).toEqual([
      ['inbox.*', 'allow', 'deny', 0],
      ['inbox.triage', 'allow', 'deny', 1],
      ['inbox.triage', 'deny', 'needs_approval', 1],
    ]);
    expect(body.traffic).toEqual({ days: 7, requests: 8, replayable: 8, changed: 2 });
    expect((await diff(before, after, { days: 0 })).traffic).toEqual({
      days: 0,
      requests: 0,
      replayable: 0,
      changed: 0,
    });
  });
});
