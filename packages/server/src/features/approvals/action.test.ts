import type { Decision } from '@policy-studio/contract';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../../database/database.testkit.js';
import { type SeverableDatabase, severable } from '../../database/severable.testkit.js';
import { type Office, openOffice } from '../bundles/bundles.testkit.js';
import { defaultWorkspaceId, introduce, putInForce, steppingClock } from '../decisions/in-force.testkit.js';
import { expireApprovals } from './expire.js';

const clock = steppingClock('2026-03-04T12:00:00Z');
const hourMs = 3_600_000;
const ask = (id: string, action: string, rest: object = {}) => ({
  id,
  agent: '*',
  action,
  effect: 'needs_approval' as const,
  reason: 'somebody has to look at it',
  ...rest,
});
const rules = [
  ask('send', 'mail.send'),
  ask('risky', 'mail.risky', { budget: { risk: 'high' as const } }),
  ask('three', 'mail.three', { metadata: { min_approvers: 3 } }),
  ask('paid', 'mail.paid', { budget: { cost: 5 } }),
  { ...ask('never', 'mail.never'), effect: 'deny' as const },
];

let database: TestDatabase;
let link: SeverableDatabase;
let offices: Office[];
let agent: string;
let other: string;
beforeAll(async () => {
  database = await testDatabase();
  link = await severable(database.db);
  const log = pino({ level: 'silent' });
  offices = [await openOffice({ db: link.db, clock, log }), await openOffice({ db: database.db, clock })];
  [agent, other] = await Promise.all([
    office().createKey('agent', { owner: 'Robot' }),
    office().createKey('agent', { owner: 'Robot too' }),
  ]);
  await introduce(
    office(),
    ['bot', 'bot2'],
    rules.map(({ action }) => action),
  );
  await enforce({ rules });
});
afterAll(async () => {
  await Promise.all(offices.map((one) => one.close()));
  await link.close();
  await database.close();
});
const office = (index = 0): Office => offices[index] as Office;

async function enforce(what: Parameters<typeof putInForce>[1]): Promise<void> {
  const { generation } = await putInForce(office(), what);
  await office(1).services.enforcement.inForce(defaultWorkspaceId);
  await office(1).services.enforcement.reach(defaultWorkspaceId, generation);
}

/** The policy is confirmed meanwhile. */
async function dayPasses(): Promise<void> {
  clock.advance(24 * hourMs);
  await Promise.all(offices.map(({ services }) => services.enforcement.poll()));
}

let asked = 0;
/** A request nobody has made before. */
const fresh = (action = 'mail.send') => {
  asked += 1;
  return { agent: 'bot', action, context: { n: asked } };
};
const evaluate = async (body: object, token = agent, on = office()): Promise<Decision> =>
  (await on.call('evaluate', { token, body })).body;
const idOf = (decision: Decision): number => decision.approval?.id ?? Number.NaN;
const read = async (id: number, token = office().adminToken) => office().call('getApproval', { token, params: { id } });
const approve = (id: number, ...tokens: string[]) =>
  (tokens.length > 0 ? tokens : [office().ann]).reduce<Promise<unknown>>(
    (before, token) => before.then(() => office().call('approve', { token, params: { id } })),
    Promise.resolve(),
  );
const approvalsOf = async (request: { context: { n: number } }) =>
  (
    await database.db.pool.query(
      `select id, status from approval where kind = 'action' and subject::text like $1 order by id`,
      [`%"context":{"n":${request.context.n}}%`],
    )
  ).rows;

describe('asking', () => {
  test('opens one approval, says where to wait, and keeps it with the record', async () => {
    const request = fresh();
    const decision = await evaluate(request);
    expect(decision).toMatchObject({ effect: 'needs_approval', policy_effect: 'needs_approval', overlays: [] });
    const id = idOf(decision);
    const expires = new Date(clock.now().getTime() + 24 * hourMs).toISOString();
    expect(decision.approval).toEqual({ id, wait_url: `/policy/approvals/${id}?wait=30`, expires_at: expires });
    expect((await read(id)).body).toMatchObject({
      kind: 'action',
      status: 'pending',
      subject: { kind: 'action', agent: 'bot', action: 'mail.send', context: request.context },
      justification: 'somebody has to look at it',
      risk: 'low',
      quorum: 1,
      requested_by: 'Robot',
      four_eyes: true,
    });
    const record = await office().call('getDecision', { params: { id: decision.decision_id } });
    expect(record.body.approval).toEqual(decision.approval);
    const replay = await office().call('replayDecision', { params: { id: decision.decision_id } });
    expect(replay.body.same).toBe(true);
  });

  test('joins what the same key asked, whatever facts the caller sent, and nothing else', async () => {
    const request = fresh();
    const id = idOf(await evaluate(request));
    const facts = { ...request, context: { ...request.context, is_weekend: true } };
    for (const body of [request, facts, { ...request, session: 's', request_id: `join-${id}` }]) {
      expect(idOf(await evaluate(body))).toBe(id);
    }
    const different = [
      await evaluate(request, other),
      await evaluate({ ...request, agent: 'bot2' }),
      await evaluate({ ...request, context: { ...request.context, more: 1 } }),
    ];
    expect(new Set([id, ...different.map(idOf)]).size).toBe(4);
    const { rows } = await database.db.pool.query(`select kind from event where subject = $1`, [`approval/${id}`]);
    expect(rows).toEqual([{ kind: 'approval.requested' }]);
  });

  test('opens one for many that ask at once, on two servers', async () => {
    const request = fresh();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => evaluate(request, agent, office(index % 2))),
    );
    expect(new Set(answers.map(idOf)).size).toBe(1);
    expect(await approvalsOf(request)).toHaveLength(1);
  });

  test('answers a batch in order, with those that need nobody', async () => {
    const [one, two] = [fresh(), fresh()];
    const requests = [one, { ...one, action: 'mail.never' }, two, one];
    const { body } = await office().call('evaluateBatch', { token: agent, body: { requests } });
    const decisions = body.decisions as Decision[];
    expect(decisions.map(({ effect }) => effect)).toEqual([
      'needs_approval',
      'deny',
      'needs_approval',
      'needs_approval',
    ]);
    expect(idOf(decisions[0] as Decision)).toBe(idOf(decisions[3] as Decision));
    expect(idOf(decisions[0] as Decision)).not.toBe(idOf(decisions[2] as Decision));
  });

  test('a repeated request_id answers the same, and opens nothing', async () => {
    const request = { ...fresh(), request_id: 'repeated' };
    const first = await evaluate(request);
    await office().call('reject', { token: office().ann, params: { id: idOf(first) }, body: { comment: 'no' } });
    expect(await evaluate(request)).toEqual(first);
    expect(await approvalsOf(request)).toEqual([{ id: idOf(first), status: 'rejected' }]);
    const reused = await office().call('evaluate', { token: agent, body: { ...request, approval_id: idOf(first) } });
    expect(reused.problem.code).toBe('request_id_reused');
  });

  test('wants two people for what is of high risk, and as many as the rule says', async () => {
    const [risky, three] = [await evaluate(fresh('mail.risky')), await evaluate(fresh('mail.three'))];
    expect((await read(idOf(risky))).body).toMatchObject({ risk: 'high', quorum: 2 });
    expect((await read(idOf(three))).body).toMatchObject({ quorum: 3 });
  });

  test('shows people no sensitive value, and is bound to it all the same', async () => {
    const schema = { type: 'object', properties: { iban: { type: 'string', 'x-sensitive': true } } };
    await office().call('putCatalogAction', { params: { action: 'mail.secret' }, body: { context_schema: schema } });
    await enforce({ rules: [...rules, ask('secret', 'mail.secret')] });
    const request = { agent: 'bot', action: 'mail.secret', context: { iban: 'ES00SECRET' } };
    const id = idOf(await evaluate(request));
    const { rows } = await database.db.pool.query(
      `select (select string_agg(subject::text, '') from approval) || (select string_agg(data::text, '') from event) as told`,
    );
    expect(rows[0].told).not.toContain('ES00SECRET');
    await approve(id);
    const changed = { ...request, context: { iban: 'ES00OTHER' }, approval_id: id };
    expect((await evaluate(changed)).effect).toBe('needs_approval');
    expect((await evaluate({ ...request, approval_id: id })).effect).toBe('allow');
  });

  test('takes reasons and contexts with characters that a column cannot hold', async () => {
    await enforce({ rules: [...rules, ask('odd', 'mail.odd', { reason: 'what \u0000 is this' })] });
    const request = { agent: 'bot', action: 'mail.odd', context: { text: 'a\u0000b', '\u0000': 1 } };
    const id = idOf(await evaluate(request));
    expect((await read(id)).body).toMatchObject({
      justification: 'what \ufffd is this',
      subject: { context: request.context },
    });
    await approve(id);
    expect((await evaluate({ ...request, approval_id: id })).effect).toBe('allow');
  });

  test('asks nobody any more when a thousand requests of the key are waiting', async () => {
    const busy = await office().createKey('agent', { owner: 'Busy' });
    const request = fresh();
    const id = idOf(await evaluate(request, busy));
    await database.db.pool.query(
      `insert into approval (workspace_id, kind, subject, subject_digest, justification, risk, rollback_plan, quorum,
                             four_eyes, requested_by, created_at, expires_at, key_id)
       select workspace_id, kind, subject, n::text, justification, risk, rollback_plan, quorum, four_eyes, requested_by,
         created_at, expires_at, key_id from approval, generate_series(1, 999) n where id = $1`,
      [id],
    );
    const answer = await evaluate(fresh(), busy);
    expect(answer).toMatchObject({ effect: 'needs_approval', overlays: [{ kind: 'approval_refused' }] });
    expect(answer.approval).toBeUndefined();
    expect(idOf(await evaluate(request, busy))).toBe(id);
    expect(idOf(await evaluate(fresh()))).toBeGreaterThan(id);
  });

  test('asks again after what was asked has expired', async () => {
    const request = fresh();
    const first = idOf(await evaluate(request));
    await dayPasses();
    const second = idOf(await evaluate(request));
    expect(second).toBeGreaterThan(first);
    await expireApprovals(office().services, clock.now());
    expect(await approvalsOf(request)).toEqual([
      { id: first, status: 'expired' },
      { id: second, status: 'pending' },
    ]);
  });
});

describe('asking again with the approval', () => {
  test('is allowed once, and on record with the approval', async () => {
    const request = fresh();
    const id = idOf(await evaluate(request));
    expect(await evaluate({ ...request, approval_id: id })).toMatchObject({
      effect: 'needs_approval',
      approval: { id },
    });
    await approve(id);
    const allowed = await evaluate({ ...request, approval_id: id });
    expect(allowed).toMatchObject({ effect: 'allow', policy_effect: 'needs_approval', matched_rule: 'send' });
    expect(allowed.overlays).toMatchObject([{ kind: 'approved', approval_id: id }]);
    expect(allowed.approval).toBeUndefined();
    const again = await evaluate({ ...request, approval_id: id });
    expect(again).toMatchObject({ effect: 'needs_approval', overlays: [{ kind: 'approval_refused' }] });
    expect(again.approval).toBeUndefined();
    expect(await approvalsOf(request)).toEqual([{ id, status: 'used' }]);
    const { rows } = await database.db.pool.query(
      `select data->>'decision_id' as decision from event where subject = $1 and kind = 'approval.used'`,
      [`approval/${id}`],
    );
    expect(rows).toEqual([{ decision: allowed.decision_id }]);
    const replay = await office().call('replayDecision', { params: { id: allowed.decision_id } });
    expect(replay.body.same).toBe(true);
  });

  test('of many at once, on two servers, exactly one is allowed', async () => {
    for (let round = 0; round < 3; round += 1) {
      const request = fresh();
      const id = idOf(await evaluate(request));
      await approve(id);
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, index) =>
          evaluate({ ...request, approval_id: id, request_id: `race-${id}-${index}` }, agent, office(index % 2)),
        ),
      );
      expect(answers.filter(({ effect }) => effect === 'allow')).toHaveLength(1);
      expect(answers.filter(({ effect }) => effect === 'needs_approval')).toHaveLength(29);
      const { rows } = await database.db.pool.query(
        `select count(*) as n from decision where effect = 'allow' and context::text = $1`,
        [JSON.stringify(request.context)],
      );
      expect(rows[0].n).toBe(1);
    }
  });

  test('a repeated request_id answers the allow that was given, as often as it is sent', async () => {
    const request = fresh();
    const id = idOf(await evaluate(request));
    await approve(id);
    const body = { ...request, approval_id: id, request_id: `lost-answer-${id}` };
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => evaluate(body, agent, office(index % 2))),
    );
    expect(answers.map(({ effect }) => effect)).toEqual(answers.map(() => 'allow'));
    expect(new Set(answers.map(({ decision_id }) => decision_id)).size).toBe(1);
  });

  test.each([
    ['another context', { context: { n: 'other' } }],
    ['a further field', { context: { extra: true } }],
    ['another agent', { agent: 'bot2' }],
    ['another action', { action: 'mail.risky' }],
  ])('with %s neither passes nor uses it up', async (_, change) => {
    const request = fresh();
    const id = idOf(await evaluate(request));
    await approve(id);
    const context = { ...request.context, ...('context' in change ? change.context : {}) };
    const changed = await evaluate({ ...request, ...change, context, approval_id: id });
    expect(changed).toMatchObject({ effect: 'needs_approval', overlays: [{ kind: 'approval_refused' }] });
    expect(changed.approval).toBeUndefined();
    expect((await read(id)).body.status).toBe('approved');
    expect((await evaluate({ ...request, approval_id: id })).effect).toBe('allow');
  });

  test('by another key neither passes nor tells whether it is there', async () => {
    const request = fresh();
    const id = idOf(await evaluate(request));
    await approve(id);
    const [foreign, missing] = [
      await evaluate({ ...request, approval_id: id }, other),
      await evaluate({ ...request, approval_id: 2_000_000_000 }, other),
    ];
    expect(foreign.effect).toBe('needs_approval');
    expect(foreign.reason.replaceAll(String(id), '#')).toBe(missing.reason.replaceAll('2000000000', '#'));
    expect((await read(id)).body.status).toBe('approved');
  });

  test('goes by the policy then in force: never past a deny, and not with fewer people than it wants by now', async () => {
    const [denied, raised] = [fresh(), fresh()];
    const [deniedId, raisedId] = [idOf(await evaluate(denied)), idOf(await evaluate(raised))];
    await approve(deniedId);
    await approve(raisedId);
    await enforce({ rules: [{ ...ask('send', 'mail.send'), effect: 'deny' }] });
    const answer = await evaluate({ ...denied, approval_id: deniedId });
    expect(answer).toMatchObject({ effect: 'deny', policy_effect: 'deny', overlays: [] });
    expect((await read(deniedId)).body.status).toBe('approved');
    await enforce({ rules: [ask('send', 'mail.send', { metadata: { min_approvers: 2 } })] });
    expect(await evaluate({ ...raised, approval_id: raisedId })).toMatchObject({
      effect: 'needs_approval',
      overlays: [{ kind: 'approval_refused' }],
    });
    await enforce({ rules });
    expect((await evaluate({ ...raised, approval_id: raisedId })).effect).toBe('allow');
  });

  test('what is still waiting is raised to what the policy wants by now', async () => {
    const request = fresh();
    const id = idOf(await evaluate(request));
    await enforce({ rules: [ask('send', 'mail.send', { metadata: { min_approvers: 2 } })] });
    expect(idOf(await evaluate(request))).toBe(id);
    await approve(id);
    expect((await read(id)).body).toMatchObject({ status: 'pending', quorum: 2, approvals_given: 1 });
    await enforce({ rules });
  });

  test('is refused once it was rejected, withdrawn or has expired, and opens no other', async () => {
    const endings = [
      (id: number) => office().call('reject', { token: office().ann, params: { id }, body: { comment: 'no' } }),
      (id: number) => office().call('cancelApproval', { params: { id } }),
      dayPasses,
    ];
    for (const end of endings) {
      const request = fresh();
      const id = idOf(await evaluate(request));
      await end(id);
      const answer = await evaluate({ ...request, approval_id: id });
      expect(answer).toMatchObject({ effect: 'needs_approval', overlays: [{ kind: 'approval_refused' }] });
      expect(await approvalsOf(request)).toHaveLength(1);
    }
  });

  test('is not used up by what the cap has no room for', async () => {
    await enforce({ settings: { cost_budget_24h: 5, time_zone: 'UTC' } });
    const [one, two] = [fresh('mail.paid'), fresh('mail.paid')];
    const ids = [idOf(await evaluate(one)), idOf(await evaluate(two))];
    for (const id of ids) await approve(id);
    expect((await evaluate({ ...one, approval_id: ids[0] })).effect).toBe('allow');
    const full = await evaluate({ ...two, approval_id: ids[1] });
    expect(full.effect).toBe('deny');
    expect(full.overlays.map(({ kind }) => kind)).toEqual(['approved', 'budget_exhausted']);
    expect((await read(ids[1] as number)).body.status).toBe('approved');
    await enforce({ settings: { cost_budget_24h: null } });
  });

  test('is denied while the database is away, and passes when it is back', async () => {
    const request = fresh();
    const id = idOf(await evaluate(request));
    await approve(id);
    await link.sever();
    // The first to ask notices.
    for (const body of [request, { ...request, approval_id: id }, fresh(), fresh()]) {
      const answer = await evaluate(body);
      expect(answer).toMatchObject({ effect: 'deny', policy_effect: 'needs_approval' });
      expect(answer.overlays).toMatchObject([{ kind: 'database_unavailable' }]);
      expect(answer.approval).toBeUndefined();
    }
    await link.restore();
    await office().services.recorder.recover();
    expect((await evaluate({ ...request, approval_id: id })).effect).toBe('allow');
  });
});

describe('the role agent', () => {
  test('reads and lists what its own key asked for, and decides nothing', async () => {
    const request = fresh();
    const id = idOf(await evaluate(request));
    expect((await read(id, agent)).body).toMatchObject({ id, status: 'pending' });
    expect((await read(id, other)).problem.code).toBe('not_found');
    const list = async (token: string) =>
      (await office().call('listApprovals', { token, query: { limit: 200 } })).body.approvals.map((one) => one.id);
    expect(await list(agent)).toContain(id);
    expect(await list(other)).not.toContain(id);
    expect((await office().call('approve', { token: agent, params: { id } })).status).toBe(403);
    const own = await office().createKey('approver', { owner: 'robot' });
    expect((await office().call('approve', { token: own, params: { id } })).problem.code).toBe('self_approval');
  });

  test('waits until people have decided', async () => {
    const id = idOf(await evaluate(fresh()));
    const waiting = office().call('getApproval', { token: agent, params: { id }, query: { wait: 20 } });
    await approve(id);
    expect((await waiting).body.status).toBe('approved');
  });

  test('hears of its own approvals, and of no other', async () => {
    const [own, foreign] = [idOf(await evaluate(fresh())), idOf(await evaluate(fresh(), other))];
    await approve(own);
    await approve(foreign);
    const keyOf = async (id: number) =>
      (
        await database.db.pool.query(`select distinct data->>'key_id' as key from event where subject = $1`, [
          `approval/${id}`,
        ])
      ).rows;
    const [mine, theirs] = [await keyOf(own), await keyOf(foreign)];
    expect(mine).toHaveLength(1);
    expect(theirs).toHaveLength(1);
    expect(mine[0].key).not.toBe(theirs[0].key);
  });
});
