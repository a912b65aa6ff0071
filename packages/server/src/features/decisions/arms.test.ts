import type { Decision, DecisionRecord } from '@policy-studio/contract';
import { bucketOf, type RuleInput } from '@policy-studio/engine';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { introduce, putInForce, putRollout } from './in-force.testkit.js';
import { evidenceOf } from './queries.js';

const rule = (id: string, action: string, effect: RuleInput['effect'], more: object = {}): RuleInput => ({
  id,
  agent: '*',
  action,
  effect,
  reason: `${id} says so`,
  ...more,
});
const stableRules = [
  rule('stable-go', 'go', 'allow'),
  rule('stable-stop', 'stop', 'deny'),
  rule('stable-listed', 'listed', 'allow', { conditions: { sender: { list: 'vip' } } }),
];
const candidateRules = [
  rule('next-go', 'go', 'deny'),
  rule('next-stop', 'stop', 'needs_approval'),
  rule('next-listed', 'listed', 'allow', { conditions: { sender: { list: 'known' }, '>=current_hour': 0 } }),
  rule('next-new', 'new', 'allow'),
];

let server: TestServer;
let key: string;
let keyId: number;
beforeAll(async () => {
  server = await startTestServer();
  key = await server.createKey('agent');
  const { body } = await server.call('whoami', { token: key });
  keyId = body.key_id ?? 0;
  await introduce(server, ['a'], ['go', 'stop', 'listed', 'new', 'other']);
  await putInForce(server, { rules: stableRules, lists: { vip: { values: ['a'] }, known: { values: ['a', 'b'] } } });
});
afterAll(() => server.close());

const ask = async (body: object, token = key): Promise<Decision> =>
  (await server.call('evaluate', { token, body: { agent: 'a', action: 'go', context: {}, ...body } })).body;
const recordOf = async (id: string): Promise<DecisionRecord> =>
  (await server.call('getDecision', { params: { id } })).body;
/** A session whose bucket is below, or at least, `share` percent. */
const sessionIn = (rolloutId: number, below: boolean, share: number, nth = 0): string => {
  const all = Array.from({ length: 3000 }, (_, index) => `s-${index}`);
  return all.filter((one) => bucketOf(rolloutId, one) < share * 100 === below)[nth] as string;
};

describe('while a bundle is in shadow', () => {
  it('enforces stable, and records what the candidate would have said', async () => {
    const { rolloutId, bundleId } = await putRollout(server, { rules: candidateRules, sharePct: 0 });
    const answer = await ask({ session: 's' });
    expect(answer).toMatchObject({ effect: 'allow', arm: 'stable', matched_rule: 'stable-go', overlays: [] });
    expect(answer).not.toHaveProperty('rollout');
    expect((await recordOf(answer.decision_id)).rollout).toMatchObject({
      id: rolloutId,
      step: 1,
      shadow: { effect: 'deny', matched_rule: 'next-go', bundle: { id: bundleId } },
    });
    await ask({ session: 's', action: 'stop' });
    await ask({ session: 't', action: 'new' });
    const { stable, shadow, canary } = await evidenceOf(server.db.pool, rolloutId, 1);
    expect(canary.principals).toBe(0);
    expect(stable.principals).toBe(2);
    const byDecisions = (a: { decisions: number }, b: { decisions: number }): number => b.decisions - a.decisions;
    expect([...stable.byPrincipal].sort(byDecisions)).toMatchObject([
      { decisions: 2, denied: 1, approvals: 0, unmatched: 0, newlyDenied: 0, newlyAllowed: 0 },
      { decisions: 1, denied: 1, unmatched: 1 },
    ]);
    expect([...shadow.byPrincipal].sort(byDecisions)).toMatchObject([
      { decisions: 2, denied: 1, approvals: 1, newlyDenied: 1, newlyAllowed: 1, newlyMatched: 0 },
      { decisions: 1, denied: 0, unmatched: 0, newlyDenied: 0, newlyAllowed: 1, newlyMatched: 1 },
    ]);
    expect(shadow.cost.count).toBe(0);
    expect(stable.cost.count).toBe(3);
  });
});

describe('while a bundle is in canary', () => {
  it('has each principal decided by the bundle of its bucket, always the same one', async () => {
    const { rolloutId, bundleId } = await putRollout(server, { rules: candidateRules, sharePct: 40 });
    const sessions = Array.from({ length: 60 }, (_, index) => `many-${index}`);
    const { body } = await server.call('evaluateBatch', {
      token: key,
      body: {
        requests: [...sessions, ...sessions].map((session) => ({ agent: 'a', action: 'go', context: {}, session })),
      },
    });
    let inCanary = 0;
    for (const [index, answer] of (body.decisions as Decision[]).entries()) {
      const session = sessions[index % sessions.length] as string;
      const canary = bucketOf(rolloutId, session) < 4000;
      inCanary += canary ? 1 : 0;
      expect(answer).toMatchObject(
        canary
          ? { effect: 'deny', arm: 'canary', matched_rule: 'next-go', bundle: { id: bundleId } }
          : { effect: 'allow', arm: 'stable', matched_rule: 'stable-go' },
      );
    }
    expect(inCanary).toBeGreaterThan(0);
    expect(inCanary).toBeLessThan(120);
    const { stable, canary, shadow } = await evidenceOf(server.db.pool, rolloutId, 1);
    expect([stable.principals, canary.principals, shadow.principals]).toEqual([
      60 - inCanary / 2,
      inCanary / 2,
      60 - inCanary / 2,
    ]);
    for (const one of canary.byPrincipal) expect(one).toMatchObject({ decisions: 2, denied: 2, newlyDenied: 2 });
    for (const one of shadow.byPrincipal) expect(one).toMatchObject({ decisions: 2, denied: 2, newlyDenied: 2 });
    for (const one of stable.byPrincipal) expect(one).toMatchObject({ decisions: 2, denied: 0, newlyDenied: 0 });
  });

  it('goes by key and agent without a session, and for keys whose sessions tell nothing', async () => {
    const { rolloutId } = await putRollout(server, { rules: candidateRules, sharePct: 50 });
    const agents = Array.from({ length: 30 }, (_, index) => `agent-${index}`);
    for (const agent of agents) {
      const arm = bucketOf(rolloutId, `${keyId} ${agent}`) < 5000 ? 'canary' : 'stable';
      expect((await ask({ agent })).arm).toBe(arm);
    }
    const { body } = await server.call('createApiKey', { body: { name: 'shared', role: 'agent', session: 'ignore' } });
    expect(body.session).toBe('ignore');
    const arm = bucketOf(rolloutId, `${body.id} a`) < 5000 ? 'canary' : 'stable';
    for (const session of ['x', 'y', 'z', 'u', 'v', 'w']) expect((await ask({ session }, body.key)).arm).toBe(arm);
    const snapshot = await server.call('getSnapshot', { token: body.key });
    expect(snapshot.body).toMatchObject({
      rollout: { id: rolloutId, share_pct: 50 },
      bucket_by: { key_id: body.id, session: 'ignore' },
      candidate: { rules: [{ id: 'next-go' }, {}, {}, {}] },
    });
    expect(Object.keys(snapshot.body.lists).sort()).toEqual(['known', 'vip']);
  });

  it('replays and explains each decision by the bundle that made it, with its lists and facts', async () => {
    const { rolloutId } = await putRollout(server, { rules: candidateRules, sharePct: 50 });
    for (const below of [true, false]) {
      const session = sessionIn(rolloutId, below, 50);
      const body = { action: 'listed', context: { sender: 'b' }, session };
      const answer = await ask({ ...body, explain: true }, server.adminToken);
      expect(answer.effect).toBe(below ? 'allow' : 'deny');
      expect(answer.trace).toMatchObject([{ rule_id: below ? 'next-listed' : 'stable-listed' }]);
      const record = await recordOf(answer.decision_id);
      expect(Object.keys(record.lists)).toEqual([below ? 'known' : 'vip']);
      const { body: replay } = await server.call('replayDecision', { params: { id: answer.decision_id } });
      expect(replay).toMatchObject({ same: true, differences: [] });
    }
  });

  it('answers a repeated request with the first answer, and counts it once', async () => {
    const { rolloutId } = await putRollout(server, { rules: candidateRules, sharePct: 50, step: 7 });
    const session = sessionIn(rolloutId, true, 50);
    const [one, ...others] = await Promise.all(
      Array.from({ length: 6 }, () => ask({ session, request_id: `once-${rolloutId}` })),
    );
    expect(new Set(others.map(({ decision_id }) => decision_id))).toEqual(new Set([one?.decision_id]));
    const { canary } = await evidenceOf(server.db.pool, rolloutId, 7);
    expect(canary.byPrincipal).toMatchObject([{ decisions: 1 }]);
    expect((await evidenceOf(server.db.pool, rolloutId, 1)).canary.principals).toBe(0);
  });
});

describe('evidence', () => {
  it('is what the records themselves add up to', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            session: fc.option(fc.constantFrom('u', 'v', 'w', 'x', 'y', 'z'), { nil: undefined }),
            action: fc.constantFrom('go', 'stop', 'listed', 'new', 'other'),
            sender: fc.constantFrom('a', 'b', 'c', 7),
          }),
          { minLength: 1, maxLength: 40 },
        ),
        fc.constantFrom(0, 30, 70, 100),
        async (asked, sharePct) => {
          await putInForce(server, { rules: stableRules });
          const { rolloutId } = await putRollout(server, { rules: candidateRules, sharePct });
          const requests = asked.map(({ session, action, sender }) => ({
            agent: 'a',
            action,
            context: { sender },
            ...(session === undefined ? {} : { session }),
          }));
          const { body } = await server.call('evaluateBatch', { token: key, body: { requests } });
          const counted = { decisions: 0, denied: 0, approvals: 0, unmatched: 0, newlyDenied: 0, newlyAllowed: 0 };
          const principals = new Set<string>();
          for (const { decision_id } of body.decisions as Decision[]) {
            const { policy_effect, matched_rule, rollout, arm, session } = await recordOf(decision_id);
            const shadow = rollout?.shadow;
            if (!shadow) throw new Error('nothing was compared');
            const here = { effect: policy_effect, matched_rule };
            const [candidate, before] = arm === 'canary' || sharePct === 100 ? [here, shadow] : [shadow, here];
            const denied = [candidate, before].map(({ effect }) => effect === 'deny');
            principals.add(session ?? '');
            counted.decisions += 1;
            counted.denied += denied[0] ? 1 : 0;
            counted.approvals += candidate.effect === 'needs_approval' ? 1 : 0;
            counted.unmatched += candidate.matched_rule === null ? 1 : 0;
            counted.newlyDenied += denied[0] && !denied[1] ? 1 : 0;
            counted.newlyAllowed += !denied[0] && denied[1] ? 1 : 0;
          }
          const { stable, canary, shadow } = await evidenceOf(server.db.pool, rolloutId, 1);
          const onAllTraffic = [...canary.byPrincipal, ...shadow.byPrincipal];
          const seen = Object.fromEntries(
            Object.keys(counted).map((name) => [
              name,
              onAllTraffic.reduce((sum, one) => sum + one[name as keyof typeof counted], 0),
            ]),
          );
          expect(seen).toEqual(counted);
          expect(canary.principals + shadow.principals).toBe(principals.size);
          expect(stable.principals).toBe(shadow.principals);
        },
      ),
      { numRuns: 12 },
    );
  });
});

describe('a candidate that cannot decide', () => {
  const patterns = Array.from({ length: 60 }, (_, index) => ({ 'text matches': `(a|b)*c${index}` }));
  const endless = [rule('endless', 'go', 'deny', { conditions: { any: patterns } })];
  const long = { text: 'a'.repeat(60_000) };
  beforeEach(async () => {
    await putInForce(server, { rules: stableRules });
  });

  it('has stable answer for it, and an error counted', async () => {
    const { rolloutId, bundleId } = await putRollout(server, { rules: endless, sharePct: 50 });
    const session = sessionIn(rolloutId, true, 50);
    const answer = await ask({ session, context: long });
    expect(answer).toMatchObject({
      effect: 'allow',
      arm: 'stable',
      matched_rule: 'stable-go',
      errors: [],
      overlays: [{ kind: 'candidate_failed' }],
    });
    const record = await recordOf(answer.decision_id);
    expect(record.rollout?.shadow).toMatchObject({ effect: null, bundle: { id: bundleId } });
    expect((await server.call('replayDecision', { params: { id: answer.decision_id } })).body.same).toBe(true);
    // That it went wrong says nothing about the candidate, which did not decide.
    await server.call('reportOutcome', { params: { id: answer.decision_id }, body: { status: 'error' }, token: key });
    const outside = sessionIn(rolloutId, false, 50);
    expect((await ask({ session: outside, context: long })).overlays).toEqual([]);
    const { canary, stable, shadow } = await evidenceOf(server.db.pool, rolloutId, 1);
    expect(canary.byPrincipal).toMatchObject([{ decisions: 1, failed: 1, denied: 0, newlyDenied: 0, outcomes: 0 }]);
    expect(shadow.byPrincipal).toMatchObject([{ decisions: 1, failed: 1 }]);
    expect(stable.byPrincipal).toMatchObject([{ decisions: 1, failed: 0 }]);
  });

  it('is one whose rules are not those of its digest, too', async () => {
    const { rolloutId } = await putRollout(server, { rules: candidateRules, sharePct: 50, digest: '0'.repeat(64) });
    const answer = await ask({ session: sessionIn(rolloutId, true, 50) });
    expect(answer).toMatchObject({ effect: 'allow', arm: 'stable', overlays: [{ kind: 'candidate_failed' }] });
    expect((await evidenceOf(server.db.pool, rolloutId, 1)).canary.byPrincipal).toMatchObject([{ failed: 1 }]);
  });
});

describe('while a bundle bakes', () => {
  it('decides everything, and is compared with the one before it', async () => {
    await putInForce(server, { rules: stableRules });
    const { rolloutId, bundleId } = await putRollout(server, { rules: candidateRules, sharePct: 100, step: 3 });
    const answer = await ask({ session: 'baked' });
    expect(answer).toMatchObject({ effect: 'deny', arm: 'stable', matched_rule: 'next-go', bundle: { id: bundleId } });
    expect((await recordOf(answer.decision_id)).rollout?.shadow).toMatchObject({
      effect: 'allow',
      matched_rule: 'stable-go',
    });
    const { canary, stable, shadow } = await evidenceOf(server.db.pool, rolloutId, 3);
    expect(canary.byPrincipal).toMatchObject([{ decisions: 1, denied: 1, newlyDenied: 1 }]);
    expect([stable.principals, shadow.principals]).toEqual([0, 0]);
    const { body } = await server.call('getSnapshot');
    expect(body).toMatchObject({ stable: { id: bundleId }, candidate: null, rollout: null });
  });
});

describe('the built-in safe bundle', () => {
  it('denies everything, whatever the default effect, until it is taken away', async () => {
    await server.db.pool.query(`update rollout set phase = 'rolled_back', ended_at = now() where ended_at is null`);
    await server.db.pool.query(`update bundle set status = 'rolled_back', active = false where status = 'active'`);
    await server.db.pool.query('update workspace set safe = true');
    await putInForce(server, { settings: { default_effect: 'allow' } });
    const answer = await ask({});
    expect(answer).toMatchObject({
      effect: 'deny',
      bundle: null,
      overlays: [{ kind: 'safe_bundle', detail: expect.stringContaining('safe bundle') }],
    });
    expect((await server.call('replayDecision', { params: { id: answer.decision_id } })).body.same).toBe(true);
    await server.db.pool.query('update workspace set safe = false');
    await putInForce(server, { rules: stableRules });
    expect((await ask({ action: 'other' })).effect).toBe('allow');
    await putInForce(server, { settings: { default_effect: 'deny' } });
  });
});
