import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Office, openOffice, rule } from '../../packages/server/src/features/bundles/bundles.testkit.js';
import { startTestServer } from '../../packages/server/src/server.testkit.js';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.close());

const effect = async (server: Pick<Office, 'call'> = office, sender = 'a'): Promise<string> =>
  (await server.call('evaluate', { body: { agent: 'inbox.triage', action: 'quarantine', context: { sender } } })).body
    .effect;

test('an activation decides from its answer on, here and within a second on another replica', async () => {
  const replica = await startTestServer({ db: office.db, config: { fourEyesDefault: true } });
  try {
    expect(await effect()).toBe('deny');
    for (let round = 0; round < 5; round++) {
      const wanted = round % 2 === 0 ? 'allow' : 'deny';
      await office.inForce(`1.${round}.0`, [rule('one', { effect: wanted })]);
      const answered = performance.now();
      expect(await effect()).toBe(wanted);
      while ((await effect(replica)) !== wanted) expect(performance.now() - answered).toBeLessThan(1000);
    }
  } finally {
    await replica.close();
  }
});

test('a change of a live list decides from its answer on', async () => {
  const put = (values: string[], live?: boolean) =>
    office.call('putList', { params: { name: 'flow' }, body: { values, ...(live ? { live } : {}) } });
  await put(['a'], true);
  await office.inForce('2.0.0', [rule('one', { conditions: { sender: { list: 'flow' } } })]);
  expect([await effect(office, 'a'), await effect(office, 'b')]).toEqual(['allow', 'deny']);
  await put(['b']);
  expect([await effect(office, 'a'), await effect(office, 'b')]).toEqual(['deny', 'allow']);
});
