import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rule } from '../bundles/bundles.testkit.js';
import { alike, before, hourMs, openYard, placesIn, strict, type Yard } from './rollouts.testkit.js';

let yard: Yard;
let stable: number;
beforeAll(async () => {
  yard = await openYard();
});
afterAll(() => yard?.close());
/** Each test begins with one bundle in force for everybody, and nothing on its way. */
beforeEach(async () => {
  stable = (await yard.rollOut(before, 100, { supersede: true })).id;
  await yard.db.pool.query(`update incident set status = 'closed', closed_at = now() where status <> 'closed'`);
});

const promote = (id: number, body: object = {}, token = yard.operator, headers = {}) =>
  yard.call('promoteRollout', { token, params: { id }, body, headers });
const status = async (id: number) => (await yard.call('getCanaryStatus', { params: { id } })).body;
/** Gates that are content with little traffic. */
const few = '{"max_error_rate":0.05,"max_deny_rate":0.3,"max_cost_increase":0.2,"min_sample_size":20}';
const places = (...ids: number[]) => placesIn(yard, ids);
const dayOf = async (rounds = 24) => {
  for (let hour = 0; hour < rounds; hour++) {
    yard.advance(hourMs);
    await yard.tick();
  }
};

describe('an activation', () => {
  it('of a share leaves the bundle before in force for the rest', async () => {
    const { id } = await yard.rollOut(alike, 10);
    expect(await places(id, stable)).toEqual([
      ['canary', true, 10, 10],
      ['active', false, 0, 90],
    ]);
    const answers = await yard.ask(300);
    const canary = answers.filter(({ arm }) => arm === 'canary').length;
    expect(canary).toBeGreaterThan(5);
    expect(canary).toBeLessThan(80);
    expect((await yard.call('getActiveBundle')).body.id).toBe(id);
    const rollout = await yard.rolloutOf(id);
    expect(rollout).toMatchObject({
      phase: 'canary',
      share_pct: 10,
      next_step_pct: 50,
      previous_bundle_id: stable,
      holds: [],
      plan: { steps: [10, 50, 100], dwell_hours: 24, on_breach: 'rollback', gates: { max_error_rate: 0.05 } },
      evidence: {
        canary: { decisions: canary },
        stable: { decisions: 300 - canary },
        shadow: { decisions: 300 - canary },
      },
    });
    expect(rollout.allowed_actions).toEqual(['pause', 'skip', 'rollback']);
  });

  it('tells how many more approvals it asks of people', async () => {
    const asking = [before[0], rule('two', { action: 'escalate', effect: 'needs_approval', budget: { cost: 1 } })];
    const { id } = await yard.rollOut(asking, 50);
    expect((await status(id)).approvals).toBeNull();
    await yard.ask(400);
    const { approvals } = await status(id);
    // Every other request is to escalate, in both arms alike.
    expect(approvals?.before_per_day).toBe(0);
    expect(approvals?.added_per_day).toBeGreaterThan(150);
    expect(approvals?.added_per_day).toBeLessThan(250);
    expect(approvals?.sentence).toMatch(
      /^this change adds \d+ approvals a day \(\d+ instead of 0\), by \d+ requests that both bundles were asked in .*, taken for a day$/,
    );
  });

  it('of 0 % only watches', async () => {
    const { id } = await yard.rollOut(strict, 0);
    expect(await places(id, stable)).toEqual([
      ['shadow', false, 0, 0],
      ['active', true, 100, 100],
    ]);
    expect(new Set((await yard.ask(50)).map(({ effect }) => effect))).toEqual(new Set(['allow']));
    const { evidence, phase } = await yard.rolloutOf(id);
    expect([phase, evidence.shadow.denied, evidence.shadow.newly_denied]).toEqual(['shadow', 50, 50]);
  });

  it('of everything supersedes the bundle before and keeps it to compare with', async () => {
    const { id } = await yard.rollOut(alike, 100);
    expect(await places(id, stable)).toEqual([
      ['active', true, 100, 100],
      ['superseded', false, 0, 0],
    ]);
    expect(await yard.rolloutOf(id)).toMatchObject({ phase: 'baking', previous_bundle_id: stable });
  });

  it('waits for the one on its way, or takes its place when told to', async () => {
    const first = await yard.rollOut(alike, 10);
    const draft = await yard.draft(yard.version(), [rule('one'), rule('four', { action: 'allow' })]);
    const approval = await yard.approved(draft.id, { initial_pct: 10 });
    const activate = (rest: object = {}) =>
      yard.call('activateBundle', {
        token: yard.operator,
        params: { id: draft.id },
        body: { approval_id: approval.id, ...rest },
      });
    const refused = await activate();
    expect([refused.status, refused.problem.code]).toEqual([409, 'rollout_running']);
    expect((await activate({ supersede: true })).body.status).toBe('canary');
    expect(await places(draft.id, first.id, stable)).toEqual([
      ['canary', true, 10, 10],
      ['superseded', false, 0, 0],
      ['active', false, 0, 90],
    ]);
    expect(await yard.rolloutOf(first.id)).toMatchObject({ phase: 'superseded', allowed_actions: [] });
    expect((await yard.rolloutOf(draft.id)).previous_bundle_id).toBe(stable);
  });

  it.each([
    [{ gates: { max_error_rate: 0.06 } }, '/gates/max_error_rate', 'may be at most 0.05, the setting'],
    [{ gates: { max_error_rate: 1 } }, '/gates/max_error_rate', 'may be at most 0.05, the setting'],
    [{ gates: { min_sample_size: 10 } }, '/gates/min_sample_size', 'may be at least 100, the setting'],
    [{ dwell_hours: 1 }, '/dwell_hours', 'may be at least 24, the setting'],
    [{ gates: { max_eror_rate: 0.01 } }, '/gates/max_eror_rate', expect.stringContaining('max_error_rate')],
  ])('may ask for stricter gates only under four eyes: not %o', async (rest, path, message) => {
    const { id } = await yard.draft(yard.version(), alike);
    const { id: approvalId } = await yard.approved(id, { initial_pct: 10 });
    const body = { approval_id: approvalId, ...rest };
    const { status: code, problem } = await yard.call('activateBundle', { token: yard.operator, params: { id }, body });
    expect([code, problem.errors[0]]).toMatchObject([422, { path, message }]);
  });

  it('may never ask for gates beyond the critical limits', async () => {
    await yard.db.pool.query(`insert into setting values (1, '{"four_eyes":false}', 'test', now())`);
    const { id } = await yard.draft(yard.version(), alike);
    const { id: approvalId } = await yard.approved(id, { initial_pct: 10 });
    const body = { approval_id: approvalId, gates: { max_deny_rate: 0.6 } };
    const { status: code, problem } = await yard.call('activateBundle', { token: yard.operator, params: { id }, body });
    await yard.db.pool.query('delete from setting');
    const errors = [{ path: '/gates/max_deny_rate', message: 'may be at most 0.5, the critical limit' }];
    expect([code, problem.errors]).toMatchObject([422, errors]);
  });

  it('holds at a breach only where that was approved, and then without being told', async () => {
    const { id } = await yard.draft(yard.version(), alike);
    const activate = (approvalId: number, rest: object = {}) =>
      yard.call('activateBundle', {
        token: yard.operator,
        params: { id },
        body: { approval_id: approvalId, canary_pct: 10, ...rest },
      });
    const plain = await yard.approved(id, { initial_pct: 10 });
    const refused = await activate(plain.id, { on_breach: 'hold' });
    expect([refused.status, refused.problem.code]).toEqual([409, 'approval_mismatch']);
    expect(refused.problem.detail).toContain('request one with `on_breach`: `hold`');
    const holding = await yard.approved(id, { initial_pct: 10, on_breach: 'hold' });
    expect(holding.subject).toMatchObject({ on_breach: 'hold' });
    expect(holding.subject_digest).not.toBe(plain.subject_digest);
    expect((await activate(holding.id, { on_breach: 'rollback' })).problem.code).toBe('approval_mismatch');
    expect((await activate(holding.id)).status).toBe(200);
    expect((await yard.rolloutOf(id)).plan.on_breach).toBe('hold');
  });

  it('keeps its plan whatever becomes of the settings', async () => {
    const strictPlan = { gates: { max_error_rate: 0.01 }, dwell_hours: 48, on_breach: 'hold' };
    const { id } = await yard.rollOut(alike, 10, strictPlan);
    await yard.db.pool.query(`insert into setting values (1, '{"dwell_hours":1,"steps":[100]}', 'test', now())`);
    expect((await yard.rolloutOf(id)).plan).toMatchObject({
      steps: [10, 50, 100],
      dwell_hours: 48,
      bake_hours: 48,
      on_breach: 'hold',
      gates: { max_error_rate: 0.01, max_deny_rate: 0.3 },
    });
    await yard.db.pool.query('delete from setting');
  });
});

describe('a good bundle', () => {
  it('reaches everybody by itself in two days, and is completed on the third', async () => {
    await yard.db.pool.query(`insert into setting values (1, '{"gates":${few}}', 'test', now())`);
    const { id } = await yard.rollOut(alike, 10);
    await yard.db.pool.query('delete from setting');
    const seen: string[] = [];
    for (let hour = 0; hour <= 75; hour++) {
      await yard.tick();
      const { phase, share_pct: share } = await yard.rolloutOf(id);
      if (!seen.at(-1)?.startsWith(`${phase} ${share}`)) {
        seen.push(`${phase} ${share} at ${hour} h`);
        await yard.ask(600);
        await yard.tick();
      }
      yard.advance(hourMs);
    }
    expect(seen).toEqual(['canary 10 at 0 h', 'canary 50 at 24 h', 'baking 100 at 48 h', 'completed 100 at 72 h']);
    expect(await places(id, stable)).toEqual([
      ['active', true, 100, 100],
      ['superseded', false, 0, 0],
    ]);
    const { rows } = await yard.db.pool.query(
      `select kind, actor from event where subject = $1 and kind not in ('rollout.held', 'rollout.released') order by seq`,
      [`rollout/${(await yard.rolloutOf(id)).id}`],
    );
    expect(rows).toEqual([
      { kind: 'rollout.started', actor: 'Otto' },
      { kind: 'rollout.promoted', actor: 'controller' },
      { kind: 'rollout.promoted', actor: 'controller' },
      { kind: 'rollout.completed', actor: 'controller' },
    ]);
  }, 60_000);

  it('does not move without traffic, and says what it waits for', async () => {
    const { id } = await yard.rollOut(alike, 10);
    await dayOf(30);
    expect(await yard.rolloutOf(id)).toMatchObject({ share_pct: 10, holds: ['inconclusive'] });
    expect(await status(id)).toMatchObject({
      promotion_eligible: false,
      hold_reasons: ['inconclusive'],
      next_step: expect.stringContaining('50 % when all gates pass: no error rate yet'),
    });
    const { incidents } = (await yard.call('listIncidents', { query: { unresolved_only: true } })).body;
    expect(incidents).toMatchObject([{ kind: 'rollout_held', severity: 'medium', occurrences: 1 }]);
  });

  it('pages after a day of standing still for one reason after the other, once, also when nobody looked in time', async () => {
    const { id: bundleId } = await yard.rollOut(alike, 10);
    const { id } = await yard.rolloutOf(bundleId);
    const paged = async () =>
      (await yard.call('listIncidents', { query: { kind: 'rollout_held' } })).body.incidents.filter(
        ({ key }) => key === `rollout/${id}/held`,
      );
    await yard.tick();
    for (const command of ['pauseRollout', 'resumeRollout'] as const) {
      yard.advance(10 * hourMs);
      await yard.call(command, { token: yard.operator, params: { id }, body: {} });
      await yard.tick();
    }
    expect(await paged()).toEqual([]);
    yard.advance(10 * hourMs);
    await yard.tick();
    const [incident, ...others] = await paged();
    expect([incident, others]).toMatchObject([{ severity: 'medium', occurrences: 1 }, []]);
    for (const step of ['resolveIncident', 'closeIncident'] as const)
      expect((await yard.call(step, { params: { id: incident?.id ?? 0 }, body: {} })).status).toBe(200);
    await yard.tick();
    expect(await paged()).toHaveLength(1);
  });
});

describe('a bad bundle', () => {
  it('is rolled back by itself, with an incident that says why', async () => {
    const { id, version } = await yard.rollOut(strict, 10);
    await yard.ask(300);
    yard.advance(5_000);
    expect(await yard.tick()).toBe(1);
    expect(await places(id, stable)).toEqual([
      ['rolled_back', false, 0, 0],
      ['active', true, 100, 100],
    ]);
    expect(new Set((await yard.ask(100)).map(({ effect }) => effect))).toEqual(new Set(['allow']));
    const rollout = await yard.rolloutOf(id);
    expect(rollout).toMatchObject({ phase: 'rolled_back', allowed_actions: [] });
    expect(rollout.end_reason).toMatch(/^the deny rate is 100 % over \d+ decisions, beyond the critical 50 %/);
    const { incidents } = (await yard.call('listIncidents', { query: { unresolved_only: true } })).body;
    expect(incidents).toMatchObject([
      {
        kind: 'rollback',
        severity: 'high',
        key: `rollout/${rollout.id}`,
        details: {
          bundles: { from: { id, version }, to: { id: stable } },
          metric: { name: 'deny_rate', before: 0, after: 1, limit: 0.5 },
        },
      },
    ]);
    const told = await yard.db.pool.query(
      `select data from event where subject = $1 and kind = 'rollout.rolled_back'`,
      [`rollout/${rollout.id}`],
    );
    expect(told.rows).toMatchObject([
      {
        data: { reason: rollout.end_reason, metric: { name: 'deny_rate', after: 1 }, rollback: { to: { id: stable } } },
      },
    ]);
    const { decision_ids: named } = (incidents[0]?.details ?? {}) as { decision_ids?: string[] };
    const found = await yard.call('getDecision', { params: { id: named?.[0] ?? '' } });
    expect(found.body).toMatchObject({ arm: 'canary', effect: 'deny' });
    expect((await yard.bundle(stable)).metadata.rollback).toMatchObject({
      from: { id, version },
      to: { id: stable },
      by: 'controller',
      reason: rollout.end_reason,
    });
    expect(await yard.tick()).toBe(0);
  });

  it('is rolled back while it is paused, and at 100 %', async () => {
    const paused = await yard.rollOut(strict, 50);
    const { id } = await yard.rolloutOf(paused.id);
    await yard.call('pauseRollout', { token: yard.operator, params: { id }, body: { reason: 'looking' } });
    await yard.ask(100);
    await yard.tick();
    expect((await yard.rolloutOf(paused.id)).phase).toBe('rolled_back');
    const baking = await yard.rollOut([rule('one', { effect: 'deny' })], 100);
    await yard.ask(100);
    await yard.tick();
    expect((await yard.rolloutOf(baking.id)).phase).toBe('rolled_back');
    expect((await yard.bundle(stable)).status).toBe('active');
  });

  it('that mends a hole is held and paged, not rolled back', async () => {
    const { id } = await yard.rollOut(strict, 50, { on_breach: 'hold' });
    await yard.ask(100);
    await yard.tick();
    await yard.tick();
    expect(await yard.rolloutOf(id)).toMatchObject({ phase: 'canary', holds: ['failing'] });
    const { incidents } = (await yard.call('listIncidents', { query: { unresolved_only: true } })).body;
    expect(incidents).toMatchObject([{ kind: 'rollout_held', severity: 'high', occurrences: 1 }]);
  });

  it('that only watches harms nobody and cannot be promoted', async () => {
    const { id } = await yard.rollOut(strict, 0);
    await yard.ask(200);
    await yard.tick();
    const rollout = await yard.rolloutOf(id);
    expect(rollout).toMatchObject({ phase: 'shadow', holds: ['failing'] });
    const { status: code, problem } = await promote(rollout.id);
    expect([code, problem.code]).toEqual([409, 'gates_not_passed']);
    expect(problem.detail).toContain('the deny rate is 100 %');
    expect(problem.errors[0]).toMatchObject({ code: 'deny_rate' });
  });
});

describe('a promotion', () => {
  it('by hand takes one step when gates and dwell allow it', async () => {
    const { id } = await yard.rollOut(alike, 10);
    const rollout = await yard.rolloutOf(id);
    await yard.ask(1500, 2);
    const early = await promote(rollout.id);
    expect([early.status, early.problem.code]).toEqual([409, 'dwell_not_over']);
    expect(early.problem).toMatchObject({ rollout: { phase: 'canary', share_pct: 10 } });
    yard.advance(24 * hourMs);
    await yard.ask(1500);
    expect((await promote(rollout.id, { target_pct: 100 })).problem.code).toBe('step_skipped');
    expect((await status(id)).promotion_eligible).toBe(true);
    const { body } = await promote(rollout.id, { target_pct: 50 });
    expect([body.share_pct, body.dwelled_seconds, body.evidence.canary.decisions]).toEqual([50, 0, 0]);
    expect(await places(id, stable)).toEqual([
      ['canary', true, 50, 50],
      ['active', false, 0, 50],
    ]);
    expect((await promote(rollout.id, { target_pct: 50 })).problem.code).toBe('step_passed');
    const old = await yard.call('promoteBundle', { token: yard.operator, params: { id } });
    expect(old.problem.code).toBe('gates_not_passed');
  });

  it('is refused when the rollout is another than was seen', async () => {
    const { id } = await yard.rollOut(alike, 10);
    const rollout = await yard.rolloutOf(id);
    await yard.call('pauseRollout', { token: yard.operator, params: { id: rollout.id }, body: {} });
    const { status: code, problem } = await promote(rollout.id, { generation: rollout.generation });
    expect([code, problem.code]).toEqual([409, 'conflict']);
    expect(problem).toMatchObject({ rollout: { generation: rollout.generation + 1 } });
  });

  it('is refused in a freeze, which is named with its end', async () => {
    const { id } = await yard.rollOut(alike, 10);
    const rollout = await yard.rolloutOf(id);
    const until = `${new Date(yard.now().getTime() + 2 * hourMs).toISOString().slice(0, 16)}:00.000Z`;
    const made = await yard.call('createFreezeWindow', {
      body: {
        name: 'trade fair',
        reason: 'nobody is at home',
        rule: { type: 'dates', from: yard.now().toISOString().slice(0, 16), to: until.slice(0, 16) },
      },
    });
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    const skip = await yard.call('skipGate', {
      token: yard.operator,
      params: { id: rollout.id },
      body: { target_pct: 50, reason: 'we are in a hurry' },
    });
    expect([skip.status, skip.problem.code]).toEqual([409, 'frozen']);
    expect(skip.problem.detail).toBe(
      `freeze window \`trade fair\` is on until ${until}; rollbacks stay possible, everything else waits`,
    );
    expect((await promote(rollout.id)).problem.detail).toContain('freeze window `trade fair` is on until');
    await yard.call('deleteFreezeWindow', { params: { id: made.body.id } });
  });

  it('past the gates takes two people and a reason', async () => {
    const { id } = await yard.rollOut(alike, 10);
    const { id: rollout } = await yard.rolloutOf(id);
    const skip = (token: string, target = 100, reason = 'an outage makes it urgent') =>
      yard.call('skipGate', { token, params: { id: rollout }, body: { target_pct: target, reason } });
    expect((await skip(yard.operator, 100, 'because')).status).toBe(422);
    expect((await skip(yard.operator)).body).toMatchObject({
      share_pct: 10,
      skip_asked: { by: 'Otto', target_pct: 100 },
    });
    const own = await skip(yard.operator);
    expect([own.status, own.problem.code]).toEqual([409, 'self_approval']);
    expect((await skip(yard.otherOperator, 50)).body).toMatchObject({ share_pct: 10, skip_asked: { by: 'Olga' } });
    expect((await skip(yard.operator, 50)).body).toMatchObject({ share_pct: 50, skip_asked: null });
    expect((await skip(yard.otherOperator, 10)).problem.code).toBe('step_passed');
  });

  it('waits for a named person where actions of high risk are newly allowed', async () => {
    const risky = [...before, rule('deploy', { agent: 'planner.deploy', action: 'deploy', budget: { risk: 'high' } })];
    const draft = await yard.draft(yard.version(), risky);
    const approval = await yard.approved(draft.id, { initial_pct: 10 });
    const activate = (pct: number) =>
      yard.call('activateBundle', {
        token: yard.operator,
        params: { id: draft.id },
        body: { approval_id: approval.id, canary_pct: pct },
      });
    expect((await activate(10)).problem.code).toBe('sign_off_needed');
    expect((await activate(0)).body.status).toBe('shadow');
    const rollout = await yard.rolloutOf(draft.id);
    expect(rollout).toMatchObject({ sign_off: 'needed', phase: 'shadow' });
    await yard.ask(200);
    yard.advance(25 * hourMs);
    expect((await promote(rollout.id)).problem.code).toBe('sign_off_needed');
    const sign = (token: string) => yard.call('signOffRollout', { token, params: { id: rollout.id } });
    expect((await sign(yard.operator)).problem.code).toBe('self_approval');
    expect((await sign(yard.ann)).body).toMatchObject({ sign_off: 'given', signed_off_by: 'Ann' });
    expect((await promote(rollout.id)).body.share_pct).toBe(10);
  });

  it('with an Idempotency-Key is answered again as it was first', async () => {
    const { id } = await yard.rollOut(alike, 10);
    const { id: rollout } = await yard.rolloutOf(id);
    const headers = { 'idempotency-key': 'once' };
    const pause = (body: object) =>
      yard.call('pauseRollout', { token: yard.operator, params: { id: rollout }, body, headers });
    const first = await pause({});
    await yard.call('resumeRollout', { token: yard.operator, params: { id: rollout } });
    const second = await pause({});
    expect([second.status, second.body]).toEqual([200, first.body]);
    expect((await yard.rolloutOf(id)).holds).toEqual([]);
    expect((await pause({ reason: 'another' })).problem.code).toBe('idempotency_key_reused');
  });
});
