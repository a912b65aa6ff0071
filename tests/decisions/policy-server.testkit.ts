import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../packages/server/src/main.ts', import.meta.url));

export const adminToken = 'decisions-test-admin-token-0123456789';

/** The real server as a process of its own, on a data folder with its embedded database. */
export interface PolicyServer {
  readonly url: string;
  /** What it logged and said. */
  readonly lines: readonly string[];
  signal(name: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void;
  /** The exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** Starts the server and waits until it listens. */
export async function startPolicyServer(
  dataDir: string,
  port: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<PolicyServer> {
  const child: ChildProcess = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', main], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      DATA_DIR: dataDir,
      SEED_DEMO: 'false',
      HOST: '127.0.0.1',
      PORT: String(port),
      ADMIN_TOKEN: adminToken,
      LOG_LEVEL: 'info',
      ...environment,
    },
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const lines: string[] = [];
  const started = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface(stream).on('line', (line) => {
        lines.push(line);
        if (line.includes('"msg":"started"')) resolve();
      });
    }
    exited.then((code) => reject(new Error(`the server ended with ${code}:\n${lines.slice(-20).join('\n')}`)), reject);
  });
  started.catch(() => undefined);
  await started;
  return {
    url: `http://127.0.0.1:${port}`,
    lines,
    signal: (name) => void child.kill(name),
    exited,
  };
}
