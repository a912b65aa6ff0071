import type { Freeze } from '@policy-studio/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rule } from '../bundles/bundles.testkit.js';
import { freezeSentence } from '../freeze-windows/queries.js';
import { hourMs, openYard, type Yard } from '../rollouts/rollouts.testkit.js';
import { expireBundlePins } from './bundle-pin.js';

const minuteMs = 60_000;
const allowing = [rule('one')];
const denying = [rule('one', { effect: 'deny', reason: 'nothing is set aside' })];

let yard: Yard;
beforeAll(async () => {
  yard = await openYard();
});
afterAll(() => yard?.close());

const pin = (bundleId: number, rest: object = {}, token = yard.operator) =>
  yard.call('pinBundle', {
    body: { bundle_id: bundleId, reason: 'invoices are denied', ...rest },
    token,
  });
const unpin = (token = yard.operator) => yard.call('unpinBundle', { body: { reason: 'mended' }, token });
const ask = async (session?: string) => {
  const body = { agent: 'inbox.triage', action: 'quarantine', context: {}, ...(session && { session }) };
  return (await yard.call('evaluate', { body })).body;
};
const system = async () => (await yard.call('getSystem')).body;
const newestEvent = async () => (await yard.call('listAudit', { query: { limit: 1 } })).body.entries[0];

let older: number;
let newer: number;
/** Two bundles that decided everything in turn: the older allows, the newer denies and is in force. */
beforeEach(async () => {
  await unpin();
  older = (await yard.rollOut(allowing, 100, { supersede: true })).id;
  newer = (await yard.rollOut(denying, 100)).id;
});

describe('a pinned bundle', () => {
  it('decides everything when the command answers, and says so in each decision', async () => {
    expect((await ask()).effect).toBe('deny');
    const { status, body } = await pin(older);
    expect(status).toBe(200);
    const { version, digest } = await yard.bundle(older);
    expect(body.bundle_pin).toMatchObject({
      bundle: { id: older, version, digest },
      reason: 'invoices are denied',
      pinned_by: 'Otto',
      until: null,
    });
    expect(await ask()).toMatchObject({
      effect: 'allow',
      policy_effect: 'allow',
      bundle: { id: older, version },
      arm: 'stable',
      overlays: [
        {
          kind: 'bundle_pinned',
          detail: `bundle ${version} is pinned and decides everything: invoices are denied`,
        },
      ],
    });
    expect(await system()).toMatchObject({ bundle: { id: newer }, bundle_pin: body.bundle_pin });
    expect(await newestEvent()).toMatchObject({
      kind: 'system.bundle_pinned',
      actor: 'Otto',
      subject: `bundle/${older}`,
    });
    const ended = await unpin();
    expect(ended.body).toMatchObject({ bundle_pin: null, generation: body.generation + 1 });
    expect(await ask()).toMatchObject({ effect: 'deny', bundle: { id: newer }, overlays: [] });
    expect(await newestEvent()).toMatchObject({ kind: 'system.bundle_unpinned', data: { reason: 'mended' } });
  });

  it('can be replayed like any other decision', async () => {
    await pin(older);
    const { decision_id: id } = await ask();
    const { body } = await yard.call('replayDecision', { params: { id } });
    expect(body).toMatchObject({ same: true, decision: { effect: 'allow' } });
  });

  it('ends by itself when a time was given, for decisions at once and on record soon', async () => {
    await pin(older, { ttl_minutes: 30 });
    const until = new Date(yard.now().getTime() + 30 * minuteMs).toISOString();
    expect((await system()).bundle_pin?.until).toBe(until);
    yard.advance(30 * minuteMs - 1);
    await yard.services.enforcement.poll();
    expect((await ask()).effect).toBe('allow');
    yard.advance(1);
    expect(await ask()).toMatchObject({ effect: 'deny', overlays: [] });
    expect((await system()).bundle_pin).toBeNull();
    expect(await expireBundlePins(yard.services, yard.now())).toBe(1);
    expect(await expireBundlePins(yard.services, yard.now())).toBe(0);
    expect(await newestEvent()).toMatchObject({
      kind: 'system.bundle_pin_expired',
      actor: 'system',
      data: { until, end: 'expired' },
    });
  });

  it('opens one incident, which tells of its end', async () => {
    const id = (await pin(older)).body.bundle_pin?.incident_id as number;
    const again = (await pin(newer)).body.bundle_pin?.incident_id;
    await unpin();
    const { body: incident } = await yard.call('getIncident', { params: { id } });
    expect(again).toBe(id);
    expect(incident).toMatchObject({ kind: 'bundle_pinned', severity: 'high', status: 'open' });
    expect(incident.playbooks).toHaveLength(1);
    expect(incident.timeline.at(-1)).toMatchObject({
      type: 'noted',
      actor: 'Otto',
      text: expect.stringContaining('the pin was ended: the rollouts decide again: mended'),
    });
  });

  it('may be asked for again without effect, and replaced by another', async () => {
    const first = await pin(older, { ttl_minutes: 5 });
    expect((await pin(older, { ttl_minutes: 5 })).body).toEqual(first.body);
    const other = await pin(newer);
    expect(other.body.bundle_pin?.bundle.id).toBe(newer);
    expect(other.body.generation).toBe(first.body.generation + 1);
    const { rows } = await yard.db.pool.query(
      'select bundle_id, end_reason from bundle_pin where pinned_at = $1 order by id desc limit 2',
      [yard.now()],
    );
    expect(rows).toEqual([
      { bundle_id: newer, end_reason: null },
      { bundle_id: older, end_reason: 'replaced' },
    ]);
  });

  it('leaves one when two people pin at once', async () => {
    const answers = await Promise.all([pin(older), pin(newer, {}, yard.otherOperator)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const { rows } = await yard.db.pool.query('select bundle_id from bundle_pin where ended_at is null');
    expect(rows).toHaveLength(1);
    expect((await ask()).bundle?.id).toBe(rows[0].bundle_id);
  });

  it('is for operators and admins', async () => {
    for (const token of [yard.author, yard.ann]) {
      expect((await pin(older, {}, token)).status).toBe(403);
      expect((await unpin(token)).status).toBe(403);
    }
  });

  it.each([
    [{ reason: 'short' }, '/reason'],
    [{ ttl_minutes: 0 }, '/ttl_minutes'],
    [{ ttl_minutes: 7 * 24 * 60 + 1 }, '/ttl_minutes'],
    [{ effect: 'allow' }, '/effect'],
  ])('refuses %o', async (rest, path) => {
    const { status, problem } = await pin(older, rest);
    expect([status, problem.errors[0]?.path]).toEqual([422, path]);
  });

  it('gives way to an emergency switch', async () => {
    await pin(older);
    await yard.call('disablePolicy', { body: { effect: 'deny', reason: 'an agent runs wild', ttl_minutes: 5 } });
    expect(await ask()).toMatchObject({
      effect: 'deny',
      overlays: [{ kind: 'bundle_pinned' }, { kind: 'pinned', would_be: 'allow' }],
    });
    await yard.call('enablePolicy', { body: {} });
    expect((await ask()).effect).toBe('allow');
  });

  it('is the only bundle of a snapshot, whose tag changes when the time is over', async () => {
    await pin(older, { ttl_minutes: 5 });
    const held = await yard.call('getSnapshot');
    expect(held.body).toMatchObject({
      stable: { id: older },
      candidate: null,
      bundle_pin: { reason: expect.any(String) },
    });
    yard.advance(5 * minuteMs);
    const etag = held.headers.get('etag') as string;
    const later = await yard.call('getSnapshot', { headers: { 'if-none-match': etag } });
    expect(later.body).toMatchObject({ stable: { id: newer }, bundle_pin: null });
  });
});

describe('what may be pinned', () => {
  it('is no bundle that has never decided everything', async () => {
    const draft = await yard.draft(yard.version(), allowing);
    const canary = await yard.rollOut([...allowing, rule('two', { action: 'escalate' })], 10);
    for (const { id } of [draft, canary]) {
      const { status, problem } = await pin(id);
      expect([status, problem.code]).toEqual([409, 'bundle_not_proven']);
    }
    expect((await pin(1_000_000)).status).toBe(404);
    await yard.db.pool.query("insert into workspace (name) values ('elsewhere')");
    const foreign = { body: { bundle_id: older, reason: 'not mine to pin' }, headers: { 'x-workspace': 'elsewhere' } };
    expect((await yard.call('pinBundle', foreign)).status).toBe(404);
    expect((await system()).bundle_pin).toBeNull();
  });

  it('is no bundle that was rolled back, also when it decided everything before', async () => {
    await yard.call('rollbackBundle', {
      params: { id: newer },
      body: { reason: 'it denies too much' },
      token: yard.operator,
    });
    const { status, problem } = await pin(newer);
    expect([status, problem.code]).toEqual([409, 'bundle_not_proven']);
    expect(problem.detail).toContain('was rolled back');
    expect((await pin(older)).status).toBe(200);
  });

  it('reads the lists as they were approved', async () => {
    const put = (name: string, values: string[]) =>
      yard.call('putList', { params: { name }, body: { values }, token: yard.operator });
    await put('vips', ['a@example.com']);
    const reading = await yard.rollOut([rule('one', { conditions: { sender: { list: 'vips' } } })], 100);
    await yard.rollOut(denying, 100);
    // The rollout that follows bakes, so that the list is not to be changed alone yet.
    expect((await put('vips', ['b@example.com'])).problem.code).toBe('approval_required');
    await yard.rollOut(allowing, 100);
    yard.advance(1);
    expect((await put('vips', ['b@example.com'])).status).toBe(200);
    const moved = await pin(reading.id);
    expect([moved.status, moved.problem.code]).toEqual([409, 'approval_required']);
    expect(moved.problem.detail).toContain('`vips` has changed');
    await yard.call('deleteList', { params: { name: 'vips' }, token: yard.operator });
    await put('vip', ['b@example.com']);
    const { problem } = await pin(reading.id);
    expect(problem).toMatchObject({ code: 'bundle_invalid', detail: expect.stringContaining('did you mean `vip`?') });
  });

  it('is not broken by a change of its lists', async () => {
    const put = (values: string[], live = false) =>
      yard.call('putList', {
        params: { name: 'hosts' },
        body: { values, ...(live && { live }) },
        token: yard.operator,
      });
    await put(['example.com'], true);
    const reading = await yard.rollOut([rule('one', { conditions: { 'url domain_in': { list: 'hosts' } } })], 100);
    await yard.rollOut(denying, 100);
    await pin(reading.id);
    expect((await put(['example.com', 'not a host'])).problem).toMatchObject({
      code: 'bundle_invalid',
      detail: expect.stringContaining(`bundle ${reading.id}, which is in force`),
    });
    expect((await put(['example.org'])).status).toBe(200);
  });

  it('keeps its lists and stays in the registry', async () => {
    await yard.call('putList', { params: { name: 'kept' }, body: { values: ['a'] }, token: yard.operator });
    const reading = await yard.rollOut([rule('one', { conditions: { sender: { list: 'kept' } } })], 100);
    await yard.rollOut(denying, 100);
    await yard.rollOut(allowing, 100);
    expect((await pin(reading.id)).status).toBe(200);
    const change = { params: { name: 'kept' }, body: { values: ['b'] }, token: yard.operator };
    expect((await yard.call('putList', change)).problem.code).toBe('approval_required');
    const removed = await yard.call('deleteList', { params: { name: 'kept' }, token: yard.operator });
    expect(removed.problem.code).toBe('list_in_use');
    const archived = await yard.call('archiveBundle', { params: { id: reading.id }, token: yard.operator });
    expect(archived.problem.code).toBe('bundle_in_force');
  });
});

describe('while a bundle is pinned', () => {
  it('rollouts stand still, count nothing and go on from there afterwards', async () => {
    const { id } = await yard.rollOut([...allowing, rule('two', { action: 'escalate' })], 10);
    await yard.ask(40);
    yard.advance(hourMs);
    await pin(older);
    await yard.tick();
    const before = await yard.rolloutOf(id);
    expect(before.holds).toContain('freeze');
    await yard.ask(40);
    yard.advance(hourMs);
    await yard.tick();
    const after = await yard.rolloutOf(id);
    expect(after).toMatchObject({
      phase: 'canary',
      share_pct: 10,
      evidence: before.evidence,
      dwelled_seconds: before.dwelled_seconds,
    });
    const { rollouts } = (await yard.call('listRollouts', { query: { bundle_id: id } })).body;
    const target = { id: rollouts[0]?.id ?? 0 };
    for (const operation of ['promoteRollout', 'skipGate'] as const) {
      const body = operation === 'skipGate' ? { target_pct: 100, reason: 'it is urgent now' } : {};
      const { status, problem } = await yard.call(operation, { params: target, body, token: yard.operator });
      expect([status, problem.code]).toEqual([409, 'frozen']);
      expect(problem.detail).toMatch(/^the pin to bundle \S+ \(id \d+\) is on until somebody ends the pin;/);
    }
    await unpin();
    await yard.tick();
    expect((await yard.rolloutOf(id)).holds).not.toContain('freeze');
    expect(new Set((await yard.ask(200)).map(({ arm }) => arm))).toEqual(new Set(['canary', 'stable']));
  });

  it('what is frozen ends with the last of pin and windows', async () => {
    const until = '2027-01-02T00:00';
    const rule = { type: 'dates', from: '2026-01-01T00:00', to: until };
    const body = { name: 'audit', rule, time_zone: 'UTC' };
    const { body: made } = await yard.call('createFreezeWindow', { body });
    await pin(older, { ttl_minutes: 5 });
    const { freeze } = (await yard.call('listFreezeWindows')).body;
    const pinned = { bundle_id: older, until: new Date(yard.now().getTime() + 5 * minuteMs).toISOString() };
    expect(freeze).toMatchObject({ until: `${until}:00.000Z`, windows: [{ name: 'audit' }], bundle_pin: pinned });
    expect(freezeSentence(freeze as Freeze)).toMatch(
      /^freeze window `audit` and the pin to bundle \S+ \(id \d+\) are on until 2027-01-02T00:00:00\.000Z$/,
    );
    await yard.call('deleteFreezeWindow', { params: { id: made.id } });
    expect((await system()).freeze).toMatchObject({ until: pinned.until, windows: [] });
  });

  it('nothing is activated', async () => {
    const { id } = await yard.draft(yard.version(), allowing);
    const approval = await yard.approved(id);
    await pin(older);
    const body = { approval_id: approval.id, canary_pct: 100 };
    const refused = await yard.call('activateBundle', { params: { id }, body, token: yard.operator });
    expect([refused.status, refused.problem.code]).toEqual([409, 'frozen']);
    await unpin();
    expect((await yard.call('activateBundle', { params: { id }, body, token: yard.operator })).status).toBe(200);
  });

  it('a rollback of another bundle happens below it', async () => {
    await pin(older);
    const reason = 'it denies too much';
    const { body } = await yard.call('rollbackBundle', {
      params: { id: newer },
      body: { reason },
      token: yard.operator,
    });
    expect(body).toMatchObject({ id: older });
    expect((await system()).bundle_pin?.bundle.id).toBe(older);
    await unpin();
    expect(await ask()).toMatchObject({ effect: 'allow', bundle: { id: older } });
  });

  it('a rollback of the pinned bundle ends the pin', async () => {
    const { body: pinned } = await pin(older);
    const back = { params: { id: older }, body: { reason: 'it allows too much' }, token: yard.operator };
    const { status, body } = await yard.call('rollbackBundle', back);
    expect([status, body]).toMatchObject([200, { id: newer, incident_id: pinned.bundle_pin?.incident_id }]);
    expect((await system()).bundle_pin).toBeNull();
    expect((await ask()).bundle?.id).toBe(newer);
    expect((await yard.call('rollbackBundle', back)).problem.code).toBe('bundle_not_in_force');
  });

  it('the safe bundle gives way to it', async () => {
    const first = await openYard();
    try {
      const one = await first.rollOut(allowing, 100);
      await first.call('pinBundle', {
        body: { bundle_id: one.id, reason: 'kept as it is' },
        token: first.operator,
      });
      await first.db.pool.query('update workspace set safe = true, generation = generation + 1');
      await first.services.enforcement.poll();
      const body = { agent: 'inbox.triage', action: 'quarantine', context: {} };
      expect((await first.call('evaluate', { body })).body.effect).toBe('allow');
      await first.call('unpinBundle', { body: {}, token: first.operator });
      expect((await first.call('evaluate', { body })).body.overlays).toMatchObject([{ kind: 'safe_bundle' }]);
    } finally {
      await first.close();
    }
  });
});
