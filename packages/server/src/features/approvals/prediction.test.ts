import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Office, openOffice, rule } from '../bundles/bundles.testkit.js';
import { putInForce, steppingClock } from '../decisions/in-force.testkit.js';

const clock = steppingClock('2026-03-02T09:00:00Z');
let office: Office;
beforeAll(async () => {
  office = await openOffice({ clock });
});
afterAll(() => office.close());

const predicted = async (version: string, rules: readonly unknown[]) =>
  (await office.request((await office.draft(version, rules)).id)).prediction;
const everything = { agent: '*', action: '*' };

test('an activation says nothing of approvals a day where nothing was recorded', async () => {
  expect(await predicted('1.0.0', [rule('one')])).toBeNull();
});

test('an activation says how many approvals a day it adds, by what was recorded', async () => {
  await putInForce(office, { rules: [rule('allow', everything)] as never, settings: { max_stale_minutes: 1440 } });
  for (let hour = 0; hour <= 48; hour += 1) {
    const requests = [1, 2].map((n) => ({ agent: 'bot', action: 'send', context: { hour, n } }));
    const { body } = await office.call('evaluateBatch', { body: { requests } });
    expect(body.decisions).toHaveLength(2);
    if (hour < 48) clock.advance(3_600_000);
    await office.services.enforcement.poll();
  }
  clock.advance(1);
  const asks = rule('ask', { ...everything, effect: 'needs_approval', conditions: { n: 2 }, priority: 90 });
  const prediction = await predicted('1.0.1', [rule('allow', everything), asks]);
  expect(prediction).toMatchObject({
    before_per_day: 0,
    added_per_day: 24.5,
    records: 98,
    of: 98,
    sentence: 'this change adds 24.5 approvals a day (24.5 instead of 0), by 98 requests recorded in 2 days',
  });
  expect((await predicted('1.0.2', [rule('allow', everything)]))?.added_per_day).toBe(0);
});

test('a comparison over recorded traffic says the same, and one over made-up cases says nothing of it', async () => {
  const asks = rule('ask', { ...everything, effect: 'needs_approval' });
  const body = { rules_a: [rule('allow', everything)], rules_b: [asks] };
  const compare = async (rest: object) =>
    (await office.call('compareSimulations', { body: { ...body, ...rest } })).body as { approvals?: unknown };
  expect((await compare({ window: { days: 7 } })).approvals).toMatchObject({ before_per_day: 0, added_per_day: 49 });
  expect((await compare({ dataset: 'fixtures' })).approvals).toBeUndefined();
});
