import type { EngineAnswer, EngineCall, EngineInput, EngineReply, EngineTask } from './protocol.js';

/** The part of a Worker that is needed. */
export interface EngineWorker {
  postMessage(call: EngineCall): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<EngineReply>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

export interface Answered<T extends EngineTask> {
  readonly answer: EngineAnswer<T>;
  /** Spent on it in the worker, milliseconds. */
  readonly ms: number;
}

export interface Engine {
  /**
   * Does a task. One at a time, in order; a task given up before its turn is never begun. Rejects with the signal's
   * reason, or an Error when the engine failed, which is a bug.
   */
  run<T extends EngineTask>(
    task: T,
    input: EngineInput<T>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Answered<T>>;
}

interface Waiting {
  readonly call: EngineCall;
  readonly resolve: (answered: Answered<EngineTask>) => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
  givenUp: boolean;
}

/** How long a task that nobody wants any more may hold up the next one. */
const graceMs = 300;

export function createEngine(start: () => EngineWorker): Engine {
  let worker: EngineWorker | null = null;
  let current: Waiting | null = null;
  let grace: ReturnType<typeof setTimeout> | null = null;
  let queue: Waiting[] = [];
  let lastId = 0;

  const spawn = (): EngineWorker => {
    const fresh = start();
    fresh.onmessage = ({ data }) => settle(data);
    fresh.onerror = ({ message }) => {
      const failed = current;
      replace();
      failed?.reject(new Error(`the engine failed: ${message ?? 'unknown'}`));
    };
    return fresh;
  };

  const next = (): void => {
    if (current !== null) return;
    queue = queue.filter(({ givenUp }) => !givenUp);
    const following = queue.shift();
    if (following === undefined) return;
    current = following;
    worker ??= spawn();
    worker.postMessage(following.call);
  };

  const settle = (reply: EngineReply): void => {
    const done = current;
    if (done === null || done.call.id !== reply.id) return;
    finish();
    if (!done.givenUp) {
      if ('fault' in reply) done.reject(new Error(reply.fault));
      else done.resolve({ answer: reply.answer as never, ms: reply.ms });
    }
    next();
  };

  const finish = (): void => {
    current = null;
    if (grace !== null) clearTimeout(grace);
    grace = null;
  };

  /** A worker cannot be interrupted, only ended; the next one begins without memory. */
  const replace = (): void => {
    worker?.terminate();
    worker = null;
    finish();
    queueMicrotask(next);
  };

  const giveUp = (waiting: Waiting): void => {
    if (waiting.givenUp) return;
    waiting.givenUp = true;
    waiting.reject(waiting.signal?.reason);
    if (waiting === current) grace ??= setTimeout(replace, graceMs);
  };

  return {
    run: (task, input, { signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        lastId += 1;
        const waiting: Waiting = {
          call: { id: lastId, task, input },
          resolve: resolve as Waiting['resolve'],
          reject,
          signal,
          givenUp: false,
        };
        signal?.addEventListener('abort', () => giveUp(waiting), { once: true });
        queue.push(waiting);
        next();
      }),
  };
}
