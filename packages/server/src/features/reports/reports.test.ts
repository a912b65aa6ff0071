import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { before, hourMs, openYard, strict, type Yard } from '../rollouts/rollouts.testkit.js';

let yard: Yard;
beforeAll(async () => {
  yard = await openYard();
});
afterAll(() => yard?.close());

const summary = async (query = {}) => (await yard.call('getDecisionSummary', { query })).body;

describe('decisions over time', () => {
  it('come in buckets without gaps that add up to the totals, folded or not', async () => {
    await yard.inForce('9.0.0', before);
    yard.advance(60_000);
    await yard.ask(10);
    yard.advance(3 * 60_000);
    await yard.ask(20);
    await yard.call('evaluate', { body: { agent: 'inbox.triage', action: 'allow', context: {} } });
    const { buckets, totals, bucket } = await summary({
      from: new Date(yard.now().getTime() - 9 * 60_000).toISOString(),
      to: new Date(yard.now().getTime() + 60_000).toISOString(),
    });
    expect(bucket).toBe('1m');
    expect(buckets.map(({ decisions }) => decisions)).toEqual([0, 0, 0, 0, 0, 0, 10, 0, 0, 21]);
    expect(totals).toEqual({
      decisions: 31,
      allow: 30,
      deny: 0,
      needs_approval: 0,
      no_match: 1,
      failed: 0,
      cost: 0,
    });
    const folded = await summary({ bucket: '1h', action: 'quarantine' });
    expect([folded.totals.decisions, folded.buckets.length]).toEqual([15, 25]);
    expect(Date.parse(folded.buckets[0]?.at ?? '') % hourMs).toBe(0);
  });

  it('are refused for a time that ends before it begins, or is too long for its buckets', async () => {
    for (const query of [
      { from: '2026-03-02T09:00:00Z', to: '2026-03-02T08:00:00Z' },
      { from: '2026-02-01T00:00:00Z', to: '2026-03-01T00:00:00Z', bucket: '5m' as const },
      { from: '2020-01-01T00:00:00Z', to: '2026-03-01T00:00:00Z', bucket: '1d' as const },
    ]) {
      const { status, problem } = await yard.call('getDecisionSummary', { query });
      expect([status, problem.code]).toEqual([422, 'validation_failed']);
    }
  });
});

describe('a rollout that changes decisions', () => {
  it('tells the rates of both arms over time, what changes and what happened, and how rules did', async () => {
    yard.advance(60_000);
    const { id } = await yard.rollOut(strict, 10);
    const rollout = await yard.rolloutOf(id);
    await yard.ask(200);
    yard.advance(60_000);
    const params = { id: rollout.id };

    const series = (await yard.call('getRolloutSeries', { params, query: { points: 10 } })).body;
    const deny = series.measures.find(({ gate }) => gate === 'deny_rate');
    const canary = deny?.canary.at(-1);
    expect([canary?.value, deny?.stable.at(-1)?.value]).toEqual([1, 0]);
    expect(canary?.high).toBe(1);
    expect(canary?.low).toBeGreaterThan(0.5);
    expect(deny?.canary.length).toBe(series.at.length);
    expect(series.next).toMatchObject({ step_pct: 50, seconds_left: 24 * 3600 - 60, held: false });

    const changes = (await yard.call('getRolloutChanges', { params })).body;
    expect(changes).toMatchObject({ looked_at: 200, compared: 200, complete: true });
    expect(changes.totals).toEqual({ newly_denied: 200, newly_allowed: 0, other: 0 });
    expect(changes.groups.map(({ action, count }) => [action, count])).toEqual([
      ['escalate', 100],
      ['quarantine', 100],
    ]);
    expect(changes.groups[0]).toMatchObject({
      kind: 'newly_denied',
      from: { effect: 'allow', rule: 'two' },
      to: { effect: 'deny', rule: 'two' },
    });
    expect(changes.groups[0]?.examples).toHaveLength(5);

    const usage = (await yard.call('getRuleUsage', { params: { id } })).body;
    expect(usage.decided + usage.watched).toBe(200);
    expect(usage.rules.reduce((sum, { decided, watched }) => sum + decided + watched, 0)).toBe(200);
    expect(usage.rules.map(({ rule_id }) => rule_id).sort()).toEqual(['one', 'two']);

    // Every denial is new: the controller goes back, with an incident.
    expect(await yard.tick()).toBe(1);
    const { entries } = (await yard.call('getRolloutTimeline', { params, query: {} })).body;
    const kinds = entries.map(({ kind }) => kind);
    expect(kinds.at(-1)).toBe('bundle.created');
    expect(kinds).toEqual(
      expect.arrayContaining(['incident.opened', 'rollout.rolled_back', 'rollout.started', 'approval.requested']),
    );
    const first = (await yard.call('getRolloutTimeline', { params, query: { limit: 2 } })).body;
    const rest = (await yard.call('getRolloutTimeline', { params, query: { before: first.next_before ?? 0 } })).body;
    expect([...first.entries, ...rest.entries]).toEqual(entries);
  });

  it('counts in the figures: rolled back at once, and none came through', async () => {
    const { figures, changes } = (await yard.call('getPolicyReport', { query: { days: 30 } })).body;
    expect(changes).toBe(2);
    expect(figures.rolled_back).toMatchObject({ count: 1, of: 2, share: 0.5, verdict: 'missed' });
    expect(figures.canaries_passed).toMatchObject({ count: 0, of: 1, verdict: 'missed' });
    expect(figures.time_to_rollback).toMatchObject({ median_seconds: 0, count: 1, verdict: 'met' });
    expect(figures.creation_to_activation.count).toBe(2);
    expect(figures.actions_covered.uncovered).not.toContain('quarantine');
    expect(figures.actions_covered.count + figures.actions_covered.uncovered.length).toBe(figures.actions_covered.of);
  });

  it('is unknown where nothing happened', async () => {
    yard.advance(200 * 24 * hourMs);
    const later = (await yard.call('getPolicyReport', { query: { days: 1 } })).body;
    expect(later.figures.rolled_back).toMatchObject({ of: 0, share: null, verdict: 'unknown' });
    expect(later.figures.time_to_rollback).toMatchObject({ median_seconds: null, verdict: 'unknown' });
  });
});

it('a rollout or bundle that is not there is not found', async () => {
  const params = { id: 4711 };
  for (const operation of ['getRolloutSeries', 'getRolloutChanges', 'getRolloutTimeline', 'getRuleUsage'] as const) {
    expect((await yard.call(operation, { params })).status).toBe(404);
  }
});
