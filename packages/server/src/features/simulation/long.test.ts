import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Refusal } from '../../refusal.js';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { defaultWorkspaceId } from '../decisions/in-force.testkit.js';
import { jobById } from '../jobs/queries.js';
import { runNextJob } from '../jobs/run.js';
import { askedOf } from './asked.js';
import { simulate as command } from './commands.js';
import { jobWork } from './job.js';
import { admin, cases, reportOf, rules } from './simulation.testkit.js';
import { slowCases, slowRules } from './slow.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.close());
const simulate = (body: object) => reportOf(server, body);

describe('a simulation that takes long', () => {
  const many = (count: number) => cases(count).map(({ case_id, ...one }) => ({ ...one, expected_effect: 'allow' }));

  test('becomes a job above 10,000 cases, and its result is what would have been answered', async () => {
    const asked = { rules, custom_cases: many(10_001) };
    const answer = await server.call('simulate', { body: asked });
    expect(answer.status).toBe(202);
    if (!('progress' in answer.body)) throw new Error('a job was expected');
    const { id } = answer.body;
    expect(answer.headers.get('location')).toBe(`/policy/jobs/${id}`);
    expect(answer.body).toMatchObject({ kind: 'simulate', status: 'queued', progress: { done: 0, total: 10_001 } });
    expect(await runNextJob(server.services, jobWork)).toBe(true);
    expect((await server.call('getJob', { params: { id } })).body).toMatchObject({
      status: 'done',
      progress: { done: 10_001, total: 10_001 },
    });
    const { body: result } = await server.call('getJobResult', { params: { id } });
    if (!('results' in result)) throw new Error('a simulation was expected');
    expect(result.summary).toMatchObject({ total_cases: 10_001, deny_count: 1_000, allow_count: 9_001 });
    expect(result.results).toHaveLength(10_001);
    expect([result.failure_count, result.failures.length]).toEqual([1_000, 1_000]);
    // One case fewer is answered at once, and says the same of those.
    const short = await simulate({ custom_cases: many(10_000) });
    expect(short.results).toEqual(result.results.slice(0, 10_000));
  });

  test('becomes a job when it takes longer than anybody waits, and leaves its thread to others', async () => {
    const asked = askedOf({ kind: 'simulate', rules: slowRules, custom_cases: slowCases(600) }, new Date());
    if (asked instanceof Refusal) throw new Error(asked.detail);
    const answer = await command(server.services, admin, asked, 300);
    if (!('job' in answer)) throw new Error('a job was expected');
    expect(answer.job).toMatchObject({ kind: 'simulate', status: 'queued', total: null, created_by: 'Ada' });
    expect((await simulate({})).summary.total_cases).toBe(9);
    await runNextJob(server.services, jobWork);
    const { body: job } = await server.call('getJob', { params: { id: answer.job.id } });
    expect(job).toMatchObject({ status: 'done', progress: { done: 600, total: 600 } });
  });

  test('is checked before it is put in line', async () => {
    const jobs = async () => (await server.call('listJobs', {})).body.total;
    const before = await jobs();
    const { problem } = await server.call('simulate', { body: { rules: [{}], custom_cases: many(10_001) } });
    expect(problem.code).toBe('bundle_rejected');
    const doubled = [...many(10_000), { ...many(1)[0], case_id: 'case-1' }];
    expect((await server.call('simulate', { body: { rules, custom_cases: doubled } })).problem.code).toBe(
      'validation_failed',
    );
    const { problem: tooMany } = await server.call('simulate', { body: { rules, custom_cases: many(100_001) } });
    expect(tooMany.errors[0]).toMatchObject({ path: '/custom_cases' });
    expect(await jobs()).toBe(before);
  });

  test.each([
    ['simulate', { rules }],
    ['compareSimulations', { rules_a: rules, rules_b: [] }],
  ] as const)('can be made a job by whoever asks: %s', async (operation, body) => {
    const now = await server.call(operation, { body });
    const later = await server.call(operation, { body: { ...body, background: true } });
    expect(later.status).toBe(202);
    if (!('progress' in later.body)) throw new Error('a job was expected');
    await runNextJob(server.services, jobWork);
    const { body: result } = await server.call('getJobResult', { params: { id: later.body.id } });
    expect(result).toEqual(now.body);
  });

  test('runs on the rules and lists of the moment it was asked for', async () => {
    const put = (values: string[]) => server.call('putList', { params: { name: 'moving' }, body: { values } });
    await put(['a']);
    const listed = [{ ...rules[0], id: 'listed', conditions: { who: { list: 'moving' } } }];
    const { id: bundle_id } = (await server.call('createBundle', { body: { version: '4.0.0', rules: listed } })).body;
    const body = { bundle_id, custom_cases: cases(1, { who: 'a' }), background: true };
    const { body: job } = await server.call('simulate', { body });
    if (!('progress' in job)) throw new Error('a job was expected');
    await put(['b']);
    await server.call('updateBundle', { params: { id: bundle_id }, body: { rules: [] } });
    await server.call('deleteList', { params: { name: 'moving' } });
    await runNextJob(server.services, jobWork);
    const { body: result } = await server.call('getJobResult', { params: { id: job.id } });
    expect(result).toMatchObject({ results: [{ matched_rule: 'listed' }] });
  });

  test('stops in the middle when it is canceled', async () => {
    const body = { rules: slowRules, custom_cases: slowCases(2_000), background: true };
    const { body: job } = await server.call('simulate', { body });
    if (!('progress' in job)) throw new Error('a job was expected');
    const started = performance.now();
    const running = runNextJob(server.services, jobWork, { heartbeatMs: 50 });
    const read = async () => (await server.call('getJob', { params: { id: job.id } })).body;
    await expect.poll(async () => (await read()).status).toBe('running');
    await server.call('cancelJob', { params: { id: job.id } });
    await running;
    expect(performance.now() - started).toBeLessThan(5_000);
    expect((await jobById(server.db.pool, defaultWorkspaceId, job.id))?.status).toBe('canceled');
    // The lane is free again.
    expect((await server.call('simulate', { body: { rules, background: true } })).status).toBe(202);
    expect(await runNextJob(server.services, jobWork)).toBe(true);
  });
});
