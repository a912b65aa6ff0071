import type { Snapshot } from '@policy-studio/contract';
import { bucketOf, bundleDigest, type Lists, limits, type RuleInput } from '@policy-studio/engine';
import { describe, expect, it } from 'vitest';
import { isDecisionCase, loadCorpus } from '../../engine/spec/corpus.js';
import { LocalPolicy } from './local-policy.js';
import { ProblemError } from './problem-error.js';

const rules: RuleInput[] = [
  {
    id: 'deny-at-night',
    agent: 'inbox.*',
    action: 'quarantine',
    effect: 'deny',
    priority: 90,
    reason: 'Nobody watches at night',
    conditions: { any: [{ '<current_hour': 8 }, { '>=current_hour': 22 }] },
  },
  {
    id: 'allow-risky',
    agent: 'inbox.triage',
    action: 'quarantine',
    effect: 'allow',
    reason: 'High risk mail is set apart',
    conditions: { '>=risk_score': 85 },
    budget: { cost: 0.5 },
  },
];
const ask = (context: Record<string, unknown>) => ({ agent: 'inbox.triage', action: 'quarantine', context });
const noon = () => Date.parse('2026-03-02T12:00:00Z');
const night = () => Date.parse('2026-03-02T23:30:00Z');

function refusal(work: () => unknown): ProblemError {
  try {
    work();
  } catch (error) {
    if (error instanceof ProblemError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a local policy', () => {
  it("decides with the shape of the server's decision", () => {
    const policy = LocalPolicy.fromBundle({ rules, clock: noon });
    expect(policy.evaluate(ask({ risk_score: 95 }))).toEqual({
      agent: 'inbox.triage',
      action: 'quarantine',
      effect: 'allow',
      policy_effect: 'allow',
      matched_rule: 'allow-risky',
      reason: 'High risk mail is set apart',
      default: false,
      arm: 'stable',
      bundle: { id: null, version: null, digest: bundleDigest(rules) },
      budget: { cost: 0.5 },
      errors: [],
      facts_used: { current_hour: 12 },
      overlays: [],
    });
  });

  it('takes the default effect where no rule matches', () => {
    const policy = LocalPolicy.fromBundle({ rules, clock: noon, defaultEffect: 'needs_approval' });
    expect(policy.evaluate(ask({ risk_score: 1 }))).toMatchObject({
      effect: 'needs_approval',
      matched_rule: null,
      default: true,
    });
    expect(LocalPolicy.fromBundle({ rules, clock: noon }).evaluate(ask({})).effect).toBe('deny');
  });

  it('takes the time from its clock, in its time zone', () => {
    const there = LocalPolicy.fromBundle({ rules, clock: night, timeZone: 'America/New_York' });
    expect(there.evaluate(ask({ risk_score: 95 }))).toMatchObject({
      effect: 'allow',
      facts_used: { current_hour: 18 },
    });
    const here = LocalPolicy.fromBundle({ rules, clock: night });
    expect(here.evaluate(ask({ risk_score: 95 }))).toMatchObject({ effect: 'deny', facts_used: { current_hour: 23 } });
  });

  it('discards a fact that the caller sets, and says so', () => {
    const policy = LocalPolicy.fromBundle({ rules, clock: night });
    const { effect, facts_used, overlays } = policy.evaluate(ask({ risk_score: 95, current_hour: 12 }));
    expect({ effect, facts_used }).toEqual({ effect: 'deny', facts_used: { current_hour: 23 } });
    expect(overlays).toMatchObject([{ kind: 'facts_discarded', detail: expect.stringContaining('current_hour') }]);
  });

  it('keeps it where facts are trusted, and fills in the rest from the clock', () => {
    const policy = LocalPolicy.fromBundle({ rules, clock: night, trustFacts: true });
    expect(policy.evaluate(ask({ risk_score: 95, current_hour: 12 }))).toMatchObject({ effect: 'allow', overlays: [] });
    expect(policy.evaluate(ask({ risk_score: 95 })).effect).toBe('deny');
  });

  it('has no facts of the clock without a clock', () => {
    const policy = LocalPolicy.fromBundle({ rules, clock: null });
    expect(policy.evaluate(ask({ risk_score: 95 }))).toMatchObject({ effect: 'allow', facts_used: {} });
  });

  it('leaves the request as it was', () => {
    const context = Object.freeze({ risk_score: 95, current_hour: 12 });
    LocalPolicy.fromBundle({ rules, clock: noon }).evaluate(ask(context));
    expect(context).toEqual({ risk_score: 95, current_hour: 12 });
  });

  it('explains with the decision it would make', () => {
    const policy = LocalPolicy.fromBundle({ rules, clock: noon });
    const { decision, trace, truncated } = policy.explain(ask({ risk_score: 'high' }));
    expect(decision).toEqual(policy.evaluate(ask({ risk_score: 'high' })));
    expect(trace.map(({ rule_id, matched }) => [rule_id, matched])).toEqual([
      ['deny-at-night', false],
      ['allow-risky', false],
    ]);
    expect(trace[1]?.condition).toMatchObject({ field: 'risk_score', actual: 'high', result: 'mismatch' });
    expect(truncated).toBe(0);
  });

  it.each<[string, unknown, string]>([
    ['no object', null, ''],
    ['no agent', { action: 'a', context: {} }, '/agent'],
    ['a pattern for an agent', { agent: 'inbox.*', action: 'a', context: {} }, '/agent'],
    ['an action with a space', { agent: 'a', action: 'a b', context: {} }, '/action'],
    ['a name of 129 characters', { agent: 'a'.repeat(129), action: 'a', context: {} }, '/agent'],
    ['no context', { agent: 'a', action: 'a' }, '/context'],
    ['an array for a context', { agent: 'a', action: 'a', context: [] }, '/context'],
    ['a number that is none', { agent: 'a', action: 'a', context: { n: Number.NaN } }, '/context/n'],
    ['a context that is too large', ask({ text: 'ü'.repeat(limits.contextBytes / 2) }), '/context'],
  ])('refuses a request with %s, as a server does', (_, request, path) => {
    const policy = LocalPolicy.fromBundle({ rules, clock: noon });
    const error = refusal(() => policy.evaluate(request as never));
    expect(error).toMatchObject({ code: 'validation_failed', status: 422, errors: [{ path }] });
  });

  it('takes a context as large and as deep as the limits say, and not a level deeper', () => {
    const policy = LocalPolicy.fromBundle({ rules, clock: noon });
    const frame = JSON.stringify({ text: '' }).length;
    expect(policy.evaluate(ask({ text: 'x'.repeat(limits.contextBytes - frame) })).effect).toBe('deny');
    const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });
    const atLimit = nested(limits.contextDepth) as Record<string, unknown>;
    expect(policy.evaluate(ask(atLimit)).effect).toBe('deny');
    expect(refusal(() => policy.evaluate(ask({ a: atLimit }))).code).toBe('validation_failed');
  });

  it('is not made of rules that are wrong: the error names each place', () => {
    const wrong = [
      { ...rules[0], effect: 'maybe' },
      { ...rules[1], conditions: { '=>risk_score': 85 } },
    ];
    const error = refusal(() => LocalPolicy.fromBundle({ rules: wrong as RuleInput[] }));
    expect(error).toMatchObject({ code: 'bundle_rejected', status: 422 });
    expect(error.errors.map(({ path }) => path)).toEqual(['/0/effect', '/1/conditions/=>risk_score']);
  });

  it('is not made in a time zone that does not exist', () => {
    expect(refusal(() => LocalPolicy.fromBundle({ rules, timeZone: 'Mars/Base' })).code).toBe('invalid_input');
  });
});

describe('the policy of a snapshot', () => {
  const listed: RuleInput[] = [
    {
      id: 'allow-vips',
      agent: '*',
      action: '*',
      effect: 'allow',
      reason: 'Known senders pass',
      conditions: { sender: { list: 'vips' } },
    },
  ];
  const snapshot: Snapshot = {
    generation: 4,
    default_effect: 'needs_approval',
    time_zone: 'Europe/Madrid',
    enforce_context: true,
    safe: false,
    candidate: null,
    rollout: null,
    bucket_by: { key_id: 3, session: 'trust' },
    bundle_pin: null,
    pin: null,
    observed: [],
    catalog: {
      agents: [{ agent: 'inbox.triage', description: '', mode: 'enforce' }],
      actions: [
        {
          action: 'quarantine',
          agents: null,
          context_schema: { properties: { sender: { type: 'string' } } },
          risk: null,
          cost: null,
          description: '',
          annotations: {},
        },
      ],
    },
    stable: {
      id: 7,
      version: '1.2.0',
      digest: bundleDigest(listed),
      rules: listed as unknown as Record<string, unknown>[],
    },
    lists: { vips: { version: 2, digest: 'd', normalize: 'email', values: ['Ada@Example.com'] } },
  };

  it('decides with its rules, lists, default effect and bundle', () => {
    const policy = LocalPolicy.fromSnapshot(snapshot);
    expect(policy.evaluate(ask({ sender: ' ada@example.com' }))).toMatchObject({
      effect: 'allow',
      bundle: { id: 7, version: '1.2.0', digest: snapshot.stable?.digest },
    });
    expect(policy.evaluate(ask({ sender: 'eve@example.com' })).effect).toBe('needs_approval');
  });

  it('denies a context that violates the schema of its action, as the server does', () => {
    const policy = LocalPolicy.fromSnapshot({ ...snapshot, default_effect: 'allow' });
    expect(policy.evaluate(ask({ sender: ['ada@example.com'] }))).toMatchObject({
      effect: 'deny',
      policy_effect: 'allow',
      reason: expect.stringContaining('`sender`'),
      errors: [{ code: 'context_invalid', field: 'sender' }],
      overlays: [{ kind: 'context_invalid', violations: [{ path: ['sender'] }] }],
    });
    const lax = LocalPolicy.fromSnapshot({ ...snapshot, default_effect: 'allow', enforce_context: false });
    expect(lax.evaluate(ask({ sender: ['ada@example.com'] }))).toMatchObject({ effect: 'allow', overlays: [] });
  });

  it('marks what the catalog does not know', () => {
    const policy = LocalPolicy.fromSnapshot(snapshot);
    const unknown = { agent: 'inbox.sort', action: 'quarantine', context: {} };
    expect(policy.evaluate(unknown).overlays).toMatchObject([{ kind: 'unknown_action' }]);
  });

  it('takes the default effect when nothing is in force', () => {
    const policy = LocalPolicy.fromSnapshot({ ...snapshot, stable: null });
    expect(policy.evaluate(ask({}))).toMatchObject({ effect: 'needs_approval', default: true, bundle: null });
  });

  it('is not made when the rules are not those of the digest', () => {
    const stable = { ...snapshot.stable, digest: '0'.repeat(64) } as NonNullable<Snapshot['stable']>;
    expect(refusal(() => LocalPolicy.fromSnapshot({ ...snapshot, stable })).code).toBe('snapshot_mismatch');
  });

  it('is not made when its catalog cannot be read', () => {
    const [action] = snapshot.catalog.actions;
    const actions = [{ ...(action as NonNullable<typeof action>), context_schema: { type: 'odd' } }];
    const catalog = { ...snapshot.catalog, actions };
    expect(refusal(() => LocalPolicy.fromSnapshot({ ...snapshot, catalog })).code).toBe('bundle_rejected');
  });

  it('is not made when a list it reads is not there', () => {
    expect(refusal(() => LocalPolicy.fromSnapshot({ ...snapshot, lists: {} })).code).toBe('bundle_rejected');
  });
});

describe('the policy of a snapshot while a rollout runs', () => {
  const bundle = (id: number, effect: 'allow' | 'deny', pattern?: string): NonNullable<Snapshot['stable']> => {
    const looks = Array.from({ length: 60 }, (_, index) => ({ 'text matches': `${pattern}${index}` }));
    const conditions = pattern === undefined ? {} : { any: looks };
    const own: RuleInput[] = [{ id: 'only', agent: '*', action: '*', effect, reason: `says ${effect}`, conditions }];
    return {
      id,
      version: `1.${id}.0`,
      digest: bundleDigest(own),
      rules: own as unknown as Record<string, unknown>[],
    };
  };
  const running: Snapshot = {
    generation: 9,
    default_effect: 'deny',
    time_zone: 'UTC',
    enforce_context: false,
    catalog: {
      agents: [{ agent: 'inbox.triage', description: '', mode: 'enforce' }],
      actions: [
        {
          action: 'quarantine',
          agents: null,
          context_schema: null,
          risk: null,
          cost: null,
          description: '',
          annotations: {},
        },
      ],
    },
    safe: false,
    stable: bundle(1, 'allow'),
    candidate: bundle(2, 'deny'),
    rollout: { id: 12, share_pct: 30 },
    bucket_by: { key_id: 3, session: 'trust' },
    bundle_pin: null,
    pin: null,
    observed: [],
    lists: {},
  };
  const asks = (session?: string) => ({ ...ask({}), ...(session === undefined ? {} : { session }) });
  const sessions = Array.from({ length: 200 }, (_, index) => `session-${index}`);

  it('has each session decided by the bundle of its bucket', () => {
    const policy = LocalPolicy.fromSnapshot(running);
    for (const session of sessions) {
      const canary = bucketOf(12, session) < 3000;
      expect(policy.evaluate(asks(session))).toMatchObject(
        canary
          ? { effect: 'deny', arm: 'canary', bundle: { id: 2 } }
          : { effect: 'allow', arm: 'stable', bundle: { id: 1 } },
      );
      expect(policy.explain(asks(session)).decision).toEqual(policy.evaluate(asks(session)));
    }
    const arms = new Set(sessions.map((session) => policy.evaluate(asks(session)).arm));
    expect(arms).toEqual(new Set(['stable', 'canary']));
  });

  it('goes by the key and the agent without a session, or where sessions tell nothing', () => {
    const share = (share_pct: number) => ({ ...running, rollout: { id: 12, share_pct } });
    const bucket = bucketOf(12, '3 inbox.triage');
    const [below, above] = [share(Math.floor(bucket / 100)), share(Math.floor(bucket / 100) + 1)];
    expect(LocalPolicy.fromSnapshot(below).evaluate(asks()).arm).toBe('stable');
    expect(LocalPolicy.fromSnapshot(above).evaluate(asks()).arm).toBe('canary');
    const untrusted = { ...above, bucket_by: { key_id: 3, session: 'ignore' as const } };
    const policy = LocalPolicy.fromSnapshot(untrusted);
    expect(new Set(sessions.map((session) => policy.evaluate(asks(session)).arm))).toEqual(new Set(['canary']));
  });

  it('has the stable bundle answer for a candidate that cannot', () => {
    const everybody = { ...running, rollout: { id: 12, share_pct: 99 } };
    const session = sessions.find((one) => bucketOf(12, one) < 9900) as string;
    const slow = { ...everybody, candidate: bundle(2, 'deny', '(a|b)*c') };
    const long = { ...asks(session), context: { text: 'a'.repeat(60_000) } };
    const failed = { effect: 'allow', arm: 'stable', bundle: { id: 1 }, overlays: [{ kind: 'candidate_failed' }] };
    expect(LocalPolicy.fromSnapshot(slow).evaluate(long)).toMatchObject(failed);
    const unreadable = { ...bundle(2, 'deny'), rules: [{ id: 'only', effect: 'perhaps' }] };
    const policy = LocalPolicy.fromSnapshot({ ...everybody, candidate: unreadable });
    expect(policy.evaluate(asks(session))).toMatchObject(failed);
  });

  it('is not made when the candidate is not what its digest says', () => {
    const candidate = { ...bundle(2, 'deny'), digest: '0'.repeat(64) };
    expect(refusal(() => LocalPolicy.fromSnapshot({ ...running, candidate })).code).toBe('snapshot_mismatch');
  });

  it('says that its bundle is pinned', () => {
    const bundlePin = { version: '1.0.0', until: null, reason: 'a fire' };
    const policy = LocalPolicy.fromSnapshot({ ...running, rollout: null, candidate: null, bundle_pin: bundlePin });
    expect(policy.evaluate(asks())).toMatchObject({
      effect: 'allow',
      policy_effect: 'allow',
      overlays: [{ kind: 'bundle_pinned', detail: 'bundle 1.0.0 is pinned and decides everything: a fire' }],
    });
  });

  it('gives everybody the effect of an emergency switch until it ends', () => {
    const pin = { effect: 'deny', until: '2026-03-02T12:30:00Z', reason: 'a fire' } as const;
    const still = { ...running, rollout: null, candidate: null, pin, observed: ['*'] };
    expect(LocalPolicy.fromSnapshot(still, { clock: noon }).evaluate(asks())).toMatchObject({
      effect: 'deny',
      policy_effect: 'allow',
      overlays: [{ kind: 'pinned', would_be: 'allow', policy_reason: 'says allow' }],
    });
    const over = LocalPolicy.fromSnapshot({ ...still, observed: [] }, { clock: night }).evaluate(asks());
    expect(over).toMatchObject({ effect: 'allow', overlays: [] });
    const ageless = LocalPolicy.fromSnapshot(still, { clock: null });
    expect(ageless.evaluate(asks()).effect).toBe('deny');
  });

  it('allows agents that are only observed, and denies by the safe bundle whatever its default effect', () => {
    const safe = { ...running, stable: null, rollout: null, candidate: null, safe: true };
    expect(LocalPolicy.fromSnapshot({ ...safe, default_effect: 'allow' }).evaluate(asks())).toMatchObject({
      effect: 'deny',
      overlays: [{ kind: 'safe_bundle' }],
    });
    const watched = LocalPolicy.fromSnapshot({ ...safe, observed: ['inbox.*'] }).evaluate(asks());
    expect(watched).toMatchObject({ effect: 'allow', policy_effect: 'deny' });
    expect(watched.overlays.at(-1)).toMatchObject({ kind: 'observed', would_be: 'deny' });
    expect(LocalPolicy.fromSnapshot({ ...safe, observed: ['inbox'] }).evaluate(asks()).effect).toBe('deny');
  });
});

describe.each(loadCorpus())('the corpus of $topic, decided in process', ({ cases }) => {
  it.each(cases)('$name', (one) => {
    const make = () =>
      LocalPolicy.fromBundle({
        rules: one.rules as RuleInput[],
        ...(one.lists === undefined ? {} : { lists: one.lists as Lists }),
        ...(one.default_effect === undefined ? {} : { defaultEffect: one.default_effect }),
        clock: null,
        trustFacts: true,
      });
    if (!isDecisionCase(one)) {
      expect(refusal(make).code).toBe('bundle_rejected');
      return;
    }
    const { min_approvers: _, ...expected } = one.expected;
    expect(make().evaluate(one.request)).toMatchObject(expected);
  });
});
