import { parentPort } from 'node:worker_threads';
import type { Call, Progress, Reply } from './thread-pool.js';

/** What a task is given besides its input. */
export interface TaskContext {
  /** Tells how far it is; may be called often, is passed on at most every 100 ms. */
  progress(done: number, total: number): void;
}

/** A pure function of its input, both ways by structured clone. It may keep caches between calls. */
export type Task<Input, Output> = (input: Input, context: TaskContext) => Output | Promise<Output>;

const progressEveryMs = 100;

/** Makes this thread answer the calls of a `ThreadPool` by `tasks`. */
export function answerCalls(tasks: Readonly<Record<string, Task<never, unknown>>>): void {
  const port = parentPort;
  if (port === null) throw new Error('this module runs in a thread only');
  const send = (reply: Reply): void => port.postMessage(reply);
  port.on('message', async ({ name, input }: Call) => {
    let told = 0;
    const progress = (done: number, total: number): void => {
      const now = performance.now();
      if (now - told < progressEveryMs) return;
      told = now;
      send({ kind: 'progress', progress: { done, total } satisfies Progress });
    };
    try {
      const task = tasks[name] as Task<unknown, unknown> | undefined;
      if (task === undefined) throw new Error(`there is no task \`${name}\``);
      send({ kind: 'done', output: await task(input, { progress }) });
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      send({ kind: 'failed', message, stack: stack ?? message });
    }
  });
}
