import type { Incident } from '@policy-studio/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withTransaction } from '../../database/connection.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { recordChange } from '../events/transaction.js';
import { unsettledIncidents } from './queries.js';
import { type IncidentOpening, noteIncident, openIncident, resolveIncidentOf, settleRollback } from './transaction.js';

const start = Date.parse('2026-01-05T12:00:00Z');
const minuteMs = 60_000;
let passedMs = 0;
const clock = { now: () => new Date(start + passedMs) };
const workspaceId = 1;
let server: TestServer;
let otto: string;
let ann: string;
let viewer: string;

beforeAll(async () => {
  server = await startTestServer({ clock });
  [otto, ann, viewer] = await Promise.all([
    server.createKey('operator', { owner: 'Otto' }),
    server.createKey('operator', { owner: 'Ann' }),
    server.createKey('viewer', { owner: 'Vera' }),
  ]);
});
afterAll(() => server?.close());

const report = async (rest: object = {}): Promise<Incident> => {
  const body = { severity: 'medium', summary: 'mail is quarantined wrongly', ...rest };
  const answer = await server.call('createIncident', { token: otto, body });
  expect(answer.status).toBe(201);
  return answer.body;
};
type Step = 'acknowledgeIncident' | 'mitigateIncident' | 'resolveIncident' | 'closeIncident';
const step = (operation: Step, id: number, body?: object, token = otto) =>
  server.call(operation, { token, params: { id }, ...(body ? { body } : {}) });
const read = async (id: number) => (await server.call('getIncident', { token: viewer, params: { id } })).body;
const eventsOf = async (id: number) => {
  const { rows } = await server.db.pool.query<{ kind: string; actor: string; data: Record<string, unknown> }>(
    'select kind, actor, data from event where subject = $1 order by seq',
    [`incident/${id}`],
  );
  return rows;
};
const opening = (key: string | null, rest: Partial<IncidentOpening> = {}): IncidentOpening => ({
  workspaceId,
  kind: 'rollback',
  key,
  severity: 'high',
  summary: '1.1.0 was rolled back',
  details: { metric: { name: 'error_rate', before: 0.01, after: 0.2, limit: 0.1 } },
  at: clock.now(),
  actor: 'system',
  ...rest,
});
const open = (key: string | null, rest: Partial<IncidentOpening> = {}) =>
  withTransaction(server.db.pool, (tx) => openIncident(tx, opening(key, rest)));

describe('an incident from outside', () => {
  test('says what is known, who opened it, and what can be done', async () => {
    const playbooks = [{ title: 'Mail', steps: ['look'], url: 'https://wiki.example.com/mail' }];
    const incident = await report({ kind: 'mail', details: { ticket: 7 }, playbooks });
    const now = clock.now().toISOString();
    expect(incident).toMatchObject({
      kind: 'mail',
      source: 'external',
      severity: 'medium',
      status: 'open',
      details: { ticket: 7 },
      playbooks,
      tied_to_policy: true,
      occurrences: 1,
      last_seen_at: now,
      assigned_to: null,
      created_by: 'Otto',
      created_at: now,
      acknowledged_at: null,
      allowed_actions: ['acknowledge', 'mitigate', 'resolve', 'comment', 'assign'],
      timeline: [{ seq: 1, at: now, actor: 'Otto', type: 'opened', text: 'mail is quarantined wrongly' }],
      timeline_total: 1,
    });
    expect(incident.key).toMatch(/^mail:[0-9a-f-]{36}$/);
    expect(await read(incident.id)).toEqual(incident);
  });

  test('without a key is one of its own, with the key of one that is not closed adds to that', async () => {
    const alone = await report();
    expect((await report()).id).not.toBe(alone.id);
    const first = await report({ key: 'pager-1', severity: 'low' });
    const second = await report({ key: 'pager-1', severity: 'high', summary: 'more mail', details: { seen: 2 } });
    expect(second).toMatchObject({
      id: first.id,
      severity: 'high',
      summary: first.summary,
      occurrences: 2,
      timeline: [
        { type: 'opened' },
        { type: 'escalated', text: 'more mail', data: { details: { seen: 2 }, from: 'low', to: 'high' } },
      ],
    });
    expect(await report({ key: 'pager-1', severity: 'low' })).toMatchObject({ severity: 'high', occurrences: 3 });
  });

  test.each([
    [{ severity: 'sev1' }, '/severity'],
    [{ summary: '   ' }, '/summary'],
    [{ summary: 'two\nlines' }, '/summary'],
    [{ kind: 'Not A Kind' }, '/kind'],
    [{ key: '' }, '/key'],
    [{ details: [] }, '/details'],
    [{ playbooks: [{ title: 'a', steps: [], url: 'javascript:alert(1)' }] }, '/playbooks/0/url'],
    [{ status: 'closed' }, '/status'],
  ])('is refused with %j', async (wrong, path) => {
    const body = { severity: 'low', summary: 'a thing', ...wrong };
    const { status, problem } = await server.call('createIncident', { token: otto, body });
    expect([status, problem.errors[0]?.path]).toEqual([422, path]);
  });
});

test('details of more than 16 KiB are refused', async () => {
  const ask = (length: number) =>
    server.call('createIncident', {
      token: otto,
      body: { severity: 'low', summary: 'a thing', details: { text: 'x'.repeat(length) } },
    });
  expect((await ask(16 * 1024 - 11)).status).toBe(201);
  expect((await ask(16 * 1024 - 10)).problem.errors[0]?.path).toBe('/details');
});

test('details are kept as they came, whatever their names', async () => {
  const details = '{"__proto__":{"a":1},"constructor":2,"zero":"\\u0000","deep":[[{"":null}]],"tiny":-0.5e-7}';
  const body = `{"severity":"low","summary":"odd","key":"odd","details":${details}}`;
  const made = await server.call('createIncident', { token: otto, body });
  expect([made.status, JSON.stringify(made.body.details)]).toEqual([201, JSON.stringify(JSON.parse(details))]);
  await server.call('createIncident', { token: otto, body });
  const { body: draft } = await server.call('getPostMortem', { params: { id: made.body.id } });
  expect(draft.markdown).toContain('- \\_\\_proto\\_\\_.a: 1\n');
});

describe('the way of an incident', () => {
  test('goes through all its statuses, each with its time, its entry and its event', async () => {
    const { id } = await report({ severity: 'critical' });
    const steps = [
      ['acknowledgeIncident', 'acknowledged'],
      ['mitigateIncident', 'mitigated'],
      ['resolveIncident', 'resolved'],
      ['closeIncident', 'closed'],
    ] as const;
    const times: string[] = [];
    for (const [operation, status] of steps) {
      passedMs += minuteMs;
      times.push(clock.now().toISOString());
      const { body } = await step(operation, id, { comment: `now ${status}` }, ann);
      expect(body).toMatchObject({ status, [`${status}_at`]: times.at(-1), updated_at: times.at(-1) });
    }
    const closed = await read(id);
    expect([closed.acknowledged_at, closed.mitigated_at, closed.resolved_at, closed.closed_at]).toEqual(times);
    expect(closed.assigned_to).toBe('Ann');
    expect(closed.timeline.map(({ type, actor, text }) => [type, actor, text])).toEqual([
      ['opened', 'Otto', 'mail is quarantined wrongly'],
      ...steps.map(([, status]) => [status, 'Ann', `now ${status}`]),
    ]);
    expect((await eventsOf(id)).map(({ kind, data }) => [kind, data.status, data.severity])).toEqual([
      ['incident.opened', 'open', 'critical'],
      ...steps.map(([, status]) => [`incident.${status}`, status, 'critical']),
    ]);
  });

  test('refuses a step that its status does not allow, and records nothing of it', async () => {
    const { id } = await report();
    const early = await step('closeIncident', id);
    expect(early.problem).toMatchObject({ status: 409, code: 'incident_status' });
    expect(early.problem.detail).toBe(`incident ${id}: it is \`open\`; what can be closed is \`resolved\``);
    await step('acknowledgeIncident', id);
    expect((await step('acknowledgeIncident', id, {}, ann)).problem.code).toBe('incident_status');
    expect((await read(id)).timeline_total).toBe(2);
    expect((await step('resolveIncident', 2_000_000_000)).problem.code).toBe('not_found');
  });

  test('takes comments at any time, and assignments while it is not closed', async () => {
    const { id } = await report();
    const assign = (to: unknown) =>
      server.call('assignIncident', { token: otto, params: { id }, body: { assigned_to: to } });
    const comment = (text: unknown) =>
      server.call('commentIncident', { token: otto, params: { id }, body: { comment: text } });
    expect((await assign('Mail team')).body).toMatchObject({ assigned_to: 'Mail team', status: 'open' });
    expect((await step('resolveIncident', id)).body).toMatchObject({ assigned_to: 'Mail team', acknowledged_at: null });
    expect((await assign(null)).body.timeline.at(-1)).toMatchObject({ type: 'assigned', data: { assigned_to: null } });
    await step('closeIncident', id);
    expect((await assign('Ann')).problem.code).toBe('incident_status');
    expect((await comment('first line\nsecond')).body.timeline.at(-1)?.text).toBe('first line\nsecond');
    expect((await comment(' \n')).status).toBe(422);
    expect((await comment(undefined)).status).toBe(422);
  });

  test('of many people who acknowledge at once one does', async () => {
    const { id } = await report();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => step('acknowledgeIncident', id, {}, index % 2 === 0 ? otto : ann)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(7).fill(409)]);
    expect((await read(id)).timeline_total).toBe(2);
  });
});

describe('an incident that the server opens', () => {
  test('stands or falls with the transaction of the change that opened it', async () => {
    const failing = withTransaction(server.db.pool, async (tx) => {
      await openIncident(tx, opening('lost'));
      throw new Error('the change failed');
    });
    await expect(failing).rejects.toThrow('the change failed');
    const { opened, id } = await open('lost');
    expect(opened).toBe(true);
    expect((await eventsOf(id)).map(({ kind }) => kind)).toEqual(['incident.opened']);
    const made = await read(id);
    expect(made).toMatchObject({ source: 'system', created_by: 'system', tied_to_policy: false, key: 'lost' });
    expect(made.playbooks[0]?.steps.length).toBeGreaterThan(2);
    const [event] = await eventsOf(id);
    expect(event?.data).toMatchObject({ kind: 'rollback', severity: 'high', details: { metric: { after: 0.2 } } });
  });

  test('is one though many servers open it at once', async () => {
    const made = await Promise.all(Array.from({ length: 12 }, () => open('raced')));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(made.filter(({ opened }) => opened)).toHaveLength(1);
    const incident = await read(made[0]!.id);
    expect(incident).toMatchObject({ occurrences: 12, timeline: [{ type: 'opened' }, { type: 'repeated' }] });
    expect(incident.timeline[1]?.data).toMatchObject({ count: 11 });
  });

  test('keeps its keys apart from those of others', async () => {
    const { id } = await open('shared');
    expect((await report({ key: 'shared' })).id).not.toBe(id);
  });

  test('tells repetitions within an hour once, and those later again', async () => {
    const { id } = await open('flapping');
    for (let minute = 0; minute < 150; minute += 10) {
      passedMs += 10 * minuteMs;
      await open('flapping', { details: { minute } });
    }
    const { timeline, occurrences, last_seen_at: seen, updated_at: updated } = await read(id);
    expect([occurrences, seen, updated]).toEqual([16, clock.now().toISOString(), clock.now().toISOString()]);
    expect(timeline.map(({ type, data }) => [type, data.count])).toEqual([
      ['opened', undefined],
      ['repeated', 6],
      ['repeated', 6],
      ['repeated', 3],
    ]);
    expect(timeline.at(-1)?.data.details).toEqual({ minute: 140 });
    expect((await eventsOf(id)).map(({ kind }) => kind)).toEqual([
      'incident.opened',
      ...Array<string>(3).fill('incident.repeated'),
    ]);
  });

  test.each(['mitigateIncident', 'resolveIncident'] as const)(
    'is open again when it comes back after %s',
    async (by) => {
      const { id } = await open(by);
      await step(by, id);
      expect(await open(by)).toEqual({ id, opened: false });
      const back = await read(id);
      expect(back).toMatchObject({ status: 'open', mitigated_at: null, resolved_at: null });
      expect(back.timeline.at(-1)).toMatchObject({ type: 'reopened', actor: 'system' });
      expect((await eventsOf(id)).at(-1)).toMatchObject({ kind: 'incident.reopened', data: { status: 'open' } });
    },
  );

  test('is another one once the first is closed', async () => {
    const { id } = await open('again');
    await step('resolveIncident', id);
    await step('closeIncident', id);
    const next = await open('again');
    expect(next).toEqual({ id: expect.any(Number), opened: true });
    expect(next.id).not.toBe(id);
  });

  test('may be opened after or before the event of the change, whatever others do with incidents', async () => {
    const { id } = await open('ordered');
    const event = { workspaceId, actor: 'system', kind: 'test.changed', subject: 'test/1' };
    const work = Array.from({ length: 12 }, (_, index) =>
      index % 3 === 0
        ? server.call('commentIncident', { token: otto, params: { id }, body: { comment: 'busy' } })
        : withTransaction(server.db.pool, async (tx) => {
            if (index % 3 === 1) await recordChange(tx, { ...event, at: clock.now() });
            await openIncident(tx, opening('ordered'));
            if (index % 3 === 2) await recordChange(tx, { ...event, at: clock.now() });
          }),
    );
    await Promise.all(work);
    expect((await read(id)).occurrences).toBe(9);
  });

  test('is resolved by its key when the trouble is over, once', async () => {
    const { id } = await open('break-glass', { kind: 'break_glass' });
    const end = (key: string) =>
      withTransaction(server.db.pool, (tx) =>
        resolveIncidentOf(tx, { workspaceId, key, text: 'policy is on again', at: clock.now(), actor: 'system' }),
      );
    expect(await end('break-glass')).toBe(id);
    expect(await end('break-glass')).toBeNull();
    expect(await end('unheard-of')).toBeNull();
    const resolved = await read(id);
    expect(resolved).toMatchObject({ status: 'resolved', resolved_at: clock.now().toISOString() });
    expect(resolved.timeline.at(-1)).toMatchObject({ actor: 'system', text: 'policy is on again' });
  });

  test('takes notes of the server, and says when there is none to take them', async () => {
    const { id } = await open('noted');
    const note = (of: number) =>
      withTransaction(server.db.pool, (tx) =>
        noteIncident(tx, {
          workspaceId,
          id: of,
          text: 'paged',
          data: { by: 'pager' },
          at: clock.now(),
          actor: 'system',
        }),
      );
    expect(await note(id)).toBe(true);
    expect(await note(2_000_000_000)).toBe(false);
    expect((await read(id)).timeline.at(-1)).toMatchObject({ type: 'noted', text: 'paged', data: { by: 'pager' } });
  });
});

describe('what may roll a bundle back', () => {
  test('is high or critical, from outside, tied to policy, not mitigated, and comes up until it is settled, once', async () => {
    const ids = async () => (await unsettledIncidents(server.db.pool, workspaceId)).map(({ id }) => id);
    const before = await ids();
    const added = async () => (await ids()).filter((id) => !before.includes(id));
    const critical = await report({ severity: 'critical' });
    const grows = await report({ key: 'grows', severity: 'medium' });
    await report({ severity: 'critical', tied_to_policy: false });
    const over = await report({ severity: 'high' });
    await step('mitigateIncident', over.id);
    await open('inside', { severity: 'critical' });
    expect(await added()).toEqual([critical.id]);
    await report({ key: 'grows', severity: 'high' });
    expect(await added()).toEqual([critical.id, grows.id]);

    const settle = () =>
      withTransaction(server.db.pool, (tx) =>
        settleRollback(tx, {
          workspaceId,
          id: critical.id,
          text: '1.1.0 is rolled back',
          data: { rolled_back: true },
          at: clock.now(),
          actor: 'system',
        }),
      );
    const answers = await Promise.all(Array.from({ length: 6 }, settle));
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await added()).toEqual([grows.id]);
    const { timeline } = await read(critical.id);
    expect(timeline.filter(({ type }) => type === 'noted')).toMatchObject([{ text: '1.1.0 is rolled back' }]);
  });
});

describe('listing', () => {
  test('comes newest first, filters, counts, and leaves timelines out', async () => {
    const kind = 'listed';
    const first = await report({ kind, severity: 'low' });
    const second = await report({ kind, severity: 'critical' });
    const third = await report({ kind, severity: 'low' });
    await step('resolveIncident', second.id);
    const list = async (query: object) => {
      const { body } = await server.call('listIncidents', { token: viewer, query: { kind, ...query } });
      return [body.total, ...body.incidents.map(({ id }) => id)];
    };
    expect(await list({})).toEqual([3, third.id, second.id, first.id]);
    expect(await list({ limit: 1, offset: 1 })).toEqual([3, second.id]);
    expect(await list({ severity: 'low' })).toEqual([2, third.id, first.id]);
    expect(await list({ status: 'resolved' })).toEqual([1, second.id]);
    expect(await list({ unresolved_only: true })).toEqual([2, third.id, first.id]);
    const { body } = await server.call('listIncidents', { token: viewer });
    expect(body.incidents[0]).not.toHaveProperty('timeline');
  });
});
