import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Services } from '../services.js';
import { runJobs } from './run.js';
import { jobs } from './schedule.js';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function withLog(): { services: Services; logged: () => { level: number; job: string }[] } {
  const entries: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void entries.push(line) });
  return {
    services: { clock: { now: () => new Date(0) }, log } as unknown as Services,
    logged: () => entries.map((line) => JSON.parse(line)),
  };
}

describe('the jobs', () => {
  it('have names of their own and come round', () => {
    expect(new Set(jobs.map(({ name }) => name)).size).toBe(jobs.length);
    for (const { everyMs } of jobs) expect(everyMs).toBeGreaterThanOrEqual(100);
  });
});

describe('a job', () => {
  it('runs at once, again and again, never twice at a time', async () => {
    let [runs, atOnce, most] = [0, 0, 0];
    const running = runJobs(
      [
        {
          name: 'slow',
          everyMs: 5,
          async run() {
            runs += 1;
            atOnce += 1;
            most = Math.max(most, atOnce);
            await sleep(20);
            atOnce -= 1;
          },
        },
      ],
      withLog().services,
    );
    expect(runs).toBe(1);
    while (runs < 3) await sleep(5);
    await running.stop();
    expect([most, atOnce]).toEqual([1, 0]);
    const after = runs;
    await sleep(60);
    expect(runs).toBe(after);
  });

  it('that fails is logged and runs again in its turn; a database that is away is no error of the job', async () => {
    const { services, logged } = withLog();
    let runs = 0;
    const running = runJobs(
      [
        {
          name: 'broken',
          everyMs: 5,
          async run() {
            runs += 1;
            throw runs === 1 ? new Error('a bug') : Object.assign(new Error('away'), { code: 'ECONNREFUSED' });
          },
        },
      ],
      services,
    );
    while (runs < 3) await sleep(5);
    await running.stop();
    const [bug, away] = logged();
    expect([bug?.level, bug?.job]).toEqual([50, 'broken']);
    expect(away?.level).toBe(20);
  });
});
