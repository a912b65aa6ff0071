import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EngineCall } from './protocol.js';
import { createEngine, type EngineWorker } from './queue.js';

interface Fake extends EngineWorker {
  readonly calls: EngineCall[];
  terminated: boolean;
}

function workers() {
  const started: Fake[] = [];
  const start = (): Fake => {
    const fake: Fake = {
      calls: [],
      terminated: false,
      onmessage: null,
      onerror: null,
      postMessage: (call) => void fake.calls.push(call),
      terminate: () => {
        fake.terminated = true;
      },
    };
    started.push(fake);
    return fake;
  };
  return { started, start };
}

const input = { rules: [], format: 'yaml' } as const;
const answer = (worker: Fake | undefined, id: number, text: string): void =>
  worker?.onmessage?.({ data: { id, answer: text, ms: 1 } } as MessageEvent);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the queue of the engine', () => {
  it('starts one worker with the first task and gives it one task at a time', async () => {
    const { started, start } = workers();
    const engine = createEngine(start);
    expect(started).toHaveLength(0);
    const [one, two] = [engine.run('write', input), engine.run('write', input)];
    expect(started[0]?.calls.map(({ id }) => id)).toEqual([1]);
    answer(started[0], 1, 'first');
    expect((await one).answer).toBe('first');
    expect(started[0]?.calls.map(({ id }) => id)).toEqual([1, 2]);
    answer(started[0], 2, 'second');
    expect((await two).answer).toBe('second');
    expect(started).toHaveLength(1);
  });

  it('never begins a task that was given up before its turn', async () => {
    const { started, start } = workers();
    const engine = createEngine(start);
    const first = engine.run('write', input);
    const stop = new AbortController();
    const stale = engine.run('write', input, { signal: stop.signal });
    const third = engine.run('write', input);
    stop.abort(new Error('typed on'));
    await expect(stale).rejects.toThrow('typed on');
    answer(started[0], 1, 'first');
    await first;
    expect(started[0]?.calls.map(({ id }) => id)).toEqual([1, 3]);
    answer(started[0], 3, 'third');
    await third;
  });

  it('ends a worker that goes on with what nobody wants, and gives the next task to another', async () => {
    const { started, start } = workers();
    const engine = createEngine(start);
    const stop = new AbortController();
    const stuck = engine.run('write', input, { signal: stop.signal });
    const next = engine.run('write', input);
    stop.abort(new Error('typed on'));
    await expect(stuck).rejects.toThrow('typed on');
    await vi.advanceTimersByTimeAsync(299);
    expect(started[0]?.terminated).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(started[0]?.terminated).toBe(true);
    answer(started[0], 1, 'too late');
    answer(started[1], 2, 'next');
    expect((await next).answer).toBe('next');
  });

  it('keeps a worker that is done with the stale task in time, and its memory', async () => {
    const { started, start } = workers();
    const engine = createEngine(start);
    const stop = new AbortController();
    const stale = engine.run('write', input, { signal: stop.signal });
    const next = engine.run('write', input);
    stop.abort(new Error('typed on'));
    await expect(stale).rejects.toThrow('typed on');
    answer(started[0], 1, 'stale');
    answer(started[0], 2, 'next');
    expect((await next).answer).toBe('next');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(started.map(({ terminated }) => terminated)).toEqual([false]);
  });

  it('tells a failure and goes on with another worker', async () => {
    const { started, start } = workers();
    const engine = createEngine(start);
    const [broken, next] = [engine.run('write', input), engine.run('write', input)];
    started[0]?.onerror?.({ message: 'out of memory' } as ErrorEvent);
    await expect(broken).rejects.toThrow('the engine failed: out of memory');
    answer(started[1], 2, 'fine');
    expect((await next).answer).toBe('fine');
  });
});
