import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Office, openOffice } from '../bundles/bundles.testkit.js';
import { putInForce, steppingClock } from '../decisions/in-force.testkit.js';

const clock = steppingClock('2026-03-04T22:00:00Z');
const minuteMs = 60_000;
let office: Office;
let agent: string;
beforeAll(async () => {
  office = await openOffice({ clock });
  agent = await office.createKey('agent');
  const reason = 'somebody has to look at it';
  await putInForce(office, {
    rules: [{ id: 'ask', agent: '*', action: '*', effect: 'needs_approval', reason }],
    settings: { max_stale_minutes: 60 },
  });
});
afterAll(() => office.close());

const load = async (days = 14) => (await office.call('getApprovalLoad', { query: { days } })).body;
let asked = 0;
async function ask(): Promise<number> {
  asked += 1;
  const body = { agent: 'bot', action: 'send', context: { asked } };
  return (await office.call('evaluate', { token: agent, body })).body.approval?.id ?? 0;
}

test('nothing asked for is no load, and no waiting time', async () => {
  expect(await load()).toMatchObject({
    requested: 0,
    pending: 0,
    per_day: 0,
    median_wait_seconds: null,
    days: [],
    approvers: [],
  });
});

test('counts by day and approver, and the median wait of what people decided', async () => {
  const [one, two, three, four] = [await ask(), await ask(), await ask(), await ask()];
  clock.advance(10 * minuteMs);
  await office.call('approve', { token: office.ann, params: { id: one } });
  clock.advance(10 * minuteMs);
  await office.call('approve', { token: office.ann, params: { id: two } });
  clock.advance(20 * minuteMs);
  await office.call('reject', { token: office.bob, params: { id: three }, body: { comment: 'no' } });
  await office.call('cancelApproval', { params: { id: four } });
  await office.services.enforcement.poll();
  clock.advance(20 * minuteMs);
  await office.services.enforcement.poll();
  clock.advance(60 * minuteMs);
  await office.services.enforcement.poll();
  await ask();
  await office.request((await office.draft('1.0.0')).id);
  expect(await load()).toEqual({
    from: '2026-02-19T00:00:00.000Z',
    to: '2026-03-05T00:00:00.000Z',
    requested: 6,
    pending: 2,
    per_day: 6 / 14,
    median_wait_seconds: 20 * 60,
    days: [
      { day: '2026-03-04', requested: 4, actions: 4 },
      { day: '2026-03-05', requested: 2, actions: 1 },
    ],
    approvers: [
      { approver: 'Ann', approved: 2, rejected: 0 },
      { approver: 'Bob', approved: 0, rejected: 1 },
    ],
  });
  clock.advance(23 * 60 * minuteMs);
  expect(await load(1)).toMatchObject({ requested: 2, approvers: [], median_wait_seconds: null });
});

test('takes 1 to 90 days, and is not for agents', async () => {
  for (const days of [0, 91, 1.5]) {
    expect((await office.call('getApprovalLoad', { query: { days } })).status).toBe(422);
  }
  expect((await office.call('getApprovalLoad', { token: agent })).status).toBe(403);
});
