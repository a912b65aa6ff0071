import type { Decision } from '@policy-studio/contract';
import { bucketOf, type RuleInput } from '@policy-studio/engine';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { type ArmEvidence, evidenceOf, foldEvidence, type PrincipalEvidence } from './evidence.js';
import { putInForce, putRollout, steppingClock } from './in-force.testkit.js';
import { costCeiling, decidedSince } from './queries.js';
import { applyRetention } from './retention.js';
import { compactRollups } from './rollups.js';

const rule = (action: string, effect: RuleInput['effect'], cost?: number): RuleInput => ({
  id: `${action}-rule`,
  agent: '*',
  action,
  effect,
  reason: 'as it is',
  ...(cost === undefined ? {} : { budget: { cost } }),
});
const stableRules = [rule('go', 'allow'), rule('pay', 'allow', 2), rule('dear', 'allow', 50), rule('stop', 'deny')];

const clock = steppingClock('2026-03-02T10:00:00Z');
let server: TestServer;
let key: string;
beforeAll(async () => {
  server = await startTestServer({ clock });
  key = await server.createKey('agent');
  await putInForce(server, { rules: stableRules });
});
afterAll(() => server.close());

const pool = () => server.db.pool;
const ask = async (body: object): Promise<Decision> =>
  (await server.call('evaluate', { token: key, body: { agent: 'a', action: 'go', context: {}, ...body } })).body;
const report = (id: string, body: object) => server.call('reportOutcome', { params: { id }, body, token: key });
const rollOut = (more: object = {}) => putRollout(server, { rules: stableRules, sharePct: 50, ...more });
const sessionIn = (rolloutId: number, below: boolean): string =>
  Array.from({ length: 1000 }, (_, index) => `s-${index}`).find(
    (one) => bucketOf(rolloutId, one) < 5000 === below,
  ) as string;
const total = ({ byPrincipal }: ArmEvidence, name: keyof PrincipalEvidence): number =>
  byPrincipal.reduce((sum, one) => sum + one[name], 0);

interface Delta {
  readonly arm: 'stable' | 'canary' | 'shadow';
  readonly principal: string;
  readonly decisions: number;
  readonly denied: number;
  readonly cost: number;
}

/** Puts deltas as decisions would. */
async function append(rolloutId: number, step: number, deltas: readonly Delta[]): Promise<void> {
  await pool().query(
    `insert into rollout_evidence_delta
     select $1, $2, arm, principal, 1, decisions, 0, 0, denied, 0, 0, 0, 0, 0, 0, 0, 0, decisions, cost, cost * cost, now()
     from json_to_recordset($3) as d (arm text, principal text, decisions bigint, denied bigint, cost double precision)`,
    [rolloutId, step, JSON.stringify(deltas)],
  );
}

describe('evidence', () => {
  let nextRollout = 1_000_000;
  const anyDelta = fc.record({
    arm: fc.constantFrom('stable' as const, 'canary' as const, 'shadow' as const),
    principal: fc.integer({ min: 0, max: 8 }).map((n) => `p-${n}`),
    decisions: fc.integer({ min: 0, max: 20 }),
    denied: fc.integer({ min: 0, max: 20 }),
    cost: fc.integer({ min: 0, max: 100 }),
  });

  it('is the sum of all that was appended, however much of it is folded, and when', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(anyDelta, { maxLength: 12 }), { maxLength: 4 }), async (groups) => {
        const rolloutId = nextRollout++;
        for (const [index, group] of groups.entries()) {
          await append(rolloutId, 1, group);
          if (index % 2 === 0) await foldEvidence(pool());
        }
        const all = groups.flat();
        const seen = await evidenceOf(pool(), rolloutId, 1);
        for (const arm of ['stable', 'canary', 'shadow'] as const) {
          const own = all.filter((delta) => delta.arm === arm);
          const sizes = new Map<string, number>();
          for (const { principal, decisions } of own) sizes.set(principal, (sizes.get(principal) ?? 0) + decisions);
          expect(seen[arm].principals).toBe(sizes.size);
          expect(seen[arm].byPrincipal.map(({ decisions }) => decisions)).toEqual(
            [...sizes.values()].sort((a, b) => b - a),
          );
          const sum = (name: 'denied' | 'cost' | 'decisions') => own.reduce((count, delta) => count + delta[name], 0);
          expect(total(seen[arm], 'denied')).toBe(sum('denied'));
          expect(seen[arm].cost).toEqual({
            count: sum('decisions'),
            sum: sum('cost'),
            squares: own.reduce((count, { cost }) => count + cost * cost, 0),
          });
          const spent = new Map<string, number>();
          for (const { principal, cost } of own) spent.set(principal, (spent.get(principal) ?? 0) + cost);
          expect(seen[arm].costOfOthers.sum).toBe(sum('cost') - Math.max(0, ...spent.values()));
        }
      }),
      { numRuns: 25 },
    );
  });

  it('loses and doubles nothing while several servers fold and others append and read', async () => {
    const rolloutId = nextRollout++;
    const delta = (index: number): Delta => ({
      arm: 'canary',
      principal: `p-${index % 50}`,
      decisions: 1,
      denied: 0,
      cost: 1,
    });
    let appended = 0;
    let reading = true;
    const readers = [1, 2].map(async () => {
      let last = 0;
      while (reading) {
        const { canary } = await evidenceOf(pool(), rolloutId, 1);
        const now = total(canary, 'decisions');
        expect(now).toBe(canary.cost.sum);
        expect(now).toBeGreaterThanOrEqual(last);
        expect(canary.principals).toBeLessThanOrEqual(50);
        last = now;
      }
    });
    await Promise.all([
      ...[0, 1, 2].map(async () => {
        for (let round = 0; round < 20; round += 1) {
          await append(
            rolloutId,
            1,
            Array.from({ length: 50 }, (_, index) => delta(index)),
          );
          appended += 50;
        }
      }),
      ...[0, 1].map(async () => {
        for (let round = 0; round < 30; round += 1) await foldEvidence(pool());
      }),
    ]).finally(() => {
      reading = false;
    });
    await Promise.all(readers);
    while ((await foldEvidence(pool())) > 0);
    const { canary } = await evidenceOf(pool(), rolloutId, 1);
    expect([total(canary, 'decisions'), canary.cost.sum, canary.principals]).toEqual([appended, appended, 50]);
  });

  it('tells the thousand largest apart and never takes the others for one', async () => {
    const rolloutId = nextRollout++;
    const principals = Array.from({ length: 3_000 }, (_, index) => ({
      arm: 'stable' as const,
      principal: `p-${index}`,
      decisions: index < 1_000 ? 10 : 2,
      denied: index % 2,
      cost: 0,
    }));
    await append(rolloutId, 1, principals.slice(0, 1_500));
    await foldEvidence(pool());
    await append(rolloutId, 1, principals.slice(1_500));
    const { stable } = await evidenceOf(pool(), rolloutId, 1);
    expect(stable.principals).toBe(3_000);
    expect(stable.byPrincipal).toHaveLength(1_100);
    expect(stable.byPrincipal.slice(0, 1_000).every(({ decisions }) => decisions === 10)).toBe(true);
    expect(stable.byPrincipal.at(-1)).toMatchObject({ decisions: 40, denied: 10 });
    expect(total(stable, 'decisions')).toBe(14_000);
  });

  it('goes, principal by principal, when its rollout is over for as long as records are kept; the sums stay', async () => {
    const { rolloutId } = await rollOut();
    await append(rolloutId, 1, [
      { arm: 'canary', principal: 'a', decisions: 3, denied: 1, cost: 0 },
      { arm: 'canary', principal: 'b', decisions: 2, denied: 0, cost: 0 },
    ]);
    while ((await foldEvidence(pool())) > 0);
    const principals = async () =>
      (await pool().query('select principal from rollout_evidence where rollout_id = $1', [rolloutId])).rowCount;
    const in100Days = Date.now() + 100 * 24 * 3_600_000;
    await applyRetention(pool(), { fourEyesDefault: false }, in100Days);
    expect(await principals()).toBe(2);
    await pool().query(`update rollout set phase = 'completed', ended_at = now() where id = $1`, [rolloutId]);
    await applyRetention(pool(), { fourEyesDefault: false }, Date.now() + 60_000);
    expect(await principals()).toBe(2);
    await applyRetention(pool(), { fourEyesDefault: false }, in100Days);
    expect(await principals()).toBe(0);
    const { canary } = await evidenceOf(pool(), rolloutId, 1);
    expect([canary.principals, total(canary, 'decisions'), total(canary, 'denied')]).toEqual([2, 5, 1]);
  });
});

describe('the cost of a decision', () => {
  it('counts as reserved, as reported once it is, and cut at the ceiling of its step', async () => {
    const { rolloutId } = await rollOut({ costCeiling: 10 });
    const session = sessionIn(rolloutId, true);
    const cost = async () => (await evidenceOf(pool(), rolloutId, 1)).canary.cost;
    const paid = await ask({ session, action: 'pay' });
    expect(await cost()).toEqual({ count: 1, sum: 2, squares: 4 });
    const dear = await ask({ session, action: 'dear' });
    expect(await cost()).toEqual({ count: 2, sum: 12, squares: 104 });
    const free = await ask({ session });
    expect(await cost()).toEqual({ count: 3, sum: 12, squares: 104 });
    await report(paid.decision_id, { status: 'success', cost: 5 });
    expect(await cost()).toEqual({ count: 3, sum: 15, squares: 125 });
    await report(dear.decision_id, { status: 'error', cost: 70 });
    expect(await cost()).toEqual({ count: 3, sum: 15, squares: 125 });
    await report(free.decision_id, { status: 'success' });
    const refused = await ask({ session, action: 'stop' });
    await report(refused.decision_id, { status: 'success', cost: 9 });
    const { canary, stable, shadow } = await evidenceOf(pool(), rolloutId, 1);
    expect(canary.cost).toEqual({ count: 4, sum: 15, squares: 125 });
    expect(canary.byPrincipal).toMatchObject([{ decisions: 4, outcomes: 4, outcomeErrors: 1, denied: 1 }]);
    expect([stable.principals, shadow.principals]).toEqual([0, 0]);
  });

  it('is nothing where the cap refused it', async () => {
    const { rolloutId } = await rollOut();
    const session = sessionIn(rolloutId, false);
    const { rows } = await pool().query<{ spent: number }>(
      `select max(amount) as spent from daily_spend where agent = '*'`,
    );
    await putInForce(server, { settings: { cost_budget_24h: (rows[0]?.spent ?? 0) + 3 } });
    const answers = [await ask({ session, action: 'pay' }), await ask({ session, action: 'pay' })];
    expect(answers.map(({ effect }) => effect)).toEqual(['allow', 'deny']);
    const { stable } = await evidenceOf(pool(), rolloutId, 1);
    // What the cap refuses the policy allowed.
    expect(stable.byPrincipal).toMatchObject([{ decisions: 2, denied: 0 }]);
    expect(stable.cost).toEqual({ count: 2, sum: 2, squares: 4 });
    await putInForce(server, { settings: { cost_budget_24h: null } });
  });

  it('has its ceiling where 99 of 100 of those of the bundle lie, if there are a hundred', async () => {
    const { bundleId } = await putInForce(server, { rules: stableRules });
    const now = () => clock.now();
    const batch = (action: string, count: number) =>
      server.call('evaluateBatch', {
        token: key,
        body: { requests: Array.from({ length: count }, () => ({ agent: 'a', action, context: {} })) },
      });
    await batch('pay', 90);
    await batch('go', 90);
    expect(await costCeiling(pool(), 1, bundleId, now())).toBe(null);
    await batch('pay', 59);
    await batch('dear', 1);
    expect(await costCeiling(pool(), 1, bundleId, now())).toBe(2);
    await batch('dear', 1);
    expect(await costCeiling(pool(), 1, bundleId, now())).toBe(50);
    expect(await costCeiling(pool(), 1, bundleId + 1, now())).toBe(null);
    clock.advance(25 * 3_600_000);
    await server.services.enforcement.poll();
    expect(await costCeiling(pool(), 1, bundleId, now())).toBe(null);
  });
});

describe('decisions of the last minutes', () => {
  it('are counted for the bundle and for all others, folded or not', async () => {
    const { rolloutId, bundleId } = await rollOut();
    const since = clock.now();
    const [inside, outside] = [sessionIn(rolloutId, true), sessionIn(rolloutId, false)];
    await ask({ session: inside });
    clock.advance(120_000);
    await compactRollups(pool(), clock.now().getTime());
    await ask({ session: inside });
    await ask({ session: outside });
    expect(await decidedSince(pool(), 1, bundleId, since)).toEqual({ byBundle: 2, byOthers: 1 });
    expect(await decidedSince(pool(), 1, bundleId, clock.now())).toEqual({ byBundle: 1, byOthers: 1 });
  });
});
