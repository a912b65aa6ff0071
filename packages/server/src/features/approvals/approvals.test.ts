import { canonicalJson, sha256Hex } from '@policy-studio/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { type Office, openOffice, rule } from '../bundles/bundles.testkit.js';
import { expireApprovals } from './expire.js';
import { createApprovalWaits } from './waits.js';

const start = Date.parse('2026-01-05T12:00:00Z');
const hourMs = 3600 * 1000;
let passedMs = 0;
const clock = { now: () => new Date(start + passedMs) };
let office: Office;
let versions = 0;
const nextVersion = () => `1.${versions++}.0`;

beforeAll(async () => {
  office = await openOffice({ clock });
});
afterAll(() => office.close());

const draft = (rules = [rule('one')]) => office.draft(nextVersion(), rules);
const act = (operation: 'approve' | 'reject' | 'cancelApproval', token: string, id: number, comment?: string) =>
  office.call(operation, {
    token,
    params: { id },
    ...(operation === 'cancelApproval' ? {} : { body: comment === undefined ? {} : { comment } }),
  } as never) as ReturnType<typeof office.call<'approve'>>;

describe('asking', () => {
  test('binds the request to digest, lists, default effect and share, and says what is needed', async () => {
    await office.call('putList', { params: { name: 'vips' }, body: { values: ['a@b.example'] } });
    await office.call('putList', { params: { name: 'flows' }, body: { values: [1], live: true } });
    const conditions = { sender: { list: 'vips' }, flow: { list: 'flows' } };
    const bundle = await draft([rule('one', { conditions })]);
    const asked = await office.request(bundle.id, { risk: 'low', rollback_plan: 'go back', initial_pct: undefined });
    const vips = await office.call('getList', { params: { name: 'vips' } });
    expect(asked).toMatchObject({
      kind: 'activation',
      status: 'pending',
      bundle_id: bundle.id,
      initial_pct: 10,
      subject: {
        kind: 'activation',
        bundle_id: bundle.id,
        digest: bundle.digest,
        lists: { vips: vips.body.digest, flows: 'live' },
        default_effect: 'deny',
        initial_pct: 10,
      },
      justification: 'tested',
      rollback_plan: 'go back',
      // As the catalog has it of the action.
      risk: 'medium',
      quorum: 1,
      approvals_given: 0,
      four_eyes: true,
      requested_by: 'Otto',
      expires_at: new Date(clock.now().getTime() + 24 * hourMs).toISOString(),
      votes: [],
    });
    expect(asked.subject_digest).toBe(sha256Hex(canonicalJson(asked.subject)));
  });

  test.each(['', ' \n\t ', 'clear \u001b[2J'])('takes no justification such as %j, and no rejection', async (text) => {
    const { id: bundleId } = await draft();
    const body = { kind: 'activation', bundle_id: bundleId, justification: text };
    const asked = await office.call('createApproval', { body });
    expect([asked.status, asked.problem.errors[0]?.path]).toEqual([422, '/justification']);
    const { id } = await office.request(bundleId);
    const rejected = await office.call('reject', { params: { id }, body: { comment: text } });
    expect([rejected.status, rejected.problem.errors[0]?.path]).toEqual([422, '/comment']);
  });

  test('refuses unknown, empty and broken bundles', async () => {
    const ask = (bundleId: number) =>
      office.call('createApproval', { body: { kind: 'activation', bundle_id: bundleId, justification: 'why' } });
    expect((await ask(2_000_000_000)).problem.code).toBe('not_found');
    expect((await ask((await draft([])).id)).problem.code).toBe('empty_bundle');
    const broken = await ask((await draft([rule('one', { conditions: { '=>x': 1 } })])).id);
    expect(broken.problem).toMatchObject({ code: 'bundle_invalid', errors: [{ code: 'invalid-condition' }] });
  });

  test('shows what lint says of the bundle, and what its authors answered to it', async () => {
    const answered = rule('one', {
      agent: '*',
      metadata: { lint_ignore: { 'wide-allow': 'agreed with the mail team' } },
    });
    const bundle = await draft([answered, rule('two', { effect: 'needs_approval', priority: 60 })]);
    const { id, lint } = await office.request(bundle.id);
    expect(lint).toMatchObject({ warnings: bundle.lint.summary.warnings, info: bundle.lint.summary.info });
    expect(lint?.suppressed).toEqual([
      {
        code: 'wide-allow',
        rule_id: 'one',
        reason: 'agreed with the mail team',
        message: bundle.lint.suppressed[0]?.message,
      },
    ]);
    await office.call('updateBundle', { params: { id: bundle.id }, body: { rules: [rule('one')] } });
    expect((await office.call('getApproval', { params: { id } })).body.lint).toBeNull();
  });

  test('takes the higher of the stated risk and that of what is newly allowed', async () => {
    const risky = await draft([rule('one', { budget: { risk: 'critical' } })]);
    expect(await office.request(risky.id, { risk: 'low' })).toMatchObject({ risk: 'critical', quorum: 2 });
    const denies = await draft([rule('one', { effect: 'deny', budget: { risk: 'critical' } })]);
    expect(await office.request(denies.id)).toMatchObject({ risk: 'medium', quorum: 1 });
    const off = await draft([rule('one', { enabled: false, budget: { risk: 'critical' } })]);
    expect(await office.request(off.id)).toMatchObject({ risk: 'medium', quorum: 1 });
    expect(await office.request(denies.id, { risk: 'high' })).toMatchObject({ risk: 'high', quorum: 2 });
    expect(await office.request(denies.id, { min_approvers: 4 })).toMatchObject({ quorum: 4 });
    expect(await office.request(denies.id, { risk: 'high', min_approvers: 1 })).toMatchObject({ quorum: 2 });
  });

  test('a rule that is in force already makes no new risk, a changed one does', async () => {
    const known = rule('one', { budget: { risk: 'critical' } });
    await office.inForce(nextVersion(), [known]);
    const same = await draft([{ ...known, reason: 'said in other words' }, rule('two', { effect: 'deny' })]);
    expect(await office.request(same.id, { risk: 'low' })).toMatchObject({ risk: 'low', quorum: 1 });
    const wider = await draft([{ ...known, agent: '*' }]);
    expect(await office.request(wider.id, { risk: 'low' })).toMatchObject({ risk: 'critical', quorum: 2 });
  });

  test('expires after 24 hours, or after the 1 to 168 that were asked for', async () => {
    const { id } = await draft();
    const { expires_at: at } = await office.request(id, { expires_in_hours: 168 });
    expect(Date.parse(at) - clock.now().getTime()).toBe(168 * hourMs);
    for (const hours of [0, 169, 1.5, '24', null]) {
      const body = { kind: 'activation', bundle_id: id, justification: 'why', expires_in_hours: hours };
      expect((await office.call('createApproval', { body })).status).toBe(422);
    }
  });

  test('shows what a change of a list adds and removes', async () => {
    await office.call('putList', { params: { name: 'blocked' }, body: { values: ['a', 'b'] } });
    const { body } = await office.call('createApproval', {
      token: office.operator,
      body: { kind: 'list', list: 'blocked', values: ['c', 'b', 'c'], justification: 'why' },
    });
    expect(body.subject).toMatchObject({ from_version: 1, size: 2, added: ['c'], removed: ['a'], added_count: 1 });
  });

  test('takes only settings that need an approval', async () => {
    const ask = (settings: object) =>
      office.call('createApproval', { body: { kind: 'settings', settings, justification: 'why' } });
    expect((await ask({ default_effect: 'allow' })).status).toBe(201);
    for (const settings of [
      {},
      { retention_days: 3 },
      { nonsense: 1 },
      { default_effect: 'maybe' },
      { time_zone: 'X' },
    ]) {
      expect((await ask(settings)).problem.code).toBe('validation_failed');
    }
  });
});

describe('deciding', () => {
  test('counts distinct people up to the quorum, and records each voice', async () => {
    const { id } = await office.request((await draft()).id, { min_approvers: 2 });
    const first = await act('approve', office.ann, id, 'looks good');
    expect(first.body).toMatchObject({ status: 'pending', approvals_given: 1, decided_at: null });
    const secondKey = await office.createKey('approver', { owner: 'ann', name: 'another key of hers' });
    expect((await act('approve', secondKey, id)).problem.code).toBe('already_voted');
    const last = await act('approve', office.bob, id);
    expect(last.body).toMatchObject({
      status: 'approved',
      approvals_given: 2,
      self_approved: false,
      decided_at: clock.now().toISOString(),
      votes: [
        { by: 'Ann', verdict: 'approve', comment: 'looks good', self_approved: false },
        { by: 'Bob', verdict: 'approve', comment: '' },
      ],
    });
    const { rows } = await office.db.pool.query('select kind from event where subject = $1 order by seq', [
      `approval/${id}`,
    ]);
    expect(rows.map(({ kind }) => kind)).toEqual(['approval.requested', 'approval.approved', 'approval.approved']);
  });

  test('the requester approves nothing of their own under four eyes, by whatever key', async () => {
    const { id } = await office.request((await draft()).id);
    const own = await office.createKey('approver', { owner: 'otto' });
    expect((await act('approve', own, id)).problem.code).toBe('self_approval');
    expect((await office.call('getApproval', { params: { id } })).body.votes).toEqual([]);
  });

  test('approving needs nothing to be said: the body may be left out', async () => {
    const { id } = await office.request((await draft()).id);
    expect((await office.call('approve', { token: office.ann, params: { id } })).body.status).toBe('approved');
  });

  test('one rejection rejects, and needs a comment', async () => {
    const { id } = await office.request((await draft()).id, { min_approvers: 2 });
    await act('approve', office.ann, id);
    for (const body of [{}, { comment: '' }, undefined]) {
      expect((await office.call('reject', { token: office.bob, params: { id }, body })).status).toBe(422);
    }
    expect((await act('reject', office.bob, id, 'too wide')).body).toMatchObject({ status: 'rejected' });
    expect((await act('approve', office.bob, id)).problem.code).toBe('approval_not_pending');
  });

  test('the requester or an admin withdraws, also what is approved but not used', async () => {
    const { id } = await office.request((await draft()).id);
    expect((await act('cancelApproval', office.author, id)).problem.code).toBe('forbidden');
    await act('approve', office.ann, id);
    expect((await act('cancelApproval', office.operator, id)).body.status).toBe('canceled');
    expect((await act('cancelApproval', office.operator, id)).problem.code).toBe('approval_not_pending');
    const other = await office.request((await draft()).id);
    expect((await act('cancelApproval', office.adminToken, other.id)).body.status).toBe('canceled');
  });

  test('of many votes of one person at once one counts', async () => {
    const { id } = await office.request((await draft()).id, { min_approvers: 3 });
    const answers = await Promise.all(Array.from({ length: 6 }, () => act('approve', office.ann, id)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409]);
    expect((await office.call('getApproval', { params: { id } })).body.approvals_given).toBe(1);
  });

  test('an approval and a rejection at once leave one outcome', async () => {
    for (let round = 0; round < 5; round++) {
      const { id } = await office.request((await draft()).id);
      const answers = await Promise.all([act('approve', office.ann, id), act('reject', office.bob, id, 'no')]);
      const winner = answers.find(({ status }) => status === 200)?.body.status;
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
      expect((await office.call('getApproval', { params: { id } })).body.status).toBe(winner);
    }
  });

  test('without four eyes a single person approves their own request, and the record says so', async () => {
    const alone = await startTestServer({ clock });
    try {
      const { body: bundle } = await alone.call('createBundle', { body: { version: '1.0.0', rules: [rule('one')] } });
      const { body: asked } = await alone.call('createApproval', {
        body: { kind: 'activation', bundle_id: bundle.id, justification: 'mine', risk: 'critical', initial_pct: 100 },
      });
      expect(asked).toMatchObject({ quorum: 1, four_eyes: false });
      const { body } = await alone.call('approve', { params: { id: asked.id }, body: {} });
      expect(body).toMatchObject({ status: 'approved', self_approved: true, votes: [{ self_approved: true }] });
    } finally {
      await alone.close();
    }
  });
});

describe('expiry', () => {
  test('counts at once when read, listed or voted on, and is written down once by the job', async () => {
    const pending = await office.request((await draft()).id, { expires_in_hours: 1 });
    const approved = await office.approved((await draft()).id, { expires_in_hours: 1 });
    passedMs += hourMs;
    expect((await office.call('getApproval', { params: { id: pending.id } })).body.status).toBe('expired');
    expect((await act('approve', office.ann, pending.id)).problem.code).toBe('approval_expired');
    const listed = await office.call('listApprovals', { query: { status: 'expired' } });
    expect(listed.body.approvals.map(({ id }) => id).sort()).toEqual([pending.id, approved.id].sort());
    expect(await expireApprovals(office.services, clock.now())).toBe(2);
    expect(await expireApprovals(office.services, clock.now())).toBe(0);
    const { rows } = await office.db.pool.query(
      `select subject, actor from event where kind = 'approval.expired' order by seq`,
    );
    expect(rows).toEqual([pending, approved].map(({ id }) => ({ subject: `approval/${id}`, actor: 'system' })));
  });

  test('is written down once though two servers do it at once', async () => {
    for (let i = 0; i < 5; i++) await office.request((await draft()).id, { expires_in_hours: 1 });
    passedMs += hourMs;
    const counts = await Promise.all([1, 2, 3].map(() => expireApprovals(office.services, clock.now())));
    expect(counts.reduce((sum, count) => sum + count)).toBe(5);
  });
});

describe('listing', () => {
  test('filters by status, kind and bundle, newest first, with the total', async () => {
    const bundle = await draft();
    const first = await office.request(bundle.id);
    const second = await office.request(bundle.id);
    await act('approve', office.ann, first.id);
    const list = async (query: object) => (await office.call('listApprovals', { query: query as never })).body;
    expect(await list({ bundle_id: bundle.id })).toMatchObject({
      approvals: [{ id: second.id }, { id: first.id }],
      total: 2,
    });
    expect(await list({ bundle_id: bundle.id, status: 'approved' })).toMatchObject({
      approvals: [{ id: first.id }],
      total: 1,
    });
    expect(await list({ bundle_id: bundle.id, limit: 1, offset: 1 })).toMatchObject({
      approvals: [{ id: first.id }],
      total: 2,
    });
    expect(await list({ bundle_id: bundle.id, kind: 'list' })).toMatchObject({ approvals: [], total: 0 });
    for (const query of [
      { status: 'maybe' },
      { kind: 'deed' },
      { bundle_id: 3_000_000_000 },
      { bundle_id: 'x' },
      { other: 1 },
    ]) {
      expect((await office.call('listApprovals', { query: query as never })).status).toBe(422);
    }
  });
});

describe('waiting', () => {
  const waitFor = (server: TestServer, id: number, seconds = 20) => {
    const began = performance.now();
    return server.call('getApproval', { params: { id }, query: { wait: seconds } }).then(({ body, status }) => ({
      status,
      decision: body.status,
      at: performance.now(),
      ms: performance.now() - began,
    }));
  };

  test('wakes when it is decided, here within 100 ms and on another replica within a second', async () => {
    const replica = await startTestServer({ db: office.db, clock, config: { fourEyesDefault: true } });
    try {
      const { id } = await office.request((await draft()).id);
      const here = [waitFor(office, id), waitFor(office, id)];
      const there = waitFor(replica, id);
      await new Promise((resolve) => setTimeout(resolve, 150));
      await act('approve', office.ann, id);
      const answered = performance.now();
      for (const waited of await Promise.all(here)) {
        expect(waited.decision).toBe('approved');
        expect(waited.at - answered).toBeLessThan(100);
      }
      const far = await there;
      expect(far.decision).toBe('approved');
      expect(far.at - answered).toBeLessThan(1000);
    } finally {
      await replica.close();
    }
  });

  test('answers at once what is decided or unknown, and in time what is not', async () => {
    const decided = await office.approved((await draft()).id);
    expect((await waitFor(office, decided.id)).ms).toBeLessThan(1000);
    const unknown = await office.call('getApproval', { params: { id: 2_000_000_000 }, query: { wait: 20 } });
    expect(unknown.status).toBe(404);
    const { id } = await office.request((await draft()).id);
    const slow = await waitFor(office, id, 1);
    expect(slow.decision).toBe('pending');
    expect(slow.ms).toBeGreaterThan(950);
    for (const wait of [-1, 31, 'x']) {
      expect((await office.call('getApproval', { params: { id }, query: { wait } as never })).status).toBe(422);
    }
  });

  test('ends when the time of the request is over', async () => {
    const { id } = await office.request((await draft()).id, { expires_in_hours: 1 });
    const waiting = waitFor(office, id);
    await new Promise((resolve) => setTimeout(resolve, 100));
    passedMs += hourMs;
    const waited = await waiting;
    expect(waited.decision).toBe('expired');
    expect(waited.ms).toBeLessThan(2000);
  });

  test('holds no database connection: more wait than there are connections', async () => {
    const { id } = await office.request((await draft()).id);
    const waiting = Array.from({ length: 40 }, () => waitFor(office, id));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await office.call('listBundles')).status).toBe(200);
    await act('approve', office.ann, id);
    expect(new Set((await Promise.all(waiting)).map(({ decision }) => decision))).toEqual(new Set(['approved']));
  });

  test('is for 1,000 at once: one more is answered as it stands', async () => {
    const waits = createApprovalWaits(office.services);
    const waiting = Array.from({ length: 1000 }, (_, id) => waits.wait(id, 20_000));
    const isOver = (one: { over: Promise<void> }) =>
      Promise.race([one.over.then(() => true), new Promise((resolve) => setTimeout(() => resolve(false), 20))]);
    expect(await isOver(waiting[0] as { over: Promise<void> })).toBe(false);
    expect(await isOver(waits.wait(1000, 20_000))).toBe(true);
    waiting[0]?.cancel();
    const next = waits.wait(1001, 20_000);
    expect(await isOver(next)).toBe(false);
    for (const one of [...waiting, next]) one.cancel();
    await Promise.all(waiting.map(({ over }) => over));
  });

  test('does not delay the end of the server', async () => {
    const replica = await startTestServer({ db: office.db, clock, config: { fourEyesDefault: true } });
    const { id } = await office.request((await draft()).id);
    const waiting = waitFor(replica, id).catch(() => ({ decision: 'cut off' }));
    await new Promise((resolve) => setTimeout(resolve, 150));
    const began = performance.now();
    await replica.close();
    expect(performance.now() - began).toBeLessThan(2000);
    expect((await waiting).decision).toBe('pending');
  });
});

describe('another workspace', () => {
  test('sees nothing of this one, and touches nothing', async () => {
    await office.db.pool.query(`insert into workspace (name) values ('other') on conflict do nothing`);
    const bundle = await draft();
    const { id } = await office.request(bundle.id);
    await office.call('putList', { params: { name: 'ours' }, body: { values: ['a'] } });
    const headers = { 'x-workspace': 'other' };
    const there = async (operation: Parameters<Office['call']>[0], params: object, body?: object) =>
      (await office.call(operation, { params: params as never, headers, ...(body ? { body } : {}) })).status;
    expect(await there('getBundle', { id: bundle.id })).toBe(404);
    expect(await there('getBundleByVersion', { version: bundle.version })).toBe(404);
    expect(await there('updateBundle', { id: bundle.id }, { notes: 'x' })).toBe(404);
    expect(await there('deleteBundle', { id: bundle.id })).toBe(404);
    expect(await there('archiveBundle', { id: bundle.id })).toBe(404);
    expect(await there('activateBundle', { id: bundle.id }, { approval_id: id, canary_pct: 100 })).toBe(404);
    expect(await there('getList', { name: 'ours' })).toBe(404);
    expect(await there('deleteList', { name: 'ours' })).toBe(404);
    expect(await there('getApproval', { id })).toBe(404);
    expect(await there('approve', { id })).toBe(404);
    expect(await there('reject', { id }, { comment: 'x' })).toBe(404);
    expect(await there('cancelApproval', { id })).toBe(404);
    const ask = { kind: 'activation', bundle_id: bundle.id, justification: 'why' };
    expect(await there('createApproval', {}, ask)).toBe(404);
    for (const operation of ['listBundles', 'listLists', 'listApprovals'] as const) {
      expect((await office.call(operation, { headers })).body.total).toBe(0);
    }
    // The same version and name may be taken there.
    expect(await there('createBundle', {}, { version: bundle.version, rules: [] })).toBe(201);
    expect((await office.call('getApproval', { params: { id } })).body.status).toBe('pending');
  });
});
