import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../packages/server/src/database/database.testkit.js';
import { slowCases, slowRules } from '../../packages/server/src/features/simulation/slow.testkit.js';
import { adminToken, freePort, type PolicyServer, startPolicyServer } from '../decisions/policy-server.testkit.js';

let database: TestDatabase;
let folder: string;
const servers: PolicyServer[] = [];
beforeAll(async () => {
  database = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'policy-studio-jobs-'));
});
afterAll(async () => {
  for (const server of servers) server.signal('SIGKILL');
  await Promise.all(servers.map(({ exited }) => exited));
  await database?.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** One more server of the same installation, as a process of its own. */
async function replica(name: string): Promise<PolicyServer> {
  const server = await startPolicyServer(join(folder, name), await freePort(), {
    DATABASE_URL: database.url,
    CREATE_TABLES_ON_STARTUP: 'true',
    HMAC_SECRET: 'jobs-test-hmac-secret-0123456789abcdef',
  });
  servers.push(server);
  return server;
}

async function ask(server: PolicyServer, path: string, body?: unknown): Promise<{ status: number; body: never }> {
  const response = await fetch(`${server.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as never };
}

interface JobState {
  readonly id: number;
  readonly status: string;
  readonly progress: { readonly done: number };
  readonly started_at: string;
}

describe('a job', { timeout: 240_000 }, () => {
  it('outlives the servers that do it: one that is killed, and one that is told to stop', async () => {
    const first = await replica('first');
    const count = 4000;
    const asked = await ask(first, '/policy/simulate', {
      rules: slowRules,
      custom_cases: slowCases(count),
      background: true,
    });
    expect(asked.status).toBe(202);
    const { id } = asked.body as JobState;
    const state = async (server: PolicyServer) => (await ask(server, `/policy/jobs/${id}`)).body as JobState;
    const runsOn = (server: PolicyServer, since = '') =>
      expect
        .poll(
          async () => {
            const { status, progress, started_at: startedAt } = await state(server);
            return status === 'running' && progress.done > 0 && startedAt > since;
          },
          { timeout: 40_000, interval: 50 },
        )
        .toBe(true);
    await runsOn(first);
    const begun = (await state(first)).started_at;
    first.signal('SIGKILL');
    await first.exited;

    // Nobody tells the second one: it finds a job without a heartbeat, and begins it anew.
    const second = await replica('second');
    await runsOn(second, begun);
    const anew = (await state(second)).started_at;
    const stopping = performance.now();
    second.signal('SIGTERM');
    expect(await second.exited).toBe(0);
    expect(performance.now() - stopping).toBeLessThan(9_000);

    const third = await replica('third');
    await runsOn(third, anew);
    await expect.poll(async () => (await state(third)).status, { timeout: 120_000, interval: 100 }).toBe('done');
    const result = (await ask(third, `/policy/jobs/${id}/result`)).body as {
      summary: { total_cases: number; no_match_count: number };
      results: { case_id: string }[];
    };
    expect(result.summary).toMatchObject({ total_cases: count, no_match_count: count });
    expect(result.results.map(({ case_id }) => case_id)).toEqual(
      Array.from({ length: count }, (_, index) => `case-${index + 1}`),
    );
  });
});
