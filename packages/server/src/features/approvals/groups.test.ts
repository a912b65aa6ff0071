import type { ApprovalEntry } from '@policy-studio/contract';
import type { RuleInput } from '@policy-studio/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rule as draftRule, type Office, openOffice } from '../bundles/bundles.testkit.js';
import { topicsOf } from '../channels/routing.js';
import { putInForce, steppingClock } from '../decisions/in-force.testkit.js';
import { remindApprovers } from './remind.js';

const clock = steppingClock('2026-03-02T09:00:00Z');
const minuteMs = 60_000;
const rule = (id: string, rest: object) => draftRule(id, { ...rest }) as unknown as RuleInput;
let office: Office;
let agent: string;
let cleo: string;

beforeAll(async () => {
  office = await openOffice({ clock });
  agent = await office.createKey('agent', { owner: 'Rob' });
  cleo = await office.createKey('approver', { owner: 'Cleo' });
  await putInForce(office, {
    rules: [
      rule('ask', { agent: '*', action: '*', effect: 'needs_approval', budget: { risk: 'low' } }),
      rule('ask-critical', {
        agent: '*',
        action: 'pay',
        effect: 'needs_approval',
        priority: 90,
        budget: { risk: 'critical' },
      }),
    ],
    settings: { max_stale_minutes: 600 },
  });
});
afterAll(() => office.close());

let asked = 0;
/** Asks people about an action; the id of the approval. */
async function ask(agentName = 'bot', action = 'send'): Promise<number> {
  asked += 1;
  const body = { agent: agentName, action, context: { asked } };
  const { body: decision } = await office.call('evaluate', { token: agent, body });
  return decision.approval!.id;
}
const put = (name: string, body: object) => office.call('putApproverGroup', { params: { name }, body });
const read = async (id: number) => (await office.call('getApproval', { params: { id } })).body;
const approve = (token: string, id: number) => office.call('approve', { token, params: { id }, body: {} });
const mine = async (token: string) =>
  (await office.call('listApprovals', { token, query: { mine: true, limit: 200 } })).body.approvals.map(({ id }) => id);
const askedOf = async (id: number) => (await read(id)).asked.map(({ group }) => group);
/** Leaves no group behind, so that each test has its own. */
async function clear(): Promise<void> {
  const pending = await office.call('listApprovals', { query: { status: 'pending', limit: 200 } });
  for (const { id } of pending.body.approvals) await office.call('cancelApproval', { params: { id } });
  const { body } = await office.call('listApproverGroups');
  for (const { name } of body.approver_groups) await put(name, { members: ['nobody'] });
  for (const { name } of body.approver_groups) await office.call('deleteApproverGroup', { params: { name } });
}
const types = (timeline: readonly ApprovalEntry[] = []) => timeline.map(({ type }) => type);

describe('which groups are asked', () => {
  test('those whose kinds, risk, agents and actions all fit', async () => {
    await put('everything', { members: ['Ann'] });
    await put('actions', { members: ['Ann'], asked_for: { kinds: ['action'] } });
    await put('critical', { members: ['Ann'], asked_for: { min_risk: 'high' } });
    await put('money', { members: ['Ann'], asked_for: { agents: ['billing.*'], actions: ['pay'] } });
    expect(await askedOf(await ask())).toEqual(['actions', 'everything']);
    expect(await askedOf(await ask('billing.bot', 'send'))).toEqual(['actions', 'everything']);
    expect(await askedOf(await ask('billing.bot', 'pay'))).toEqual(['actions', 'critical', 'everything', 'money']);
    const settings = { kind: 'settings', settings: { four_eyes: false }, justification: 'why' };
    const { body } = await office.call('createApproval', { token: office.operator, body: settings });
    // Settings touch every agent.
    expect(body.asked.map(({ group }) => group)).toEqual(['everything', 'money']);
    await clear();
  });

  test('for an activation those of the rules that change', async () => {
    await put('mail', { members: ['Ann'], asked_for: { agents: ['inbox.*'] } });
    await put('deploys', { members: ['Ann'], asked_for: { agents: ['planner.deploy'] } });
    const bundle = await office.draft('1.0.1', [
      rule('mail', { agent: 'inbox.triage' }),
      rule('other', { agent: 'other.bot' }),
    ]);
    // Rules of the bundle in force go away, and those are about every agent.
    expect((await office.request(bundle.id)).asked.map(({ group }) => group)).toEqual(['deploys', 'mail']);
    const inForce = (await office.call('listBundles', { query: { active_only: true } })).body.bundles[0]!;
    const added = await office.draft('1.0.2', [...inForce.rules, rule('mail', { agent: 'inbox.triage' })]);
    expect((await office.request(added.id)).asked.map(({ group }) => group)).toEqual(['mail']);
    await clear();
  });

  test('are named in the event, and a change of groups is recorded once', async () => {
    await put('watch', { members: ['Ann'] });
    await put('watch', { members: ['Ann'] });
    const id = await ask();
    const { rows } = await office.db.pool.query<{ kind: string; data: { groups?: string[] } }>(
      `select kind, data from event where subject in ('approver-group/watch', $1) order by seq`,
      [`approval/${id}`],
    );
    expect(rows.map(({ kind }) => kind)).toEqual(['approver_group.created', 'approval.requested']);
    expect(rows[1]?.data.groups).toEqual(['watch']);
    await clear();
  });

  test('an approval that is raised asks those that fit by then', async () => {
    await put('critical', { members: ['Ann'], members_only: true, asked_for: { min_risk: 'critical' } });
    const body = { agent: 'riser', action: 'send', context: { fixed: true } };
    const first = (await office.call('evaluate', { token: agent, body })).body.approval!.id;
    expect(await askedOf(first)).toEqual([]);
    const inForce = (await office.call('listBundles', { query: { active_only: true } })).body.bundles[0]!;
    const critical = rule('riser', {
      agent: 'riser',
      action: 'send',
      effect: 'needs_approval',
      priority: 99,
      budget: { risk: 'critical' },
    });
    await putInForce(office, { rules: [...(inForce.rules as unknown as RuleInput[]), critical] });
    const again = (await office.call('evaluate', { token: agent, body })).body.approval!.id;
    expect(again).toBe(first);
    expect(await askedOf(first)).toEqual(['critical']);
    expect((await approve(office.bob, first)).problem.code).toBe('forbidden');
    await clear();
  });
});

describe('a group that keeps the decision to its members', () => {
  test('is asked, and nobody else decides, whatever their role', async () => {
    await put('money', { members: ['Ann', 'Cleo'], members_only: true });
    const id = await ask();
    for (const token of [office.bob, office.adminToken]) {
      expect((await approve(token, id)).problem).toMatchObject({ code: 'forbidden', status: 403 });
      const rejected = await office.call('reject', { token, params: { id }, body: { comment: 'no' } });
      expect(rejected.problem.code).toBe('forbidden');
    }
    const link = await office.call('createApprovalLink', { params: { id }, body: { approver: 'Bob' } });
    expect(link.problem.code).toBe('forbidden');
    expect((await approve(office.ann, id)).body).toMatchObject({ status: 'approved', asked: [{ heard: true }] });
    await clear();
  });

  test('each of several has to be heard, and one person can speak for two', async () => {
    await put('money', { members: ['Ann', 'Cleo'], members_only: true });
    await put('safety', { members: ['Bob', 'Cleo'], members_only: true });
    const [two, one] = [await ask(), await ask()];
    expect((await approve(office.ann, two)).body).toMatchObject({ status: 'pending', quorum: 1, approvals_given: 1 });
    expect((await approve(office.bob, two)).body.status).toBe('approved');
    expect((await approve(cleo, one)).body.status).toBe('approved');
    await clear();
  });

  test('goes by its members of now: who left has no say, who came has', async () => {
    await put('money', { members: ['Ann'], members_only: true });
    const id = await ask();
    await put('money', { members: ['bob'], members_only: true });
    expect((await approve(office.ann, id)).problem.code).toBe('forbidden');
    expect((await approve(office.bob, id)).body.status).toBe('approved');
    await clear();
  });

  test('lets the requester approve no more than anybody else under four eyes', async () => {
    await put('own', { members: ['Rob', 'Ann'], members_only: true });
    const rob = await office.createKey('approver', { owner: 'rob' });
    const id = await ask();
    expect((await approve(rob, id)).problem.code).toBe('self_approval');
    await clear();
  });

  test('stays so for what is pending, when it is opened for everybody later', async () => {
    await put('money', { members: ['Ann'], members_only: true });
    const id = await ask();
    await put('money', { members: ['Ann'] });
    expect((await approve(office.bob, id)).problem.code).toBe('forbidden');
    expect((await office.call('deleteApproverGroup', { params: { name: 'money' } })).problem.code).toBe(
      'approver_group_in_use',
    );
    await clear();
  });
});

describe('mine', () => {
  test('is what waits for the caller: asked, not asked for, not voted on, not decided', async () => {
    await put('money', { members: ['Ann'], members_only: true, asked_for: { actions: ['pay'] } });
    await put('mail', { members: ['bob'], asked_for: { actions: ['send'] } });
    const [pay, send, other] = [await ask('bot', 'pay'), await ask('bot', 'send'), await ask('bot', 'else')];
    expect(await mine(office.ann)).toEqual([other, pay]);
    expect(await mine(office.bob)).toEqual([other, send]);
    expect(await mine(cleo)).toEqual([other]);
    expect(await mine(agent)).toEqual([]);
    expect(await mine(office.operator)).toEqual([]);
    await approve(office.ann, pay);
    await approve(office.bob, send);
    expect([await mine(office.ann), await mine(office.bob)]).toEqual([[other], [other]]);
    const rob = await office.createKey('approver', { owner: 'ROB' });
    expect(await mine(rob)).toEqual([]);
    clock.advance(25 * 60 * minuteMs);
    await office.services.enforcement.poll();
    expect(await mine(cleo)).toEqual([]);
    await clear();
  });
});

describe('reminders and escalation', () => {
  const remind = () => remindApprovers(office.services, clock.now());

  test('come once each, in time, with an event, and widen who may decide', async () => {
    await put('duty', { members: ['Bob'], members_only: true, asked_for: { kinds: ['list'] } });
    const escalate = { after_minutes: 30, to: 'duty' };
    await put('money', {
      members: ['Ann'],
      members_only: true,
      asked_for: { kinds: ['action'] },
      remind_after_minutes: 10,
      escalate,
    });
    const id = await ask();
    expect(await remind()).toBe(0);
    clock.advance(10 * minuteMs);
    expect(await Promise.all([remind(), remind(), remind()]).then((all) => all.reduce((a, b) => a + b))).toBe(1);
    expect(await remind()).toBe(0);
    expect((await approve(office.bob, id)).problem.code).toBe('forbidden');
    clock.advance(20 * minuteMs);
    expect([await remind(), await remind()]).toEqual([1, 0]);
    const { asked: groups, timeline } = await read(id);
    expect(groups).toMatchObject([
      { group: 'money', heard: false, escalated_to: 'duty', escalated_at: clock.now().toISOString() },
    ]);
    expect(types(timeline)).toEqual(['requested', 'reminded', 'escalated']);
    expect(await mine(office.bob)).toEqual([id]);
    expect((await approve(cleo, id)).problem.code).toBe('forbidden');
    expect((await approve(office.bob, id)).body).toMatchObject({ status: 'approved', asked: [{ heard: true }] });
    const { rows } = await office.db.pool.query<{ kind: string; actor: string; data: Record<string, unknown> }>(
      `select kind, actor, data from event where subject = $1 and kind in ('approval.reminded', 'approval.escalated') order by seq`,
      [`approval/${id}`],
    );
    expect(rows).toMatchObject([
      {
        kind: 'approval.reminded',
        actor: 'system',
        data: { group: 'money', waiting_minutes: 10, approval_kind: 'action' },
      },
      {
        kind: 'approval.escalated',
        actor: 'system',
        data: { group: 'money', escalated_to: 'duty', waiting_minutes: 30 },
      },
    ]);
    expect(topicsOf('approval.reminded')).toEqual(['policy-changes']);
    expect(topicsOf('approval.escalated').sort()).toEqual(['policy-alerts', 'policy-changes']);
    // Nothing that an agent's key would be told of.
    expect(rows.every(({ data }) => data.key_id === undefined)).toBe(true);
    await clear();
  });

  test('to everybody open it to every approver, but never to who asked', async () => {
    await put('money', { members: ['Ann'], members_only: true, escalate: { after_minutes: 5, to: null } });
    const id = await ask();
    clock.advance(5 * minuteMs);
    await remind();
    const rob = await office.createKey('approver', { owner: 'Rob' });
    expect((await approve(rob, id)).problem.code).toBe('self_approval');
    expect((await approve(cleo, id)).body.status).toBe('approved');
    await clear();
  });

  test('leave alone what is decided, and who has answered', async () => {
    const times = { remind_after_minutes: 5, escalate: { after_minutes: 10, to: null } };
    await put('money', { members: ['Ann'], members_only: true, ...times });
    await put('safety', { members: ['Bob'], members_only: true, ...times });
    const [decided, half] = [await ask(), await ask()];
    await approve(office.ann, decided);
    await approve(office.bob, decided);
    await approve(office.ann, half);
    clock.advance(15 * minuteMs);
    await remind();
    expect(types((await read(decided)).timeline)).toEqual(['requested', 'approved', 'approved']);
    // Both were due; the escalation says it all.
    const { timeline } = await read(half);
    expect(timeline?.map(({ type, text }) => [type, text])).toContainEqual([
      'escalated',
      '`safety` did not answer; now everybody who approves may',
    ]);
    expect(types(timeline)).toEqual(['requested', 'approved', 'escalated']);
    const { rows } = await office.db.pool.query(
      'select 1 from approval_asked where approval_id = any($1) and (remind_at is not null or escalate_at is not null)',
      [[decided, half]],
    );
    expect(rows).toEqual([]);
    await clear();
  });

  test('wake nobody who waits for the decision', async () => {
    await put('money', { members: ['Ann'], remind_after_minutes: 5 });
    const id = await ask();
    clock.advance(5 * minuteMs);
    const began = performance.now();
    const waiting = office.call('getApproval', { token: agent, params: { id }, query: { wait: 2 } });
    await new Promise((resolve) => setTimeout(resolve, 200));
    await remind();
    await office.call('commentApproval', { token: office.bob, params: { id }, body: { comment: 'who is on duty?' } });
    const { body } = await waiting;
    expect(performance.now() - began).toBeGreaterThan(1_900);
    expect(body).toMatchObject({ status: 'pending', comment_count: 1 });
    expect(body.timeline).toBeUndefined();
    await clear();
  });
});

describe('a group', () => {
  test('refuses what makes no sense, and says where', async () => {
    const faults = async (body: object) => {
      const { status, problem } = await put('odd', body);
      return [status, problem.errors.map(({ path }) => path)];
    };
    expect(await faults({ members: [] })).toEqual([422, ['/members']]);
    expect(await faults({ members: ['Ann', ' ann'] })).toEqual([422, ['/members/1']]);
    expect(await faults({ members: ['Ann'], escalate: { after_minutes: 5, to: 'odd' } })).toEqual([
      422,
      ['/escalate/to'],
    ]);
    expect(await faults({ members: ['Ann'], escalate: { after_minutes: 5, to: 'none' } })).toEqual([
      422,
      ['/escalate/to'],
    ]);
    expect(await faults({ members: ['Ann'], escalate: { after_minutes: 5 } })).toEqual([422, ['/escalate/to']]);
    expect(await faults({ members: ['Ann'], asked_for: { agents: ['*.x'] } })).toEqual([422, ['/asked_for/agents/0']]);
  });

  test('is kept while another escalates to it', async () => {
    await put('duty', { members: ['Bob'], asked_for: { kinds: ['list'] } });
    await put('money', { members: ['Ann'], escalate: { after_minutes: 5, to: 'duty' } });
    const gone = await office.call('deleteApproverGroup', { params: { name: 'duty' } });
    expect(gone.problem.code).toBe('approver_group_in_use');
    // What is pending was asked with it, whatever the group says by now.
    await ask();
    await put('money', { members: ['Ann'] });
    const still = await office.call('deleteApproverGroup', { params: { name: 'duty' } });
    expect(still.problem).toMatchObject({
      code: 'approver_group_in_use',
      detail: expect.stringContaining('escalates'),
    });
    await clear();
  });
});

describe('comments', () => {
  test('stand on the timeline, are no votes, and are for people alone', async () => {
    const { head } = (await office.call('readEvents', { query: { after: 0, limit: 1 } })).body;
    const id = await ask();
    const say = (token: string, comment: string) =>
      office.call('commentApproval', { token, params: { id }, body: { comment } });
    const { body } = await say(office.author, 'this is the customer of yesterday');
    expect(body).toMatchObject({ status: 'pending', approvals_given: 0, comment_count: 1, votes: [] });
    clock.advance(1);
    await approve(office.ann, id);
    clock.advance(1);
    await say(office.bob, 'agreed');
    expect((await read(id)).timeline).toMatchObject([
      { type: 'requested', by: 'Rob' },
      { type: 'commented', by: 'Ada', text: 'this is the customer of yesterday' },
      { type: 'approved', by: 'Ann' },
      { type: 'commented', by: 'Bob', text: 'agreed' },
    ]);
    expect((await say(agent, 'I am a person')).problem.code).toBe('forbidden');
    const seen = await office.call('readEvents', { token: agent, query: { after: head } });
    const kinds = seen.body.events.filter(({ subject }) => subject === `approval/${id}`).map(({ kind }) => kind);
    expect(kinds).toEqual(['approval.requested', 'approval.approved']);
    expect((await say(office.ann, ' \n')).status).toBe(422);
  });

  test('are at most 200', async () => {
    const id = await ask();
    await office.db.pool.query(
      `insert into approval_entry (workspace_id, approval_id, at, type, by_whom, text)
       select workspace_id, id, now(), 'commented', 'Ann', 'x' from approval, generate_series(1, 200) where id = $1`,
      [id],
    );
    const full = await office.call('commentApproval', { params: { id }, body: { comment: 'one more' } });
    expect(full.problem.code).toBe('approval_comments_full');
  });
});
