import { bundlePageBytes } from '@policy-studio/contract';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Office, openOffice, rule } from '../../packages/server/src/features/bundles/bundles.testkit.js';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.close());

const words = 'what a rule of a large bundle says about why it decides as it does, and whom to ask';
const many = (count: number, seed: number) =>
  Array.from({ length: count }, (_, i) =>
    rule(`rule-${i}`, {
      agent: `team-${i % 500}.agent`,
      conditions: {
        '>=risk_score': i % 100,
        category: [`kind-${i % 7}`, `kind-${seed}`],
        'sender domain_in': ['a.example'],
      },
      reason: words,
      metadata: { note: `${words} ${words} ${i}` },
    }),
  );

test('10,000 rules are created, changed, approved and activated', async () => {
  const { id } = await office.draft('1.0.0', many(10_000, 0));
  const changed = await office.call('updateBundle', { params: { id }, body: { rules: many(10_000, 1) } });
  expect([changed.status, changed.body.rules.length, changed.body.lint.errors]).toEqual([200, 10_000, []]);
  const { id: approvalId } = await office.approved(id);
  const { status, body } = await office.call('activateBundle', {
    token: office.operator,
    params: { id },
    body: { approval_id: approvalId, canary_pct: 100 },
  });
  expect([status, body.status]).toEqual([200, 'active']);
}, 120_000);

test('one rule more than 10,000 is refused', async () => {
  const answer = await office.call('createBundle', { body: { version: '1.1.0', rules: many(10_001, 0) } });
  expect(answer.status).toBe(422);
});

test('10,000 faults make an answer of bounded size', async () => {
  const rules = Array.from({ length: 10_000 }, (_, i) => ({ id: `rule-${i}`, agent: '*' }));
  const refused = await office.call('createBundle', { body: { version: '1.1.0', rules } });
  expect([refused.status, refused.problem.errors.length]).toEqual([422, 100]);
  const silent = Array.from({ length: 10_000 }, (_, i) => rule(`rule-${i}`, { reason: undefined }));
  const { lint } = await office.draft('1.1.0', silent);
  expect(lint.errors).toHaveLength(1001);
  expect(lint.errors.at(-1)).toMatchObject({ code: 'more-findings' });
}, 120_000);

test('a page of large bundles ends early, says so, and leaves none out', async () => {
  const heavy = Array.from({ length: 1000 }, (_, i) => rule(`rule-${i}`, { metadata: { note: 'x'.repeat(5000) } }));
  const { id } = await office.draft('2.0.0', heavy);
  await office.db.pool.query(
    `insert into bundle (workspace_id, version, rules, digest, lint, bytes, created_by, created_at, updated_at)
     select workspace_id, '2.' || minor || '.0', rules, digest, lint, bytes, created_by, created_at, updated_at
       from bundle, generate_series(1, 5) as minor where id = $1 order by minor`,
    [id],
  );
  const seen: string[] = [];
  let pages = 0;
  for (let offset = 0, total = 1; offset < total; pages++) {
    const { body } = await office.call('listBundles', { query: { limit: 100, offset } });
    expect(JSON.stringify(body).length).toBeLessThan(bundlePageBytes + 64 * 1024);
    expect(body.bundles.length).toBeGreaterThan(0);
    seen.push(...body.bundles.map(({ version }) => version));
    total = body.total;
    offset += body.limit;
  }
  expect(pages).toBeGreaterThan(1);
  expect(seen).toEqual(['2.5.0', '2.4.0', '2.3.0', '2.2.0', '2.1.0', '2.0.0', '1.1.0', '1.0.0']);
}, 60_000);
