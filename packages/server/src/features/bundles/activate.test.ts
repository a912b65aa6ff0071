import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { lockEnforcement } from '../approvals/transaction.js';
import { type Office, openOffice, rule } from './bundles.testkit.js';

const start = Date.parse('2026-01-05T12:00:00Z');
const hourMs = 3600 * 1000;
let passedMs = 0;
let office: Office;
let versions = 0;
const nextVersion = () => `1.${versions++}.0`;
const reached: number[] = [];

beforeAll(async () => {
  office = await openOffice({ catalog: 'strict', clock: { now: () => new Date(start + passedMs) } });
  const { enforcement } = office.services;
  const reach = enforcement.reach.bind(enforcement);
  enforcement.reach = async (workspaceId, generation) => {
    reached.push(generation);
    await reach(workspaceId, generation);
  };
});
afterAll(() => office.close());
beforeEach(() => {
  reached.length = 0;
});

const activate = (id: number, approvalId: number, rest: object = { canary_pct: 100 }) =>
  office.call('activateBundle', { token: office.operator, params: { id }, body: { approval_id: approvalId, ...rest } });
const draft = (rules?: readonly unknown[]) => office.draft(nextVersion(), rules);
const active = async () => (await office.call('getActiveBundle')).body;
const bundle = async (id: number) => (await office.call('getBundle', { params: { id } })).body;
const approval = async (id: number) => (await office.call('getApproval', { params: { id } })).body;
const generation = async (): Promise<number> =>
  (await office.db.pool.query('select generation from workspace where id = 1')).rows[0].generation;

describe('activating', () => {
  test('there is no active bundle before the first activation', async () => {
    expect((await office.call('getActiveBundle')).status).toBe(404);
  });

  test('brings the bundle into force, uses the approval and is enforced before the answer', async () => {
    const { id } = await draft();
    const { id: approvalId } = await office.approved(id);
    const before = await generation();
    const { status, body, headers } = await activate(id, approvalId, { canary_pct: 100, activated_by: 'deploy-bot' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      status: 'active',
      active: true,
      canary_pct: 100,
      traffic_pct: 100,
      activated_by: 'Otto',
      activated_at: new Date(start + passedMs).toISOString(),
      approval_id: approvalId,
    });
    expect(headers.get('etag')).toBe((await office.call('getBundle', { params: { id } })).headers.get('etag'));
    expect(await generation()).toBe(before + 1);
    expect(reached).toEqual([before + 1]);
    expect(await approval(approvalId)).toMatchObject({ status: 'used', used_at: body.activated_at });
    expect(await active()).toEqual(body);
    const { rows } = await office.db.pool.query(
      `select data from event where kind = 'bundle.activated' and subject = $1`,
      [`bundle/${id}`],
    );
    expect(rows[0].data).toMatchObject({ approval_id: approvalId, previous: null, activated_by: 'deploy-bot' });
  });

  test('supersedes the one before, and going back is an activation with an approval of its own', async () => {
    const first = await office.inForce(nextVersion());
    const second = await office.inForce(nextVersion(), [rule('two')]);
    expect(await bundle(first.id)).toMatchObject({
      status: 'superseded',
      active: false,
      canary_pct: 0,
      traffic_pct: 0,
      activated_at: first.activated_at,
    });
    expect((await activate(first.id, first.approval_id as number)).problem.code).toBe('approval_used');
    const back = await activate(first.id, (await office.approved(first.id)).id);
    expect([back.status, (await active()).id]).toEqual([200, first.id]);
    expect((await bundle(second.id)).status).toBe('superseded');
    const only = await office.call('listBundles', { query: { active_only: true } });
    expect([only.body.total, only.body.bundles.map(({ id }) => id)]).toEqual([1, [first.id]]);
  });

  test('what was in force can neither change nor go', async () => {
    const { id } = await active();
    expect((await office.call('updateBundle', { params: { id }, body: { notes: 'x' } })).problem.code).toBe(
      'not_a_draft',
    );
    expect((await office.call('deleteBundle', { params: { id } })).problem.code).toBe('not_a_draft');
    expect((await office.call('archiveBundle', { params: { id } })).problem.code).toBe('bundle_in_force');
    expect((await activate(id, (await office.approved(id)).id)).problem.code).toBe('bundle_in_force');
  });
});

describe('refuses, and leaves everything as it is:', () => {
  const unchanged = async (work: () => Promise<void>): Promise<void> => {
    const before = [await active(), await generation()];
    await work();
    expect([await active(), await generation()]).toEqual(before);
  };

  test('more than the approval covers at first', () =>
    unchanged(async () => {
      const { id } = await draft();
      const asked = await office.approved(id, { initial_pct: 50 });
      const { problem } = await activate(id, asked.id);
      expect(problem).toMatchObject({ status: 409, code: 'approval_mismatch' });
      expect(problem.detail).toContain('`initial_pct`: 100');
    }));

  test('an unknown bundle or approval, an approval of another bundle or kind', () =>
    unchanged(async () => {
      const [{ id }, other] = [await draft(), await draft([rule('two')])];
      const asked = await office.approved(other.id);
      expect((await activate(2_000_000_000, asked.id)).problem.code).toBe('not_found');
      expect((await activate(id, 2_000_000_000)).problem).toMatchObject({
        code: 'not_found',
        errors: [{ path: '/approval_id' }],
      });
      const wrong = await activate(id, asked.id);
      expect(wrong.problem.code).toBe('approval_mismatch');
      expect(wrong.problem.detail).toContain('`bundle_id`');
      const { body } = await office.call('createApproval', {
        token: office.operator,
        body: { kind: 'settings', settings: { default_effect: 'allow' }, justification: 'why' },
      });
      await office.call('approve', { token: office.ann, params: { id: body.id }, body: {} });
      expect((await activate(id, body.id)).problem.code).toBe('approval_mismatch');
      expect((await approval(asked.id)).status).toBe('approved');
    }));

  test('what is pending, rejected, canceled or expired, each with its words', () =>
    unchanged(async () => {
      const { id } = await draft();
      const pending = await office.request(id, { min_approvers: 2 });
      await office.call('approve', { token: office.ann, params: { id: pending.id }, body: {} });
      const waiting = await activate(id, pending.id);
      expect(waiting.problem.code).toBe('approval_not_approved');
      expect(waiting.problem.detail).toContain('1 of 2 approvals');
      const rejected = await office.request(id);
      await office.call('reject', { token: office.ann, params: { id: rejected.id }, body: { comment: 'no' } });
      expect((await activate(id, rejected.id)).problem.detail).toContain('rejected');
      const canceled = await office.approved(id);
      await office.call('cancelApproval', { token: office.operator, params: { id: canceled.id } });
      expect((await activate(id, canceled.id)).problem.code).toBe('approval_not_approved');
      const late = await office.approved(id, { expires_in_hours: 1 });
      passedMs += hourMs;
      expect((await activate(id, late.id)).problem.code).toBe('approval_expired');
    }));

  test('rules, a list or a default effect that changed since the request, saying which', async () => {
    await office.call('putList', { params: { name: 'senders' }, body: { values: ['a'] } });
    const reads = rule('one', { conditions: { sender: { list: 'senders' } } });
    const { id } = await draft([reads]);
    const edited = await office.approved(id);
    await office.call('updateBundle', { params: { id }, body: { rules: [reads, rule('two')] } });
    expect((await activate(id, edited.id)).problem.detail).toContain('`digest` changed');
    const listed = await office.approved(id);
    await office.call('putList', { params: { name: 'senders' }, body: { values: ['a', 'b'] } });
    expect((await activate(id, listed.id)).problem.detail).toContain('`lists.senders` changed');
    const asked = await office.approved(id);
    await office.db.pool.query(`insert into setting values (1, '{"default_effect":"allow"}', 'test', now())`);
    expect((await activate(id, asked.id)).problem.detail).toContain('`default_effect` changed');
    await office.db.pool.query('delete from setting');
    expect((await activate(id, asked.id)).status).toBe(200);
  });

  test('an edit that is taken back makes no difference, nor do notes', async () => {
    const { id } = await draft([rule('one'), rule('two')]);
    const asked = await office.approved(id);
    await office.call('updateBundle', { params: { id }, body: { rules: [rule('one')] } });
    await office.call('updateBundle', { params: { id }, body: { rules: [rule('two'), rule('one')], notes: 'again' } });
    expect((await activate(id, asked.id)).status).toBe(200);
  });

  test('a list that is live may change between approval and activation', async () => {
    await office.call('putList', { params: { name: 'fast' }, body: { values: ['a'], live: true } });
    const { id } = await draft([rule('one', { conditions: { sender: { list: 'fast' } } })]);
    const asked = await office.approved(id);
    await office.call('putList', { params: { name: 'fast' }, body: { values: ['a', 'b'] } });
    expect((await activate(id, asked.id)).status).toBe(200);
  });

  test('errors that came after the approval: a list it reads is gone', async () => {
    await office.call('putList', { params: { name: 'going' }, body: { values: ['a'] } });
    const { id } = await draft([rule('one', { conditions: { sender: { list: 'going' } } })]);
    const asked = await office.approved(id);
    await office.call('deleteList', { params: { name: 'going' } });
    const { problem } = await activate(id, asked.id);
    expect(problem).toMatchObject({ code: 'bundle_invalid', errors: [{ code: 'invalid-condition' }] });
    expect(problem.errors[0]?.path).toMatch(/^\/rules\/0\/conditions/);
    expect((await approval(asked.id)).status).toBe('approved');
  });

  test('an approval from before four eyes was on', async () => {
    await office.db.pool.query(`insert into setting values (1, '{"four_eyes":false}', 'test', now())`);
    const { id } = await draft();
    const asked = await office.approved(id, { risk: 'critical' });
    expect(asked).toMatchObject({ status: 'approved', quorum: 1, four_eyes: false });
    await office.db.pool.query('delete from setting');
    expect((await activate(id, asked.id)).problem).toMatchObject({ code: 'approval_mismatch' });
  });

  test('an approval for which more people would be needed by now', async () => {
    const risky = rule('one', { budget: { risk: 'critical' } });
    const [first, second] = [
      await draft([risky]),
      await draft([risky, rule('two', { effect: 'deny', conditions: { x: 1 } })]),
    ];
    await activate(first.id, (await office.approved(first.id)).id);
    const asked = await office.approved(second.id, { risk: 'low' });
    expect(asked.quorum).toBe(1);
    await office.inForce(nextVersion(), [rule('three', { effect: 'deny' })]);
    expect((await activate(second.id, asked.id)).problem.detail).toContain('risk `critical`');
  });

  test('an empty bundle and an archived one', async () => {
    const { id } = await draft();
    const asked = await office.approved(id);
    await office.call('updateBundle', { params: { id }, body: { rules: [] } });
    expect((await activate(id, asked.id)).problem.code).toBe('empty_bundle');
    await office.call('archiveBundle', { params: { id } });
    expect((await activate(id, asked.id)).problem.code).toBe('bundle_archived');
  });
});

describe('at the same time', () => {
  /** Sends requests that all wait for the lock of the workspace before the first of them gets it. */
  const racing = async <T>(requests: (() => Promise<T>)[]): Promise<T[]> => {
    const holder = await office.db.pool.connect();
    try {
      await holder.query('begin');
      await lockEnforcement(holder, 1);
      const answers = requests.map((send) => send());
      const waiting = async (): Promise<number> =>
        (await holder.query(`select count(*) as count from pg_locks where locktype = 'advisory' and not granted`))
          .rows[0].count;
      while ((await waiting()) < requests.length) await new Promise((resolve) => setTimeout(resolve, 5));
      await holder.query('commit');
      return await Promise.all(answers);
    } finally {
      holder.release();
    }
  };

  test('two bundles with an approval each: one wins, the other hears of it and may follow', async () => {
    for (let round = 0; round < 5; round++) {
      const pair = [await draft([rule('one')]), await draft([rule('two')])];
      const asked = await Promise.all(pair.map(({ id }) => office.approved(id)));
      const answers = await racing(
        pair.map(
          ({ id }, i) =>
            () =>
              activate(id, asked[i]?.id as number),
        ),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
      const loser = answers.findIndex(({ status }) => status === 409);
      expect(answers[loser]?.problem.code).toBe('conflict');
      const { rows } = await office.db.pool.query(
        `select id from bundle where status = 'active' or active or traffic_pct > 0`,
      );
      expect(rows).toEqual([{ id: pair[1 - loser]?.id }]);
      expect((await approval(asked[loser]?.id as number)).status).toBe('approved');
      expect((await activate(pair[loser]?.id as number, asked[loser]?.id as number)).status).toBe(200);
    }
  });

  test('one approval many times: one wins, the others are told', async () => {
    for (let round = 0; round < 5; round++) {
      const { id } = await draft();
      const asked = await office.approved(id);
      const answers = await racing(Array.from({ length: 6 }, () => () => activate(id, asked.id)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409]);
      const codes = answers.filter(({ status }) => status === 409).map(({ problem }) => problem.code);
      expect(new Set(codes)).toEqual(new Set(['bundle_in_force']));
    }
  });

  test('one bundle with two approvals: one is used, the other is not', async () => {
    const { id } = await draft();
    const asked = [await office.approved(id), await office.approved(id)];
    const answers = await racing(asked.map((one) => () => activate(id, one.id)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const statuses = await Promise.all(asked.map(async (one) => (await approval(one.id)).status));
    expect(statuses.sort()).toEqual(['approved', 'used']);
  });

  test('an edit, an archiving, a list and a vote: nothing breaks, and what is in force is what was approved', async () => {
    await office.call('putList', { params: { name: 'busy' }, body: { values: ['a'] } });
    for (let round = 0; round < 5; round++) {
      const { id, digest } = await draft([rule('one', { conditions: { sender: { list: 'busy' } } })]);
      const asked = await office.approved(id);
      const answers = await Promise.all([
        activate(id, asked.id),
        office.call('updateBundle', { params: { id }, body: { rules: [rule('other')] } }),
        office.call('archiveBundle', { params: { id } }),
        office.call('putList', { params: { name: 'busy' }, body: { values: [`${round}`] } }),
        office.call('cancelApproval', { token: office.operator, params: { id: asked.id } }),
        office.call('getActiveBundle'),
      ]);
      for (const { status } of answers) expect([200, 409]).toContain(status);
      const now = await bundle(id);
      expect(answers[0].status === 200).toBe(now.status === 'active');
      if (now.status === 'active') expect(now.digest).toBe(digest);
    }
  });

  test('the record has no gap, and its chain holds', async () => {
    const { rows } = await office.db.pool.query(
      `select count(*) as count, max(seq) as last from event where workspace_id = 1`,
    );
    expect(rows[0].count).toBe(rows[0].last);
  });
});
