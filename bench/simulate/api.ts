import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { RuleInput } from '@policy-studio/engine';
import { repositoryRoot } from '../report.js';

const adminToken = 'bench-admin-token-0123456789';
const warmUp = 15;
const asked = 60;

/**
 * Milliseconds that the built server says it took to answer 1,000 made-up cases each time: routing, validation, the thread,
 * the database and writing the answer. The first answer includes the start of the thread.
 */
export async function serverTimes(rules: readonly RuleInput[]): Promise<{ first: number; later: number[] }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'policy-studio-bench-'));
  const port = await freePort();
  const server = spawn(process.execPath, [join(repositoryRoot, 'packages/server/dist/main.js')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      HOST: '127.0.0.1',
      PORT: String(port),
      DATA_DIR: dataDir,
      ADMIN_TOKEN: adminToken,
      LOG_LEVEL: 'debug',
    },
  });
  const stop = (): void => void server.kill('SIGTERM');
  process.on('exit', stop);
  try {
    const { started, times } = watch(server);
    await started;
    for (let seed = 0; seed < warmUp + asked; seed++) await simulate(port, rules, seed);
    // The line about an answer is written after it.
    while (times.length < warmUp + asked) await new Promise((resolve) => setTimeout(resolve, 20));
    return { first: times[0] ?? Number.NaN, later: times.slice(warmUp) };
  } finally {
    stop();
    if (server.exitCode === null) await once(server, 'exit');
    process.off('exit', stop);
    await rm(dataDir, { recursive: true, force: true });
  }
}

function watch(server: ChildProcess): { started: Promise<void>; times: number[] } {
  const times: number[] = [];
  const started = new Promise<void>((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    for (const stream of [server.stdout, server.stderr]) {
      if (!stream) continue;
      createInterface(stream).on('line', (line) => {
        if (line.includes('"msg":"started"')) resolve();
        if (line.includes('"path":"/policy/simulate"')) times.push((JSON.parse(line) as { ms: number }).ms);
      });
    }
  });
  return { started, times };
}

async function simulate(port: number, rules: readonly RuleInput[], seed: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/policy/simulate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ rules, dataset: 'synthetic', synthetic_count: 1000, seed }),
  });
  const { summary } = (await response.json()) as { summary?: { total_cases: number } };
  if (summary?.total_cases !== 1000) throw new Error(`the server answered ${response.status} to a simulation`);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
