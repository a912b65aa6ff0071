import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { RuleInput } from '@policy-studio/engine';
import { ended, send, startServer } from '../server.js';

const warmUp = 15;
const asked = 60;

/**
 * Milliseconds that the built server says it took to answer 1,000 made-up cases each time: routing, validation, the thread,
 * the database and writing the answer. The first answer includes the start of the thread.
 */
export async function serverTimes(rules: readonly RuleInput[]): Promise<{ first: number; later: number[] }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'policy-studio-bench-'));
  const times: number[] = [];
  const { child, url } = await startServer(dataDir, { LOG_LEVEL: 'debug' }, (made) => watch(made, times));
  try {
    for (let seed = 0; seed < warmUp + asked; seed++) await simulate(url, rules, seed);
    // The line about an answer is written after it.
    while (times.length < warmUp + asked) await new Promise((resolve) => setTimeout(resolve, 20));
    return { first: times[0] ?? Number.NaN, later: times.slice(warmUp) };
  } finally {
    await ended(child);
    await rm(dataDir, { recursive: true, force: true });
  }
}

function watch({ stdout, stderr }: ChildProcess, times: number[]): void {
  for (const stream of [stdout, stderr]) {
    if (!stream) continue;
    createInterface(stream).on('line', (line) => {
      if (line.includes('"path":"/policy/simulate"')) times.push((JSON.parse(line) as { ms: number }).ms);
    });
  }
}

async function simulate(url: string, rules: readonly RuleInput[], seed: number): Promise<void> {
  const body = { rules, dataset: 'synthetic', synthetic_count: 1000, seed };
  const { summary } = await send<{ summary?: { total_cases: number } }>(url, 'POST', '/simulate', body);
  if (summary?.total_cases !== 1000) throw new Error(`the server decided ${summary?.total_cases} cases`);
}
