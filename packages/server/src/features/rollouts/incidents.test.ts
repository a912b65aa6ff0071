import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { incidentVerdict } from './incident-rollback.js';
import { alike, before, hourMs, openYard, strict, type Yard } from './rollouts.testkit.js';

describe('an incident from outside', () => {
  it.each([
    [0, 6, true],
    [1.99, 5, false],
    [2, 6, false],
    [2, 11, true],
    [11.99, 10, false],
    [12, 11, false],
    [12, 16, true],
    [23.99, 15, false],
    [24, 100, false],
  ])('%f hours after the activation, with %i errors in 100 decisions: rolls back %s', (hours, failed, expected) => {
    const verdict = incidentVerdict(hours * hourMs, { decisions: 100, failed });
    expect(verdict.rollBack).toBe(expected);
    expect(verdict.reason).not.toBe('');
  });

  it('takes no few decisions for a rate', () => {
    expect(incidentVerdict(hourMs, { decisions: 19, failed: 19 }).rollBack).toBe(false);
    expect(incidentVerdict(hourMs, { decisions: 20, failed: 20 }).rollBack).toBe(true);
  });
});

describe('the controller', () => {
  let yard: Yard;
  let stable: number;
  beforeAll(async () => {
    yard = await openYard();
  });
  afterAll(() => yard?.close());
  beforeEach(async () => {
    stable = (await yard.rollOut(before, 100, { supersede: true })).id;
  });

  /** Asks, and reports that so many of the actions ended in an error. */
  const work = async (decisions: number, errors: number) => {
    for (let index = 0; index < decisions; index++) {
      const request = { agent: 'inbox.triage', action: 'escalate', context: {}, session: `worker-${index}` };
      const { body } = await yard.call('evaluate', { body: request });
      await yard.call('reportOutcome', {
        params: { id: body.decision_id },
        body: { status: index < errors ? 'error' : 'success' },
      });
    }
  };
  const open = async (rest: object = {}) =>
    (await yard.call('createIncident', { body: { severity: 'high', summary: 'agents harm', ...rest } })).body.id;
  const notes = async (id: number) =>
    (await yard.call('getIncident', { params: { id } })).body.timeline
      .filter(({ type }) => type === 'noted')
      .map(({ text }) => text);

  it('rolls a fresh activation with errors back because of it, once', async () => {
    const { id } = await yard.rollOut(alike, 100);
    await work(40, 3);
    yard.advance(60_000);
    await yard.tick();
    expect((await yard.rolloutOf(id)).phase).toBe('baking');
    const incident = await open();
    await yard.tick();
    expect((await yard.rolloutOf(id)).phase).toBe('rolled_back');
    expect((await yard.bundle(stable)).status).toBe('active');
    expect(await notes(incident)).toEqual([expect.stringMatching(/^rolls bundle \S+ back: its error rate is 7\.5 %/)]);
    const next = await yard.rollOut(alike, 100);
    await yard.tick();
    expect((await yard.rolloutOf(next.id)).phase).toBe('baking');
    expect(await notes(incident)).toHaveLength(1);
  });

  it.each([
    ['a healthy one', 0, {}, 1],
    ['one that has nothing to do with policy', 10, { tied_to_policy: false }, 0],
    ['a small one', 10, { severity: 'medium' }, 0],
  ])('leaves the activation alone: %s', async (_, errors, rest, told) => {
    const { id } = await yard.rollOut(alike, 100, { on_breach: 'rollback' });
    await work(30, errors > 0 ? 2 : 0);
    const incident = await open(rest);
    await yard.tick();
    expect((await yard.rolloutOf(id)).phase).toBe('baking');
    expect(await notes(incident)).toHaveLength(told);
  });

  it('does not hold an activation to blame for what came before it', async () => {
    const incident = await open();
    yard.advance(1000);
    const { id } = await yard.rollOut(alike, 100);
    await work(30, 3);
    await yard.tick();
    expect((await yard.rolloutOf(id)).phase).toBe('baking');
    expect(await notes(incident)).toEqual(['rolls nothing back: the newest activation came after it']);
  });

  it('weighs what is opened again anew: against a later activation, and never twice against the same', async () => {
    const key = 'monitor/errors';
    const { id } = await yard.rollOut(alike, 100);
    await work(30, 0);
    const incident = await open({ key });
    await yard.tick();
    expect((await yard.rolloutOf(id)).phase).toBe('baking');
    yard.advance(hourMs);
    await work(30, 5);
    const again = async () => {
      yard.advance(1_000);
      expect((await yard.call('resolveIncident', { params: { id: incident }, body: {} })).status).toBe(200);
      expect(await open({ key })).toBe(incident);
      await yard.tick();
    };
    await again();
    expect((await yard.rolloutOf(id)).phase).toBe('baking');
    yard.advance(1_000);
    const next = await yard.rollOut(alike, 100);
    await work(30, 5);
    await again();
    expect((await yard.rolloutOf(next.id)).phase).toBe('rolled_back');
    await again();
    expect((await yard.bundle(id)).status).toBe('active');
    expect(await notes(incident)).toEqual([
      expect.stringMatching(/^rolls nothing back: its error rate is 0 %/),
      'rolls nothing back: the newest activation was there when this was decided before',
      expect.stringMatching(/^rolls bundle \S+ back: its error rate is/),
      'rolls nothing back: the newest activation was there when this was decided before',
    ]);
  });

  it('pages, and moves nothing, when the bundle that was gone back to fails as well', async () => {
    const { id } = await yard.rollOut(strict, 100);
    await yard.ask(60);
    await yard.tick();
    expect((await yard.rolloutOf(id)).phase).toBe('rolled_back');
    yard.advance(60_000);
    await work(30, 30);
    await yard.tick();
    await yard.tick();
    const { incidents } = (await yard.call('listIncidents', { query: { kind: 'rollback_target_unhealthy' } })).body;
    expect(incidents).toMatchObject([{ severity: 'critical', occurrences: 1 }]);
    expect((await yard.bundle(stable)).status).toBe('active');
  });
});
