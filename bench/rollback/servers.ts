import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repositoryRoot } from '../report.js';

export const adminToken = 'bench-admin-token-0123456789';

/** Built servers, each a process, on one PostgreSQL (that of the data folder, which the first of them starts). */
export interface Servers {
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

export async function startServers(count: number): Promise<Servers> {
  const dataDir = await mkdtemp(join(tmpdir(), 'policy-studio-bench-'));
  const children: ChildProcess[] = [];
  const urls: string[] = [];
  const stop = async (): Promise<void> => {
    for (const child of children) {
      if (child.exitCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    for (let index = 0; index < count; index += 1) {
      const port = await freePort();
      const child = spawn(process.execPath, [join(repositoryRoot, 'packages/server/dist/main.js')], {
        stdio: 'ignore',
        env: {
          ...process.env,
          HOST: '127.0.0.1',
          PORT: String(port),
          DATA_DIR: dataDir,
          ADMIN_TOKEN: adminToken,
          LOG_LEVEL: 'error',
        },
      });
      children.push(child);
      const url = `http://127.0.0.1:${port}`;
      urls.push(url);
      await ready(url, child);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { urls, stop };
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline && child.exitCode === null) {
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    if (answer?.ok) return;
    await sleep(50);
  }
  throw new Error(`${url} does not answer`);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** Asks the API as the admin, or with a key; throws for a refusal. */
export async function send<T>(
  url: string,
  method: string,
  path: string,
  body?: object,
  token: string = adminToken,
): Promise<T> {
  const response = await fetch(`${url}/policy${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as T;
}
