import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { expirePins } from './commands.js';

const minute = 60_000;
const day = 24 * 60 * minute;

let server: TestServer;
let nowMs = Date.parse('2026-11-20T12:00:00Z');
const clock = { now: () => new Date(nowMs) };
const keys: Record<string, string> = {};

beforeAll(async () => {
  server = await startTestServer({ clock });
  for (const name of ['ann', 'ben']) keys[name] = await server.createKey('admin', { name });
});
afterAll(() => server?.close());
/** Time passes, in which the server keeps in touch with its database. */
async function pass(ms: number): Promise<void> {
  nowMs += ms;
  await server.services.enforcement.poll();
}
// Each test on a day of its own, long after the one before.
beforeEach(async () => {
  await expirePins(server.services, new Date(nowMs + 30 * day));
  await pass(30 * day);
});

const disable = (by: string, effect: string, ttl_minutes = 30, reason = 'the mail agent is stuck') =>
  server.call('disablePolicy', { body: { effect, reason, ttl_minutes }, token: keys[by] ?? null });
const enable = (by = 'ann') => server.call('enablePolicy', { body: {}, token: keys[by] as string });
const ask = async () =>
  (await server.call('evaluate', { body: { agent: 'inbox.triage', action: 'quarantine', context: {} } })).body;
const system = async () => (await server.call('getSystem')).body;
const lastEvent = async () => (await server.call('listAudit', { query: { limit: 1 } })).body.entries[0];

describe('an emergency switch', () => {
  it.each(['allow', 'deny'] as const)('to `%s` is in force when it answers, and over by itself', async (effect) => {
    const until = new Date(nowMs + 30 * minute).toISOString();
    const { status, body } = await disable('ann', effect);
    expect(status).toBe(200);
    expect(body.pin).toMatchObject({ effect, until, started_by: 'ann', confirmed_by: null });
    expect(await ask()).toMatchObject({
      effect,
      policy_effect: 'deny',
      overlays: [{ kind: 'pinned', would_be: 'deny' }],
    });
    expect(await system()).toMatchObject({ pin: { effect, until, incident_id: body.pin?.incident_id } });
    await pass(30 * minute - 1);
    expect((await ask()).overlays).toHaveLength(1);
    await pass(1);
    expect((await ask()).overlays).toEqual([]);
    expect((await system()).pin).toBeNull();
    const before = (await system()).latest_generation as number;
    expect(await expirePins(server.services, clock.now())).toBe(1);
    expect(await expirePins(server.services, clock.now())).toBe(0);
    expect((await system()).latest_generation).toBe(before + 1);
    expect(await lastEvent()).toMatchObject({ kind: 'system.pin_expired', actor: 'system', data: { effect, until } });
  });

  it('opens an incident, and tells it when policy decides again', async () => {
    const { body } = await disable('ann', 'deny');
    const id = body.pin?.incident_id as number;
    await enable('ben');
    expect(await ask()).toMatchObject({ effect: 'deny', overlays: [] });
    const { body: incident } = await server.call('getIncident', { params: { id } });
    expect(incident).toMatchObject({ kind: 'break_glass', key: 'break_glass', status: 'open' });
    expect(incident.timeline.at(-1)).toMatchObject({ type: 'noted', actor: 'ben', text: 'policy decides again' });
    expect(await lastEvent()).toMatchObject({ kind: 'system.enabled', actor: 'ben', data: { incident_id: id } });
  });

  it('is replaced by the next one, and repeated without effect', async () => {
    const first = await disable('ann', 'allow', 10);
    expect((await disable('ann', 'allow', 10)).body).toEqual(first.body);
    const { body } = await disable('ben', 'deny', 60);
    expect(body.pin).toMatchObject({ effect: 'deny', started_by: 'ben' });
    expect((await ask()).effect).toBe('deny');
    const { rows } = await server.db.pool.query(
      'select effect, end_reason from emergency_pin where started_at = $1 order by id',
      [clock.now()],
    );
    expect(rows).toEqual([
      { effect: 'allow', end_reason: 'replaced' },
      { effect: 'deny', end_reason: null },
    ]);
    expect((await system()).pin?.incident_id).toBe(first.body.pin?.incident_id);
  });

  it('changes nothing when there is none to end', async () => {
    const before = (await system()).latest_generation;
    const { status, body } = await enable();
    expect([status, body]).toEqual([
      200,
      { pin: null, generation: before, message: expect.stringContaining('nothing') },
    ]);
  });

  it.each([
    [{ effect: 'allow', reason: 'long enough', ttl_minutes: 60.5 }, '/ttl_minutes'],
    [{ effect: 'allow', reason: 'long enough', ttl_minutes: 0 }, '/ttl_minutes'],
    [{ effect: 'needs_approval', reason: 'long enough', ttl_minutes: 5 }, '/effect'],
    [{ effect: 'deny', reason: 'short', ttl_minutes: 5 }, '/reason'],
    [{ effect: 'deny', reason: '   short    ', ttl_minutes: 5 }, '/reason'],
    [{ effect: 'deny', reason: 'a null byte\u0000', ttl_minutes: 5 }, '/reason'],
    [{ effect: 'deny', reason: 'long enough' }, '/ttl_minutes'],
  ])('refuses %o', async (body, path) => {
    const { status, problem } = await server.call('disablePolicy', { body });
    expect([status, problem.errors[0]?.path]).toEqual([422, path]);
  });

  it('is for admins, of their own workspace alone', async () => {
    const operator = await server.createKey('operator');
    const answer = await server.call('disablePolicy', {
      body: { effect: 'deny', reason: 'long enough', ttl_minutes: 5 },
      token: operator,
    });
    expect(answer.status).toBe(403);
    await server.db.pool.query("insert into workspace (name) values ('elsewhere')");
    await disable('ann', 'allow');
    const { body } = await server.call('evaluate', {
      body: { agent: 'inbox.triage', action: 'quarantine', context: {} },
      headers: { 'x-workspace': 'elsewhere' },
    });
    expect(body).toMatchObject({ effect: 'deny', overlays: [] });
  });
});

describe('a second switch to `allow` within 24 hours', () => {
  it('takes two people', async () => {
    await disable('ann', 'allow', 5);
    await enable();
    await pass(day - minute);
    const refused = await disable('ann', 'allow', 60, 'it is stuck once more');
    expect([refused.status, refused.problem.code]).toEqual([409, 'second_person_needed']);
    expect((await ask()).effect).toBe('deny');
    expect(await system()).toMatchObject({
      pin: null,
      pin_request: { effect: 'allow', ttl_minutes: 60, asked_by: 'ann', reason: 'it is stuck once more' },
    });
    // The same person in other letters is no second one.
    const again = await server.createKey('admin', { name: 'ANN', owner: ' Ann' });
    for (const token of [keys.ann, again]) {
      const body = { effect: 'allow', reason: 'it is stuck once more', ttl_minutes: 60 };
      expect((await server.call('disablePolicy', { body, token: token as string })).status).toBe(409);
    }
    const { status, body } = await disable('ben', 'allow', 20, 'I have seen it too');
    expect(status).toBe(200);
    expect(body.pin).toMatchObject({
      confirmed_by: 'ben',
      reason: 'it is stuck once more',
      until: new Date(nowMs + 20 * minute).toISOString(),
    });
    expect((await ask()).effect).toBe('allow');
    expect((await system()).pin_request).toBeNull();
    // Used up: a third one needs two again.
    expect((await disable('ann', 'allow', 30)).status).toBe(409);
    expect((await enable()).body.pin).toBeNull();
  });

  it('takes one when a day has passed, and one for `deny` at any time', async () => {
    await disable('ann', 'allow', 5);
    expect((await disable('ann', 'deny', 5)).status).toBe(200);
    expect((await disable('ann', 'allow', 5)).status).toBe(409);
    await enable();
    await pass(day);
    expect((await disable('ann', 'allow', 5)).status).toBe(200);
  });

  it('waits half an hour for the second person, and is withdrawn by `enable`', async () => {
    await disable('ann', 'allow', 5);
    await pass(10 * minute);
    expect((await disable('ann', 'allow', 5)).status).toBe(409);
    await pass(30 * minute);
    expect((await disable('ben', 'allow', 5)).status).toBe(409);
    expect((await system()).pin_request).toMatchObject({ asked_by: 'ben' });
    await enable();
    expect(await lastEvent()).toMatchObject({ kind: 'system.disable_withdrawn' });
    expect((await disable('ann', 'allow', 5)).status).toBe(409);
    await enable();
  });

  it('is made once when both ask at once', async () => {
    await disable('ann', 'allow', 5);
    await enable();
    await disable('ann', 'allow', 5);
    const answers = await Promise.all(['ann', 'ben', 'ann', 'ben'].map((by) => disable(by, 'allow', 5)));
    const { rows } = await server.db.pool.query(
      "select confirmed_by from emergency_pin where effect = 'allow' and started_at = $1 and confirmed_by is not null",
      [clock.now()],
    );
    expect(rows.length).toBeGreaterThanOrEqual(1);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(rows.length);
    const open = await server.db.pool.query('select count(*) as n from emergency_pin where ended_at is null');
    expect(open.rows).toEqual([{ n: 1 }]);
  });
});

describe('an agent that is only observed', () => {
  it('is answered allow, with what would have been, and reported', async () => {
    const put = (mode: string) => server.call('putCatalogAgent', { params: { agent: 'inbox.triage' }, body: { mode } });
    expect((await put('observe')).body).toMatchObject({ agent: 'inbox.triage', mode: 'observe' });
    const decision = await ask();
    expect(decision).toMatchObject({ effect: 'allow', policy_effect: 'deny' });
    expect(decision.overlays).toMatchObject([{ kind: 'observed', would_be: 'deny' }]);
    expect((await server.call('getCatalog')).body.agents).toContainEqual(
      expect.objectContaining({ agent: 'inbox.triage', mode: 'observe' }),
    );
    expect((await system()).observed).toEqual(['inbox.triage']);
    await server.call('evaluate', {
      body: { agent: 'inbox.triage', action: 'quarantine', context: {}, session: 's\u2028"kind":"observed"' },
    });
    // Describing it again keeps its mode.
    await server.call('putCatalogAgent', { params: { agent: 'inbox.triage' }, body: { description: 'sorts mail' } });
    expect((await ask()).effect).toBe('allow');
    expect((await put('enforce')).body.mode).toBe('enforce');
    expect((await ask()).effect).toBe('deny');
    const { body: report } = await server.call('getWouldDeny', { query: { days: 1 } });
    expect(report).toMatchObject({
      observed_now: [],
      decisions: 3,
      would_allow: 0,
      would_deny: 3,
      would_need_approval: 0,
      complete: true,
      total_groups: 1,
      groups: [
        {
          agent: 'inbox.triage',
          action: 'quarantine',
          effect: 'deny',
          rule_id: null,
          decisions: 3,
          sessions: 1,
          reason: decision.overlays[0]?.policy_reason,
        },
      ],
    });
    expect(report.groups[0]?.decision_ids).toContain(decision.decision_id);
    const other = await server.call('getWouldDeny', { query: { agent: 'planner.deploy' } });
    expect(other.body).toMatchObject({ decisions: 0, groups: [] });
  });

  it('takes two people under four eyes, and one back', async () => {
    const strict = await startTestServer({ config: { fourEyesDefault: true } });
    try {
      const [ann, ben] = [
        await strict.createKey('admin', { name: 'ann' }),
        await strict.createKey('admin', { name: 'ben' }),
      ];
      const put = (token: string, body: object) =>
        strict.call('putCatalogAgent', { params: { agent: 'new.agent' }, body, token });
      const first = await put(ann, { mode: 'observe' });
      expect([first.status, first.problem.code]).toEqual([409, 'second_person_needed']);
      expect((await put(ann, { mode: 'observe' })).status).toBe(409);
      expect((await strict.call('getCatalog')).body.agents.map(({ agent }) => agent)).not.toContain('new.agent');
      expect((await put(ben, { mode: 'observe' })).body.mode).toBe('observe');
      expect((await put(ann, { description: 'new' })).body).toMatchObject({ mode: 'observe', description: 'new' });
      expect((await put(ann, { mode: 'enforce' })).body.mode).toBe('enforce');
      expect((await put(ben, { mode: 'observe' })).status).toBe(409);
    } finally {
      await strict.close();
    }
  });
});
