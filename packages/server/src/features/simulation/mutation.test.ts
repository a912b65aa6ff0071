import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { runNextJob } from '../jobs/run.js';
import { jobWork } from './job.js';
import { cases, reportOf, rules } from './simulation.testkit.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.close());
const simulate = (body: object) => reportOf(server, body);

describe('mutation coverage', () => {
  const measured = async (body: object) => {
    const { body: report } = await server.call('measureCases', { body: { rules, ...body } });
    if (!('score' in report)) throw new Error(JSON.stringify(report));
    return report;
  };

  test('offers a case for every change that no case notices, and those cases then notice it', async () => {
    const before = await measured({ custom_cases: cases(3) });
    expect(before.mutants).toBe(before.killed + before.survived.length + before.equivalent + before.undecided);
    expect(before.survived.length).toBeGreaterThan(3);
    const offered = before.survived.map((survivor) => survivor.case);
    // As the rules stand, every offered case passes.
    expect(await simulate({ custom_cases: offered })).toMatchObject({ failure_count: 0 });
    const after = await measured({ custom_cases: [...cases(3), ...offered] });
    expect(after).toMatchObject({ survived: [], killed: before.killed + before.survived.length });
    expect(after.score).toBeGreaterThan(before.score);
  });

  test('tries as many changes as it is told to', async () => {
    const all = await measured({});
    const few = await measured({ limit: 4 });
    expect([few.mutants, few.possible]).toEqual([4, all.possible]);
    expect(all.possible).toBeGreaterThan(4);
  });

  test('works as a job, whose progress counts mutants', async () => {
    const answer = await server.call('measureCases', { body: { rules, background: true } });
    if (!('progress' in answer.body)) throw new Error('a job was expected');
    expect([answer.status, answer.body.kind]).toEqual([202, 'mutate']);
    await runNextJob(server.services, jobWork);
    const { body: result } = await server.call('getJobResult', { params: { id: answer.body.id } });
    expect(result).toEqual(await measured({}));
  });
});
