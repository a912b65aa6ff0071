import { defaultCatalog } from '@policy-studio/engine';
import { afterEach, expect, test } from 'vitest';
import { Refusal } from '../refusal.js';
import { type Compute, type ComputeLimits, createCompute } from './compute.js';

const opened: Compute[] = [];
function compute(limits?: ComputeLimits): Compute {
  const made = createCompute(limits);
  opened.push(made);
  return made;
}
afterEach(async () => {
  for (const made of opened.splice(0)) await made.close();
});

const setup = {
  defaultEffect: 'deny',
  catalog: { stamp: 'default', text: JSON.stringify(defaultCatalog) },
  catalogMode: 'open',
  enforceContext: true,
  severities: {},
} as const;
const text = JSON.stringify({
  rules: [{ id: 'one-rule', agent: 'a', action: 'b', effect: 'deny', reason: 'because it is so' }],
});

test('runs the tasks of the server in another thread, in both lanes', async () => {
  const { run } = compute();
  const answers = await Promise.all([
    run('check-bundle', { text, setup }),
    run('check-bundle', { text, setup }, { lane: 'background' }),
    run('check-bundle', { text: '{"rules":[{}]}', setup }),
  ]);
  const digest = expect.stringMatching(/^[0-9a-f]{64}$/);
  const report = expect.objectContaining({ passed: true });
  const kept = { count: 1, digest, listsRead: {}, report, rulesJson: text.slice(9, -1) };
  expect(answers).toEqual([kept, kept, { faults: expect.any(Array), count: expect.any(Number) }]);
});

test('refuses as overloaded what it cannot keep waiting, and answers the rest', async () => {
  const { run } = compute({ cores: 2 });
  const answers = await Promise.all(Array.from({ length: 40 }, () => run('check-bundle', { text, setup })));
  const refused = answers.filter((answer): answer is Refusal => answer instanceof Refusal);
  expect(refused.map(({ code }) => code)).toEqual(Array(6).fill('overloaded'));
});

test('refuses what needs more memory than a thread has, and goes on', async () => {
  const { run } = compute({ heapMb: 48 });
  const rules = Array.from({ length: 400_000 }, (_, index) => ({ id: `rule-${index}`, tags: [`${index}`] }));
  const refused = await run('check-bundle', { text: JSON.stringify({ rules }), setup });
  expect(refused).toMatchObject({ code: 'too_much_work' });
  expect(await run('check-bundle', { text, setup })).toMatchObject({ count: 1 });
});

test('leaves the event loop alone while a task works', async () => {
  const { run } = compute();
  await run('check-bundle', { text, setup });
  const rules = Array.from({ length: 10_000 }, (_, index) => ({
    id: `rule-${index}`,
    agent: 'a',
    action: `act-${index % 500}`,
    effect: 'deny',
    conditions: { '>=risk_score': index },
  }));
  const large = JSON.stringify({ rules });
  let turns = 0;
  const ticking = setInterval(() => {
    turns += 1;
  }, 1);
  const started = performance.now();
  await run('check-bundle', { text: large, setup });
  const took = performance.now() - started;
  clearInterval(ticking);
  // Alone on the loop it would be one turn; a busy machine gives each some, never a handful.
  expect(took).toBeGreaterThan(30);
  expect(turns).toBeGreaterThan(10);
});
