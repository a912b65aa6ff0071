import { bucketOf, isCanary } from '@policy-studio/engine';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rule } from '../bundles/bundles.testkit.js';
import { foldEvidence } from '../decisions/evidence.js';
import { alike, before, openYard, type Yard } from './rollouts.testkit.js';

let yard: Yard;
beforeAll(async () => {
  yard = await openYard();
});
afterAll(() => yard?.close());
beforeEach(async () => {
  await yard.rollOut(before, 100, { supersede: true });
});

interface Place {
  readonly bundle: number;
  readonly rollout: number;
  /** Sessions of either arm. */
  readonly canary: readonly string[];
  readonly stable: readonly string[];
}

/** A rollout at 50 % that has been healthy for hours, over so many decisions of a thousand sessions in each arm. */
async function longHealthy(rules: readonly unknown[], decisions: number): Promise<Place> {
  const { id: bundle } = await yard.rollOut(rules, 50);
  const { id: rollout } = await yard.rolloutOf(bundle);
  await yard.db.pool.query(
    `insert into rollout_evidence_delta (rollout_id, step, arm, principal, workspace_id, decisions, failed, mismatched,
       denied, approvals, unmatched, newly_denied, newly_allowed, newly_unmatched, newly_matched, outcomes,
       outcome_errors, cost_count, cost_sum, cost_squares, last_at, arrived_at)
     select $1, (select step from rollout where id = $1), arm, 'healthy-' || n, 1, $2::bigint / 1000, 0, 0, 0, 0, 0, 0, 0, 0, 0,
       $2 / 1000, $2 / 100000, 0, 0, 0, now(), now() - interval '5 hours' + n * interval '15 seconds'
     from generate_series(1, 1000) n, unnest(array['stable', 'canary', 'shadow']) arm`,
    [rollout, decisions],
  );
  await foldEvidence(yard.db.pool);
  const sessions = Array.from({ length: 400 }, (_, index) => `session-${index}`);
  return {
    bundle,
    rollout,
    canary: sessions.filter((session) => isCanary(bucketOf(rollout, session), 50)),
    stable: sessions.filter((session) => !isCanary(bucketOf(rollout, session), 50)),
  };
}

/** One decision of a session and how the action ended. */
async function act(session: string | undefined, status: 'success' | 'error', context: object = {}): Promise<void> {
  const request = { agent: 'inbox.triage', action: 'escalate', context, session: session ?? 'nobody' };
  const { body } = await yard.call('evaluate', { body: request });
  if (body.effect === 'allow') await yard.call('reportOutcome', { params: { id: body.decision_id }, body: { status } });
}

const phase = async ({ bundle }: Place) => (await yard.rolloutOf(bundle)).phase;

describe('a candidate that was healthy for hours', () => {
  it.each([10_000, 1_000_000])(
    'and fails from then on is rolled back within some failures: after %i decisions',
    async (n) => {
      const place = await longHealthy(alike, n);
      await yard.tick();
      let failures = 0;
      while ((await phase(place)) === 'canary' && failures < 50) {
        await act(place.canary[failures], 'error');
        failures += 1;
        await yard.tick();
      }
      expect(await phase(place)).toBe('rolled_back');
      expect(failures).toBeGreaterThanOrEqual(7);
      expect(failures).toBeLessThanOrEqual(13);
      expect((await yard.rolloutOf(place.bundle)).end_reason).toMatch(
        /^the error rate is 100 % over the last \d+ decisions \(\S+ % over all [\d,]+ decisions of the step\)/,
      );
    },
  );

  it('and denies all at once what it is asked from then on is rolled back', async () => {
    const denies = [
      ...alike,
      rule('late', { action: 'escalate', effect: 'deny', priority: 90, conditions: { urgent: true } }),
    ];
    const place = await longHealthy(denies, 1_000_000);
    let denied = 0;
    while ((await phase(place)) === 'canary' && denied < 100) {
      await act(place.canary[denied], 'success', { urgent: true });
      denied += 1;
      await yard.tick();
    }
    expect(await phase(place)).toBe('rolled_back');
    expect(denied).toBeLessThanOrEqual(40);
  });

  it('is held, not rolled back, where stable begins to fail at the same time', async () => {
    const place = await longHealthy(alike, 1_000_000);
    for (let index = 0; index < 30; index++) {
      await act(place.stable[index], 'error');
      await act(place.canary[index], 'error');
    }
    await yard.tick();
    expect(await yard.rolloutOf(place.bundle)).toMatchObject({
      phase: 'canary',
      holds: expect.arrayContaining(['environmental']),
    });
  });

  it('is not rolled back because of one session among many', async () => {
    const place = await longHealthy(alike, 1_000_000);
    for (let index = 1; index <= 60; index++) {
      await act(place.canary[index], 'success');
      await act(place.canary[0], 'error');
      await act(place.canary[index], 'success');
    }
    await yard.tick();
    expect(await phase(place)).toBe('canary');
    // Of three it is not one session's fault any more.
    for (let index = 0; index < 3; index++) for (let n = 0; n < 30; n++) await act(place.canary[index], 'error');
    await yard.tick();
    expect(await phase(place)).toBe('rolled_back');
  });
});

describe('a candidate that costs more than a bundle under rollout may', () => {
  it('is rolled back by the sum, however cheap stable makes it look, and its cap is an approved setting', async () => {
    const dear = [rule('one', { budget: { cost: 3 } }), rule('two', { action: 'escalate', budget: { cost: 3 } })];
    await yard.rollOut(dear, 100, { supersede: true });
    const change = { critical: { max_spend_24h: 100 } };
    const present = (await yard.call('getSettings')).body;
    expect((await yard.call('putSettings', { body: change })).problem.code).toBe('approval_required');
    await yard.db.pool.query(`insert into setting values (1, $1, 'test', now())`, [
      JSON.stringify({ critical: { ...present.critical, ...change.critical } }),
    ]);
    const { id } = await yard.rollOut([...dear, rule('three', { action: 'allow' })], 50);
    await yard.db.pool.query('delete from setting');
    expect((await yard.rolloutOf(id)).plan.critical.max_spend_24h).toBe(100);
    await yard.ask(40);
    await yard.tick();
    expect((await yard.rolloutOf(id)).phase).toBe('canary');
    await yard.ask(160);
    await yard.tick();
    expect(await yard.rolloutOf(id)).toMatchObject({
      phase: 'rolled_back',
      end_reason: expect.stringMatching(/^its decisions of the last 24 hours cost \$[\d.]+, beyond the \$100\.00/),
    });
  });
});
