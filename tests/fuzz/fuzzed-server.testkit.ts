import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { World } from './requests.testkit.js';

export interface Health {
  /** Of live objects and buffers: measured after a collection. */
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** The longest time in which the server did nothing else, since it was asked last. */
  readonly stalledMs: number;
}

export interface FuzzedServer {
  readonly url: string;
  /** What it logged: warnings and worse. */
  readonly lines: readonly string[];
  /** Rejects when it does not answer: it hangs, or is gone. */
  health(): Promise<Health>;
  /** Makes things for paths to name. */
  world(): Promise<World>;
  close(): Promise<void>;
}

const script = fileURLToPath(new URL('./fuzzed-server.child.testkit.ts', import.meta.url));

export async function startFuzzedServer(): Promise<FuzzedServer> {
  const child: ChildProcess = fork(script, [], {
    execArgv: ['--conditions=source', '--import', 'tsx', '--expose-gc'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface(stream).on('line', (line) => lines.push(line));
  }
  const gone = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the server ended (${code ?? signal}):\n${lines.slice(-20).join('\n')}`);
  });
  gone.catch(() => undefined);
  const heard = async <T>(timeoutMs: number): Promise<T> => {
    const message = once(child, 'message', { signal: AbortSignal.timeout(timeoutMs) });
    return (await Promise.race([message, gone]))[0] as T;
  };
  const { url } = await heard<{ url: string }>(90_000);
  return {
    url,
    lines,
    async health() {
      child.send({ ask: 'health' });
      return heard<Health>(30_000);
    },
    async world() {
      child.send({ ask: 'world' });
      return heard<World>(30_000);
    },
    async close() {
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
      child.send({ ask: 'end' });
      await gone.catch(() => undefined);
      clearTimeout(timer);
    },
  };
}
