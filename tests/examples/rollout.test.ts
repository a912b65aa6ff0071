import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { adminToken, freePort, type PolicyServer, startPolicyServer } from '../decisions/policy-server.testkit.js';

const script = fileURLToPath(new URL('../../examples/rollout/play.mjs', import.meta.url));
let folder: string;
let server: PolicyServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'policy-studio-example-'));
  server = await startPolicyServer(folder, await freePort(), { ALLOW_PRIVATE_WEBHOOKS: 'true' });
});
afterEach(async () => {
  server.signal('SIGTERM');
  await server.exited;
  await rm(folder, { recursive: true, force: true });
});

async function play(...args: string[]): Promise<{ code: number; said: string }> {
  const child = spawn(process.execPath, [script, '--url', server.url, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, said };
}

it('examples/rollout: the good bundle reaches everybody, the bad one is rolled back, with an incident and a message', async () => {
  const { code, said } = await play('--token', adminToken, '--dwell-seconds', '1');
  expect([code, said]).toEqual([0, expect.stringContaining('for everybody')]);
  const steps = [...said.matchAll(/\.([12])\.0 (\w+) at (\d+) %/g)].map(([, bundle, phase, share]) =>
    [bundle, phase, share].join(' '),
  );
  // Holds come and go while evidence gathers; a step may be seen several times.
  expect([...new Set(steps)].filter((step) => step.startsWith('1'))).toEqual([
    '1 canary 10',
    '1 canary 50',
    '1 baking 100',
  ]);
  expect(steps.at(-1)).toBe('2 rolled_back 0');
  expect(said).toMatch(/because the deny rate is \d+ % over \d+ decisions, beyond the critical 50 %/);
  expect(said).toMatch(/incident \d+, high: bundle .* was rolled back/);
  expect(said).toMatch(/Slack heard:\n\s+\S/);
  const keys = await fetch(`${server.url}/policy/api-keys`, { headers: { authorization: `Bearer ${adminToken}` } });
  expect(JSON.stringify(await keys.json())).not.toContain('rollout example');
}, 180_000);

it('examples/rollout: says what is wrong and ends when it is not let in', async () => {
  const { code, said } = await play('--token', 'not-the-admin-token');
  expect(code).toBe(1);
  expect(said).toMatch(/unauthenticated/);
}, 60_000);
