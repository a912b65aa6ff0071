import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerTo, faultOf, fuzzAgent } from './answers.testkit.js';
import { type FuzzedServer, type Health, startFuzzedServer } from './fuzzed-server.testkit.js';
import { type FuzzedRequest, fuzzedRequest, operationIds, type World } from './requests.testkit.js';

/**
 * Requests made of the OpenAPI document and spoilt. The seed is printed: `FUZZ_SEED=<seed> FUZZ_FROM=<number> FUZZ_COUNT=1`
 * sends one of them again. `npm run test:full` sends ten times as many, others each time.
 */
const full = process.env.FULL === '1';
const seed = Number(process.env.FUZZ_SEED ?? (full ? Date.now() % 1_000_000_000 : 20_260_301));
const from = Number(process.env.FUZZ_FROM ?? 0);
const count = Number(process.env.FUZZ_COUNT ?? (full ? 50_000 : 5_000));
/** Far more than any answer takes; a server that hangs takes for ever. */
const deadlineMs = 20_000;
const abreast = 8;
/** Requests use up what they meet, so it is made anew. */
const parts = count < 100 ? 1 : 10;

let server: FuzzedServer;
beforeAll(async () => {
  server = await startFuzzedServer();
}, 120_000);
afterAll(async () => {
  fuzzAgent.destroy();
  await server?.close();
});

describe(`${count} requests of seed ${seed}, from ${from}`, () => {
  const statuses = new Map<number, number>();
  const sound = new Map<string, boolean>();
  const faults: string[] = [];
  const health: Health[] = [];

  const one = async (index: number, world: World): Promise<void> => {
    const request = fuzzedRequest(seed, index, world);
    try {
      const answer = await answerTo(server.url, request, deadlineMs);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      if (request.isSound) sound.set(request.operationId, sound.get(request.operationId) || answer.status < 300);
      const fault = faultOf(request, answer);
      if (fault !== null) faults.push(`${fault}\n${told(index, request)}\n  -> ${answer.text.slice(0, 600)}`);
    } catch (error) {
      faults.push(`${(error as Error).message}\n${told(index, request)}`);
    }
  };

  it(
    'are all answered as the document says, none with a status from 500 on',
    async () => {
      for (let part = 0; part < parts; part += 1) {
        const end = from + Math.ceil((count * (part + 1)) / parts);
        let next = from + Math.ceil((count * part) / parts);
        const world = await server.world();
        const work = async (): Promise<void> => {
          while (next < end && faults.length < 20) {
            next += 1;
            await one(next - 1, world);
          }
        };
        await Promise.all(Array.from({ length: abreast }, work));
        health.push(await server.health());
      }
      expect(faults.join('\n\n')).toBe('');
    },
    count * 60 + 60_000,
  );

  it('leave nothing in the log that is worse than a warning', () => {
    expect(server.lines.filter((line) => !/"level":"(warn|info)"/.test(line))).toEqual([]);
  });

  it.runIf(count >= 5_000)('reach what is behind the checks: most operations succeed, and most requests do not', () => {
    const total = [...statuses.values()].reduce((sum, each) => sum + each, 0);
    const succeeded = [...statuses].reduce((sum, [status, each]) => sum + (status < 300 ? each : 0), 0);
    process.stdout.write(`statuses ${JSON.stringify(Object.fromEntries([...statuses].sort()))}\n`);
    const never = operationIds.filter((id) => !sound.get(id));
    process.stdout.write(`never succeeded: ${never.join(', ')}\n`);
    expect(succeeded / total).toBeGreaterThan(0.1);
    expect(succeeded / total).toBeLessThan(0.6);
    expect(never.length / operationIds.length).toBeLessThan(0.25);
  });

  it('never stall the server, and leave its memory as it was', () => {
    const mib = health.map(({ heapBytes }) => Math.round(heapBytes / 2 ** 20));
    process.stdout.write(
      `heap in MiB ${mib.join(' ')}, stalls in ms ${health.map((h) => Math.round(h.stalledMs)).join(' ')}\n`,
    );
    // The first part fills what is remembered on purpose.
    const [first = 0, ...later] = mib;
    expect(Math.max(...later) - first).toBeLessThan(48);
    expect(Math.max(...health.map(({ stalledMs }) => stalledMs))).toBeLessThan(deadlineMs / 4);
  });
});

function told(index: number, { method, path, headers, body }: FuzzedRequest): string {
  const { authorization: _a, cookie: _c, ...shown } = headers;
  return `  FUZZ_SEED=${seed} FUZZ_FROM=${index} FUZZ_COUNT=1\n  ${method} ${path.slice(0, 300)}\n  ${JSON.stringify(shown).slice(0, 400)}\n  ${body?.toString().slice(0, 800) ?? 'no body'}`;
}
