import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alike, before, hourMs, openYard, type Yard } from '../rollouts/rollouts.testkit.js';

let yard: Yard;
beforeAll(async () => {
  yard = await openYard();
});
afterAll(() => yard?.close());

const create = (body: object, token?: string) =>
  yard.call('createFreezeWindow', { body, ...(token === undefined ? {} : { token }) });
const list = async () => (await yard.call('listFreezeWindows')).body;
const remove = (id: number) => yard.call('deleteFreezeWindow', { params: { id } });
const local = (ms: number) => new Date(yard.now().getTime() + ms).toISOString().slice(0, 16);
/** On now, for four hours. */
const now = () => ({ type: 'dates', from: local(-hourMs), to: local(4 * hourMs) });

describe('a freeze window', () => {
  it('is made, changed in part and deleted, each with an event', async () => {
    const { status, body } = await create({
      name: 'Weekends',
      reason: 'nobody is there',
      rule: { type: 'weekly', from: { day: 'friday', time: '16:00' }, to: { day: 'monday', time: '08:00' } },
      time_zone: 'Europe/Vienna',
    });
    expect(status).toBe(201);
    // The clock of the test stands on Monday, 2026-03-02, 09:00 UTC.
    expect(body).toMatchObject({
      enabled: true,
      time_zone: 'Europe/Vienna',
      current: null,
      next: { from: '2026-03-06T15:00:00.000Z', to: '2026-03-09T07:00:00.000Z' },
      created_by: 'admin',
    });
    const { id } = body;
    const changed = await yard.call('putFreezeWindow', { params: { id }, body: { enabled: false } });
    expect(changed.body).toEqual({ ...body, enabled: false });
    await yard.call('putFreezeWindow', { params: { id }, body: { enabled: false } });
    expect((await yard.call('getFreezeWindow', { params: { id } })).body).toEqual(changed.body);
    expect((await list()).freeze_windows).toEqual([changed.body]);
    expect((await remove(id)).status).toBe(204);
    expect((await remove(id)).status).toBe(404);
    const { entries } = (await yard.call('listAudit', { query: { limit: 3 } })).body;
    expect(entries.map(({ kind, subject }) => [kind, subject])).toEqual([
      ['freeze_window.deleted', `freeze-window/${id}`],
      ['freeze_window.changed', `freeze-window/${id}`],
      ['freeze_window.created', `freeze-window/${id}`],
    ]);
    expect(entries[1]?.data).toMatchObject({ before: { enabled: true }, after: { enabled: false } });
  });

  it('takes the zone of the workspace where none is given', async () => {
    await yard.db.pool.query(
      `update setting set "values" = ("values"::jsonb || '{"time_zone": "Asia/Tokyo"}')::json where workspace_id = 1`,
    );
    await yard.db.pool.query(
      `insert into setting (workspace_id, "values", updated_by, updated_at)
       values (1, '{"time_zone": "Asia/Tokyo"}', 'test', now()) on conflict do nothing`,
    );
    const { body } = await create({ name: 'a', rule: { type: 'yearly', from: '12-31', to: '01-01' } });
    expect(body).toMatchObject({ time_zone: 'Asia/Tokyo', next: { from: '2026-12-30T15:00:00.000Z' } });
    await remove(body.id);
  });

  it.each([
    [{ rule: { type: 'daily', days: [], from: '10:00', to: '11:00' } }, '/rule'],
    [{ rule: { type: 'daily', days: ['monday'], from: '24:00', to: '11:00' } }, '/rule'],
    [{ rule: { type: 'monthly' } }, '/rule'],
    [{ rule: { type: 'yearly', from: '02-30', to: '03-01' } }, '/rule/from'],
    [{ rule: { type: 'dates', from: '2026-06-31T10:00', to: '2026-07-02T10:00' } }, '/rule/from'],
    [{ rule: { type: 'dates', from: '2026-06-03T10:00', to: '2026-06-03T10:00' } }, '/rule/to'],
    [{ rule: { type: 'dates', from: '2025-06-03T10:00', to: '2025-06-04T10:00' } }, '/rule/to'],
    [{ rule: { type: 'yearly', from: '12-24', to: '12-26' }, time_zone: 'Mars/Olympus' }, '/time_zone'],
  ])('is refused as %o', async (body, path) => {
    const { status, problem } = await create({ name: 'wrong', ...body });
    expect(status).toBe(422);
    expect(problem.errors[0]?.path).toMatch(new RegExp(`^${path}`));
  });

  it('is one of a hundred at most, also when many are made at once', async () => {
    const rule = { type: 'daily', days: ['monday'], from: '03:00', to: '03:01' };
    const { body: first } = await create({ name: 'one of many', rule, enabled: false });
    await yard.db.pool.query(
      `insert into freeze_window (workspace_id, name, reason, rule, time_zone, enabled, created_by, created_at, updated_by, updated_at)
       select workspace_id, name, reason, rule, time_zone, enabled, created_by, created_at, updated_by, updated_at
         from freeze_window, generate_series(1, 94) where id = $1`,
      [first.id],
    );
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => create({ name: 'one of many', rule, enabled: false })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(5).fill(201), ...Array(5).fill(409)]);
    const refused = answers.filter(({ status }) => status === 409);
    expect(refused.map(({ problem }) => problem.code)).toEqual(Array.from({ length: 5 }, () => 'freeze_windows_full'));
    await yard.db.pool.query('delete from freeze_window');
  });

  it('is for admins to make, for others to read', async () => {
    expect((await create({ name: 'mine', rule: now() }, yard.operator)).status).toBe(403);
    expect((await yard.call('listFreezeWindows', { token: yard.author })).status).toBe(200);
  });
});

describe('a freeze', () => {
  it('stops activation and promotion, holds what runs, and never stops a rollback', async () => {
    // In UTC whatever the workspace says.
    const window = { name: 'Launch', reason: 'the big day', time_zone: 'UTC' };
    await yard.rollOut(before, 100);
    const early = await create({ ...window, rule: now() });
    expect((await list()).freeze).toMatchObject({
      until: `${local(4 * hourMs)}:00.000Z`,
      windows: [{ id: early.body.id, name: 'Launch', reason: 'the big day' }],
    });
    expect((await yard.call('getSystem')).body.freeze?.windows).toMatchObject([{ name: 'Launch' }]);
    await expect(yard.rollOut(alike, 10)).rejects.toThrow(/"code":"frozen"/);
    await remove(early.body.id);
    const { id } = await yard.rollOut(alike, 10);
    const late = await create({ ...window, rule: now() });
    await yard.tick();
    const rollout = await yard.rolloutOf(id);
    expect(rollout.holds).toContain('freeze');
    const skip = await yard.call('skipGate', {
      token: yard.operator,
      params: { id: rollout.id },
      body: { target_pct: 50, reason: 'no time to wait' },
    });
    expect([skip.status, skip.problem.code]).toEqual([409, 'frozen']);
    // It ends by itself.
    yard.advance(4 * hourMs);
    await yard.tick();
    expect((await yard.rolloutOf(id)).holds).not.toContain('freeze');
    yard.advance(-2 * hourMs);
    await yard.tick();
    expect((await yard.rolloutOf(id)).holds).toContain('freeze');
    const back = await yard.call('rollbackBundle', {
      token: yard.operator,
      params: { id },
      body: { reason: 'it denies too much' },
    });
    expect([back.status, back.body.active]).toEqual([200, true]);
    await remove(late.body.id);
  });
});
