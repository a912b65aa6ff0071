import { parentPort } from 'node:worker_threads';
import type { Call, Message, Progress, Reply } from './thread-pool.js';

/** What a task is given besides its input. */
export interface TaskContext {
  /** Tells how far it is; may be called often, is passed on at most every 100 ms. */
  progress(done: number, total: number): void;
  /** Asks who called it, one question at a time; rejects when the caller cannot answer. */
  ask(question: unknown): Promise<unknown>;
}

/** A pure function of its input, both ways by structured clone. It may keep caches between calls. */
export type Task<Input, Output> = (input: Input, context: TaskContext) => Output | Promise<Output>;

const progressEveryMs = 100;

/** Makes this thread answer the calls of a `ThreadPool` by `tasks`. */
export function answerCalls(tasks: Readonly<Record<string, Task<never, unknown>>>): void {
  const port = parentPort;
  if (port === null) throw new Error('this module runs in a thread only');
  const send = (reply: Reply): void => port.postMessage(reply);
  let asked: { resolve(answer: unknown): void; reject(error: Error): void } | null = null;
  const ask = (question: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      asked = { resolve, reject };
      send({ kind: 'ask', question });
    });
  port.on('message', (message: Message) => {
    if (message.kind === 'call') return void answer(message);
    if (message.error === undefined) asked?.resolve(message.answer);
    else asked?.reject(new Error(message.error));
  });
  const answer = async ({ name, input }: Call): Promise<void> => {
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
      send({ kind: 'done', output: await task(input, { progress, ask }) });
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      send({ kind: 'failed', message, stack: stack ?? message });
    }
  };
}
