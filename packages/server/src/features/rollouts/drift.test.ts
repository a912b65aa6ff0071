import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { tickRollouts } from './controller.js';
import { watchMinutes } from './drift.js';
import { before, hourMs, openYard, type Yard } from './rollouts.testkit.js';

const tally = (decisions: number, failed = 0) => ({ decisions, failed, denied: 0, unmatched: 0 });
const at = (minute: number) => new Date(Date.UTC(2026, 2, 2, 9, minute));
const minutes = (count: number, decisions: number, failed: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({ minute: at(from + index), ...tally(decisions, failed) }));

describe('minutes after a rollout', () => {
  const fresh = { up_to: at(0).toISOString(), baseline: tally(0), levels: {} };

  it('are the baseline until that has a thousand decisions', () => {
    const { baseline, alarms } = watchMinutes(fresh, minutes(20, 100, 50));
    expect([baseline, alarms]).toEqual([tally(1000, 500), []]);
  });

  it('raise an alarm when a rate has risen, and begin anew', () => {
    const state = { ...fresh, baseline: tally(2000, 20) };
    expect(watchMinutes(state, minutes(60, 100, 1)).alarms).toEqual([]);
    const { alarms, levels } = watchMinutes(state, [
      ...minutes(30, 100, 1),
      ...minutes(1, 100, 30, 30),
      ...minutes(1, 100, 2, 31),
    ]);
    expect(alarms).toMatchObject([{ metric: { metric: 'failed' }, minute: at(30), rate: 0.3, before: 0.01 }]);
    expect(levels.failed).toBeLessThan(30);
  });

  it('come out the same read one by one', () => {
    const all = [...minutes(10, 100, 2), ...minutes(5, 100, 6, 10)];
    const state = { ...fresh, baseline: tally(2000, 20) };
    let oneByOne: Parameters<typeof watchMinutes>[0] = state;
    for (const minute of all) oneByOne = { ...oneByOne, ...watchMinutes(oneByOne, [minute]) };
    expect(oneByOne.levels).toEqual(watchMinutes(state, all).levels);
  });
});

describe('a bundle whose rollout is completed', () => {
  let yard: Yard;
  let replica: TestServer;
  let bundle: number;
  beforeAll(async () => {
    yard = await openYard();
    replica = await startTestServer({ db: yard.db, catalog: 'strict', clock: { now: yard.now } });
    bundle = (await yard.rollOut(before, 100)).id;
    await yard.ask(1200);
    yard.advance(24 * hourMs);
    await yard.tick();
  });
  afterAll(async () => {
    await replica?.close();
    await yard?.close();
  });
  const look = () =>
    Promise.all([yard.services, replica.services, yard.services].map((services) => tickRollouts(services, yard.now())));
  const drifted = async () => (await yard.call('listIncidents', { query: { kind: 'drift' } })).body.incidents;
  /** A minute of decisions of which so many have no rule, so that the default effect denies them. */
  const minute = async (decisions: number, unruled: number) => {
    const requests = Array.from({ length: decisions }, (_, index) => ({
      agent: 'inbox.triage',
      action: index < unruled ? 'delete' : 'escalate',
      context: {},
      session: `later-${index}`,
    }));
    await yard.call('evaluateBatch', { body: { requests } });
    yard.advance(60_000);
    await look();
  };

  it('is left alone while it behaves as it did', async () => {
    expect((await yard.rolloutOf(bundle)).phase).toBe('completed');
    for (let index = 0; index < 6; index++) await minute(200, 1);
    expect(await drifted()).toEqual([]);
  });

  it('is told of once when it changes, whichever servers look, and stays in force', async () => {
    for (let index = 0; index < 3; index++) await minute(200, 60);
    for (let index = 0; index < 4; index++) await minute(50, 0);
    const seen = await drifted();
    expect(seen.map(({ key, severity, status }) => [key.replace(/\d+/, 'N'), severity, status])).toEqual([
      ['rollout/N/drift/unmatched', 'medium', 'open'],
      ['rollout/N/drift/denied', 'medium', 'open'],
    ]);
    expect(seen[0]?.details).toMatchObject({ metric: { name: 'unmatched', before: 0, after: 0.3, sample: 200 } });
    // Three minutes, each seen by one of three looks.
    expect(seen.map(({ occurrences }) => occurrences)).toEqual([3, 3]);
    expect((await yard.bundle(bundle)).status).toBe('active');
  });

  it('is not told of for what an emergency switch denied', async () => {
    const before = (await drifted()).map(({ occurrences }) => occurrences);
    await yard.call('disablePolicy', { body: { effect: 'deny', reason: 'a fire drill', ttl_minutes: 3 } });
    for (let index = 0; index < 2; index++) await minute(200, 200);
    yard.advance(hourMs);
    await look();
    expect((await drifted()).map(({ occurrences }) => occurrences)).toEqual(before);
  });
});
