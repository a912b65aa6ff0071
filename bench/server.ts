import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repositoryRoot } from './report.js';

export const adminToken = 'bench-admin-token-0123456789';

const started = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of started) child.kill('SIGTERM');
});

/** A process of a benchmark, which ends with it at the latest. Says what it wrote when it ends before it is told to. */
export function launch(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  readsOutput = false,
): ChildProcess {
  const child = spawn(command, args, { env, stdio: ['ignore', readsOutput ? 'pipe' : 'ignore', 'pipe'] });
  // Kept for the message when it ends before it answers; drained, so that it cannot block on a full pipe.
  let errors = '';
  child.stderr?.on('data', (data: Buffer) => {
    errors = (errors + data.toString()).slice(-2_000);
  });
  child.once('exit', (code) => {
    if (started.delete(child)) process.stderr.write(`${command} ended with ${code}: ${errors}\n`);
  });
  started.add(child);
  return child;
}

/** Ends a process, and waits for that. */
export async function ended(child: ChildProcess): Promise<void> {
  if (!started.delete(child) || child.exitCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exit;
}

/** Waits until the process answers there; throws when it ends before, or after a minute. */
export async function answersAt(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline && child.exitCode === null) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
    await sleep(50);
  }
  throw new Error(`${url} does not answer`);
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

export interface Server {
  readonly child: ChildProcess;
  readonly url: string;
}

/** The built server on a data folder; answers when it is ready. `env` adds to what every benchmark sets. */
export async function startServer(
  dataDir: string,
  env: NodeJS.ProcessEnv = {},
  watch: (child: ChildProcess) => void = () => undefined,
): Promise<Server> {
  const port = await freePort();
  const all = {
    ...process.env,
    HOST: '127.0.0.1',
    PORT: String(port),
    DATA_DIR: dataDir,
    SEED_DEMO: 'false',
    ADMIN_TOKEN: adminToken,
    LOG_LEVEL: 'error',
    ...env,
  };
  const child = launch(
    process.execPath,
    [join(repositoryRoot, 'packages/server/dist/main.js')],
    all,
    env.LOG_LEVEL === 'debug',
  );
  watch(child);
  const url = `http://127.0.0.1:${port}`;
  try {
    await answersAt(`${url}/readyz`, child);
  } catch (error) {
    await ended(child);
    throw error;
  }
  return { child, url };
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
  if (!response.ok) throw new Error(`${method} ${path}: ${text.slice(0, 500)}`);
  return JSON.parse(text) as T;
}
