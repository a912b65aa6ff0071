import { type Transferable, Worker, type WorkerOptions } from 'node:worker_threads';
import { inThisScope } from '../database/scope.js';

export interface ThreadPoolOptions {
  /** The module that a thread runs: it answers every `Call` with a `Reply` (see `answerCalls`). */
  readonly entry: URL;
  /** Threads at most; they start when there is work and end after `idleMs` without any. */
  readonly threads: number;
  /** Calls that may wait for a thread. */
  readonly queue: number;
  /** What calls of one `share` may have at most. Default: everything. */
  readonly perShare?: { readonly threads: number; readonly queue: number };
  readonly idleMs?: number;
  /** MiB of heap of one thread; a call that needs more fails, and nothing else does. */
  readonly heapMb?: number;
}

export interface CallOptions {
  /** Whose call it is: a share that sends much holds up itself alone. */
  readonly share?: number;
  /** Ends the call whether it waits or runs; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Answers what the task asks while it runs. A rejection fails the question; a call that fails then rejects with it. */
  readonly onAsk?: (question: unknown) => Promise<unknown>;
  /** What of the input is handed over instead of copied, such as a port; not kept when the call is refused. */
  readonly transfer?: readonly Transferable[];
}

export interface Progress {
  readonly done: number;
  readonly total: number;
}

export interface ThreadPool {
  /**
   * Runs `name` with `input` in a thread; both are copied (structured clone). Null at once when the queue is full. Calls
   * wait their turn, those of a share that has all it may have let others by.
   * Rejects with what the call threw, when its thread died, when the pool is closed.
   */
  run(name: string, input: unknown, options?: CallOptions): Promise<unknown> | null;
  /** Ends what runs and what waits; both reject. */
  close(): Promise<void>;
}

/** What a thread is sent: a call, and answers to what that asks. */
export type Message = Call | Answer;
export interface Answer {
  readonly kind: 'answer';
  readonly answer?: unknown;
  readonly error?: string;
}
export interface Call {
  readonly kind: 'call';
  readonly name: string;
  readonly input: unknown;
}

/** What a thread sends: any number of progresses and questions (one at a time), then one end. */
export type Reply =
  | { readonly kind: 'ask'; readonly question: unknown }
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'done'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string };

interface Waiting extends Call {
  readonly share: number | undefined;
  readonly transfer: readonly Transferable[];
  readonly onProgress: ((progress: Progress) => void) | undefined;
  readonly onAsk: ((question: unknown) => Promise<unknown>) | undefined;
  /** Why the last question could not be answered, as it was thrown: a thread hears its message alone. */
  unanswered: { readonly error: unknown } | null;
  resolve(output: unknown): void;
  reject(error: unknown): void;
}

interface Thread {
  readonly worker: Worker;
  running: Waiting | null;
  idle: NodeJS.Timeout | null;
}

const defaults = { idleMs: 60_000, heapMb: 1024 } as const;

/** Built code runs as it is; TypeScript needs its loader, and its packages the condition that leads to their sources. */
function startWorker(entry: URL, options: WorkerOptions): Worker {
  if (!entry.pathname.endsWith('.ts')) return new Worker(entry, { ...options, execArgv: [] });
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const start = `import(${loader}).then(({ register }) => { register(); return import(${JSON.stringify(entry.href)}); })`;
  return new Worker(start, { ...options, eval: true, execArgv: ['--conditions=source'] });
}

/**
 * Threads for work that would hold up the event loop. A thread runs one call at a time. One that dies fails its own call
 * and is replaced when there is work; a call is never tried again, for it may be what killed the thread.
 */
export function createThreadPool(options: ThreadPoolOptions): ThreadPool {
  const { entry, idleMs, heapMb } = { ...defaults, ...options };
  const { perShare = { threads: options.threads, queue: options.queue } } = options;
  const threads = new Set<Thread>();
  const queue: Waiting[] = [];
  let closed = false;

  const start = (): Thread => {
    const worker = startWorker(entry, { resourceLimits: { maxOldGenerationSizeMb: heapMb } });
    const thread: Thread = { worker, running: null, idle: null };
    threads.add(thread);
    worker.on('message', (reply: Reply) => hear(thread, reply));
    worker.on('error', (error) => lose(thread, error));
    worker.on('exit', (code) => lose(thread, new Error(`a compute thread ended with code ${code}`)));
    return thread;
  };

  const hear = (thread: Thread, reply: Reply): void => {
    const { running } = thread;
    // The last words of a thread whose call was aborted.
    if (running === null) return;
    if (reply.kind === 'progress') {
      running.onProgress?.(reply.progress);
      return;
    }
    if (reply.kind === 'ask') {
      void answer(thread, running, reply.question);
      return;
    }
    rest(thread);
    if (reply.kind === 'done') running.resolve(reply.output);
    else if (running.unanswered) running.reject(running.unanswered.error);
    else running.reject(Object.assign(new Error(reply.message), { stack: reply.stack }));
    dispatch();
  };

  const answer = async (thread: Thread, call: Waiting, question: unknown): Promise<void> => {
    const reply = await (call.onAsk?.(question) ?? Promise.reject(new Error('nobody answers questions here'))).then(
      (found): Answer => ({ kind: 'answer', answer: found }),
      (error): Answer => {
        call.unanswered = { error };
        return { kind: 'answer', error: error instanceof Error ? error.message : String(error) };
      },
    );
    // Aborted or dead meanwhile.
    if (thread.running === call) thread.worker.postMessage(reply satisfies Message);
  };

  const rest = (thread: Thread): void => {
    thread.running = null;
    thread.worker.unref();
    thread.idle = setTimeout(() => end(thread), idleMs).unref();
  };

  const lose = (thread: Thread, error: unknown): void => {
    if (!threads.delete(thread)) return;
    if (thread.idle) clearTimeout(thread.idle);
    const { running } = thread;
    thread.running = null;
    running?.reject(error);
    dispatch();
  };

  const end = async (thread: Thread): Promise<void> => {
    threads.delete(thread);
    if (thread.idle) clearTimeout(thread.idle);
    await thread.worker.terminate();
  };

  const isOf = (share: number | undefined) => (call: Waiting | null) => share !== undefined && call?.share === share;
  const mayRun = ({ share }: Waiting): boolean =>
    [...threads].map(({ running }) => running).filter(isOf(share)).length < perShare.threads;

  const dispatch = (): void => {
    for (let next = queue.findIndex(mayRun); next !== -1 && !closed; next = queue.findIndex(mayRun)) {
      const free = [...threads].find(({ running }) => running === null);
      if (!free && threads.size >= options.threads) return;
      const [call] = queue.splice(next, 1);
      if (call) give(free ?? start(), call);
    }
  };

  const give = (thread: Thread, call: Waiting): void => {
    if (thread.idle) clearTimeout(thread.idle);
    thread.idle = null;
    thread.running = call;
    thread.worker.ref();
    try {
      thread.worker.postMessage({ kind: 'call', name: call.name, input: call.input } satisfies Message, call.transfer);
    } catch (error) {
      // Not cloneable: the caller's fault, the thread has heard nothing.
      rest(thread);
      call.reject(error);
    }
  };

  const abort = (call: Waiting, reason: unknown): void => {
    const waiting = queue.indexOf(call);
    if (waiting !== -1) queue.splice(waiting, 1);
    const thread = [...threads].find(({ running }) => running === call);
    if (thread) {
      thread.running = null;
      // What it is in the middle of cannot be told to stop.
      void end(thread);
    }
    call.reject(reason);
    dispatch();
  };

  return {
    run(name, input, { share, signal, onProgress, onAsk, transfer = [] } = {}) {
      if (closed) return Promise.reject(new Error('the compute threads are closed'));
      if (signal?.aborted) return Promise.reject(signal.reason);
      const busy = [...threads].filter(({ running }) => running !== null).length;
      if (busy >= options.threads && queue.length >= options.queue) return null;
      if (queue.filter(isOf(share)).length >= perShare.queue) return null;
      return new Promise((resolve, reject) => {
        const onAbort = () => abort(call, signal?.reason);
        const settled = <T>(settle: (value: T) => void) => {
          return (value: T): void => {
            signal?.removeEventListener('abort', onAbort);
            settle(value);
          };
        };
        const call: Waiting = {
          unanswered: null,
          share,
          kind: 'call',
          name,
          input,
          transfer,
          onProgress: onProgress && inThisScope(onProgress),
          onAsk: onAsk && inThisScope(onAsk),
          resolve: settled(resolve),
          reject: settled(reject),
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        queue.push(call);
        dispatch();
      });
    },
    async close() {
      closed = true;
      const error = new Error('the compute threads are closed');
      for (const call of queue.splice(0)) call.reject(error);
      await Promise.all(
        [...threads].map((thread) => {
          const { running } = thread;
          thread.running = null;
          running?.reject(error);
          return end(thread);
        }),
      );
    },
  };
}
