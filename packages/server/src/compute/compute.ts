import { availableParallelism } from 'node:os';
import { type Refusal, refuse } from '../refusal.js';
import type { Task } from './answer-calls.js';
import type { tasks } from './tasks.js';
import { type CallOptions, createThreadPool } from './thread-pool.js';

type Tasks = typeof tasks;
export type TaskName = keyof Tasks;
export type TaskInput<Name extends TaskName> = Tasks[Name] extends Task<infer Input, unknown> ? Input : never;
export type TaskOutput<Name extends TaskName> = Tasks[Name] extends Task<never, infer Output> ? Output : never;

export interface ComputeOptions extends CallOptions {
  /**
   * `interactive` (default): somebody waits for the answer. `background`: jobs that may take minutes; they have a thread
   * of their own, so that they hold up nobody.
   */
  readonly lane?: 'interactive' | 'background';
}

/** Work in other threads, so that decisions go on meanwhile. */
export interface Compute {
  /**
   * Runs a task of `compute/tasks`; input and output are copied (structured clone), large JSON is cheapest as text.
   * `overloaded` when too much waits, `too_much_work` when it takes more than 1 GiB of heap. Rejects when the task throws,
   * when `signal` is aborted (with its reason; a running task is ended too) and when the server stops.
   */
  run<Name extends TaskName>(
    name: Name,
    input: TaskInput<Name>,
    options?: ComputeOptions,
  ): Promise<TaskOutput<Name> | Refusal>;
  /** Ends all of it. */
  close(): Promise<void>;
}

export interface ComputeLimits {
  /** Of the machine; default: as it has. */
  readonly cores?: number;
  /** MiB of heap of one thread. */
  readonly heapMb?: number;
}

const waiting = { interactive: 32, background: 8 } as const;

/** Starts nothing yet: threads start with the first call of their lane and end after a minute without any. */
export function createCompute({ cores = availableParallelism(), heapMb = 1024 }: ComputeLimits = {}): Compute {
  // The event loop and PostgreSQL want a core as well; with one thread a single workspace could hold up all others.
  const threads = { interactive: Math.min(4, Math.max(2, cores - 1)), background: 1 };
  const entry = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
  const lane = (name: keyof typeof threads) =>
    createThreadPool({
      entry,
      heapMb,
      threads: threads[name],
      queue: waiting[name],
      perShare: { threads: Math.max(1, threads[name] - 1), queue: waiting[name] / 2 },
    });
  const lanes = { interactive: lane('interactive'), background: lane('background') };
  return {
    async run<Name extends TaskName>(
      name: Name,
      input: TaskInput<Name>,
      { lane: on = 'interactive', ...options }: ComputeOptions = {},
    ) {
      const output = lanes[on].run(name, input, options);
      if (output === null) {
        return refuse('overloaded', 'too many large requests are being worked on, try again in a few seconds');
      }
      try {
        return (await output) as TaskOutput<Name>;
      } catch (error) {
        if ((error as { code?: unknown } | null)?.code !== 'ERR_WORKER_OUT_OF_MEMORY') throw error;
        return refuse('too_much_work', 'this takes more memory than one request may have, send less at once');
      }
    },
    async close() {
      await Promise.all(Object.values(lanes).map((pool) => pool.close()));
    },
  };
}
