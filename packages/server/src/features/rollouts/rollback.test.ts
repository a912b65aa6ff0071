import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rule } from '../bundles/bundles.testkit.js';
import { alike, before, openYard, placesIn, strict, type Yard } from './rollouts.testkit.js';

let yard: Yard;
let stable: number;
beforeAll(async () => {
  yard = await openYard();
});
afterAll(() => yard?.close());
beforeEach(async () => {
  stable = (await yard.rollOut(before, 100, { supersede: true })).id;
});

const rollback = (id: number, body: object = {}, token = yard.operator) =>
  yard.call('rollbackBundle', { token, params: { id }, body: { reason: 'it denies too much', ...body } });
const places = (...ids: number[]) => placesIn(yard, ids);

describe('a rollback', () => {
  it('brings the bundle before back, says so in the words of the old interface, and does it once', async () => {
    const { id, version } = await yard.rollOut(alike, 10);
    const done = await rollback(id, { rolled_back_by: 'pager' });
    expect([done.status, done.body]).toEqual([
      200,
      {
        id: stable,
        version: (await yard.bundle(stable)).version,
        rolled_back_from: version,
        active: true,
        canary_pct: 100,
        message: expect.stringContaining('is rolled back'),
        incident_created: true,
        incident_id: expect.any(Number),
      },
    ]);
    expect(await places(id, stable)).toEqual([
      ['rolled_back', false, 0, 0],
      ['active', true, 100, 100],
    ]);
    const events = async () => (await yard.db.pool.query('select count(*) as n from event')).rows[0].n;
    const seen = await events();
    const again = await rollback(id);
    expect(again.body).toMatchObject({ id: stable, rolled_back_from: version, incident_created: false });
    expect(await events()).toBe(seen);
    expect((await rollback(2_000_000_000)).problem.code).toBe('not_found');
  });

  it('needs a reason of ten characters, and a bundle in force', async () => {
    const { id } = await yard.rollOut(alike, 10);
    expect((await rollback(id, { reason: 'too short' })).status).toBe(422);
    expect((await rollback(id, { reason: '               ' })).status).toBe(422);
    const draft = await yard.draft(yard.version());
    expect((await rollback(draft.id)).problem.code).toBe('bundle_not_in_force');
    await rollback(id, { create_incident: false });
    const after = await yard.rollOut([rule('four')], 100);
    expect((await rollback(id)).problem.code).toBe('bundle_not_in_force');
    expect((await rollback(after.id)).body.id).toBe(stable);
  });

  it('opens no incident when told not to, and none for a bundle that only watched', async () => {
    const first = await yard.rollOut(alike, 10);
    expect((await rollback(first.id, { create_incident: false })).body.incident_id).toBeNull();
    const second = await yard.rollOut([rule('five')], 0);
    const { body } = await rollback(second.id);
    expect(body).toMatchObject({ id: stable, incident_created: false });
    expect((await yard.rolloutOf(second.id)).phase).toBe('aborted');
    expect((await yard.bundle(stable)).metadata.rollback).toMatchObject({ from: { id: first.id } });
  });

  it('goes back to a bundle that was archived meanwhile', async () => {
    const { id } = await yard.rollOut(alike, 100);
    expect((await yard.call('archiveBundle', { params: { id: stable } })).status).toBe(200);
    expect((await rollback(id)).body.id).toBe(stable);
    expect(await places(stable)).toEqual([['active', true, 100, 100]]);
  });

  it('has nothing to go back to when a list of the bundle before is gone, and keeps it while that stands by', async () => {
    const values = { values: ['a'] };
    await yard.call('putList', { params: { name: 'needed' }, body: values });
    const reading = [rule('one', { conditions: { sender: { list: 'needed' } } })];
    await yard.rollOut(reading, 100);
    const second = await yard.rollOut(alike, 100);
    const remove = () => yard.call('deleteList', { params: { name: 'needed' } });
    expect((await remove()).problem.code).toBe('list_in_use');
    await yard.db.pool.query(
      `update rollout set phase = 'completed', ended_at = now(), end_reason = 'test' where phase = 'baking'`,
    );
    expect((await remove()).status).toBe(204);
    const { body } = await rollback(second.id);
    expect(body).toMatchObject({ id: null, incident_created: true });
    const answer = await yard.call('evaluate', { body: { agent: 'inbox.triage', action: 'escalate', context: {} } });
    expect(answer.body.effect).toBe('deny');
  });

  it('works long after the end, and takes down what stands on the bundle', async () => {
    const first = await yard.rollOut(alike, 100);
    const second = await yard.rollOut([rule('six')], 10);
    expect((await yard.rolloutOf(first.id)).phase).toBe('completed');
    expect((await rollback(first.id)).body.id).toBe(stable);
    expect(await places(first.id, second.id, stable)).toEqual([
      ['rolled_back', false, 0, 0],
      ['superseded', false, 0, 0],
      ['active', true, 100, 100],
    ]);
  });

  it('of a rollout is that of its bundle', async () => {
    const { id } = await yard.rollOut(alike, 10);
    const rollout = await yard.rolloutOf(id);
    const back = () =>
      yard.call('rollbackRollout', {
        token: yard.operator,
        params: { id: rollout.id },
        body: { reason: 'it was too slow' },
      });
    expect((await back()).body.id).toBe(stable);
    expect((await back()).body.id).toBe(stable);
    const superseded = await yard.rollOut([rule('seven')], 10);
    const { id: old } = await yard.rolloutOf(superseded.id);
    await yard.rollOut([rule('eight')], 10, { supersede: true });
    const answer = await yard.call('rollbackRollout', {
      token: yard.operator,
      params: { id: old },
      body: { reason: 'it was too slow' },
    });
    expect(answer.problem.code).toBe('rollout_over');
  });
});

describe('without a bundle before', () => {
  it('the system pages and holds; a person goes to the safe bundle, which denies everything', async () => {
    const first = await openYard();
    try {
      await first.db.pool.query(`insert into setting values (1, '{"default_effect":"allow"}', 'test', now())`);
      const { id } = await first.rollOut(strict, 100);
      await first.ask(50);
      await first.tick();
      expect(await first.rolloutOf(id)).toMatchObject({ phase: 'baking', holds: ['failing', 'no-target'] });
      const paged = (await first.call('listIncidents')).body.incidents;
      expect(paged).toMatchObject([{ kind: 'rollout_held', severity: 'critical' }]);
      const body = { reason: 'agents cannot work', create_incident: false };
      const done = await first.call('rollbackBundle', { params: { id }, body });
      expect(done.body).toMatchObject({ id: null, version: null, active: false, incident_created: true });
      const [newest] = (await first.call('listIncidents')).body.incidents;
      expect(newest).toMatchObject({ kind: 'no_previous_bundle', severity: 'critical' });
      const answer = await first.call('evaluate', { body: { agent: 'any.one', action: 'thing', context: {} } });
      expect(answer.body.effect).toBe('deny');
      const again = await first.call('rollbackBundle', { params: { id }, body });
      expect([again.status, again.body.id]).toEqual([200, null]);
      const next = await first.rollOut(before, 100);
      expect(next.status).toBe('active');
      const allowed = await first.call('evaluate', {
        body: { agent: 'inbox.triage', action: 'escalate', context: {} },
      });
      expect(allowed.body.effect).toBe('allow');
    } finally {
      await first.close();
    }
  });
});
