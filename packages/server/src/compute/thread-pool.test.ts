import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { createThreadPool, type Progress, type ThreadPool, type ThreadPoolOptions } from './thread-pool.js';

const pools: ThreadPool[] = [];
function pool(options: Partial<ThreadPoolOptions> = {}): ThreadPool {
  const entry = new URL('./thread.testkit.ts', import.meta.url);
  const made = createThreadPool({ entry, threads: 1, queue: 8, ...options });
  pools.push(made);
  return made;
}
afterEach(async () => {
  for (const made of pools.splice(0)) await made.close();
});

describe('a thread pool', () => {
  test('answers calls, more than it has threads, each with its own answer', async () => {
    const { run } = pool({ threads: 2, queue: 20 });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => run('double', n)));
    expect(answers).toEqual(Array.from({ length: 20 }, (_, n) => n * 2));
  });

  test('passes on what a task throws, and goes on', async () => {
    const { run } = pool();
    await expect(run('fail', 'no such thing')).rejects.toThrow('no such thing');
    await expect(run('missing', 1)).rejects.toThrow('there is no task `missing`');
    await expect(run('uncloneable', 1)).rejects.toThrow('could not be cloned');
    await expect(run('double', () => 1)).rejects.toThrow('could not be cloned');
    expect(await run('double', 4)).toBe(8);
  });

  test.each([
    ['exit', 'ended with code 3'],
    ['exhaust', 'memory limit'],
  ])('survives a thread that dies (%s): its call fails, those that wait are answered', async (name, message) => {
    const { run } = pool({ heapMb: 64 });
    const dying = run(name, null);
    const waiting = [run('double', 1), run('double', 2)];
    await expect(dying).rejects.toThrow(message);
    expect(await Promise.all(waiting)).toEqual([2, 4]);
  });

  test('ends a running call when its signal says so, and runs what waited behind it', async () => {
    const { run } = pool();
    const stop = new AbortController();
    const spinning = run('spin', null, { signal: stop.signal });
    const waiting = run('double', 21);
    setTimeout(() => stop.abort(new Error('enough')), 50);
    await expect(spinning).rejects.toThrow('enough');
    expect(await waiting).toBe(42);
  });

  test('drops a waiting call when its signal says so', async () => {
    const { run } = pool();
    const [first, second] = [new AbortController(), new AbortController()];
    const running = run('spin', null, { signal: first.signal });
    const dropped = run('spin', null, { signal: second.signal });
    const last = run('double', 1);
    second.abort(new Error('not needed'));
    await expect(dropped).rejects.toThrow('not needed');
    first.abort(new Error('nor this'));
    await expect(running).rejects.toThrow('nor this');
    expect(await last).toBe(2);
    await expect(run('double', 1, { signal: first.signal })).rejects.toThrow('nor this');
  });

  test('lets others by when a share has all it may have', async () => {
    const { run } = pool({ threads: 2, perShare: { threads: 1, queue: 2 } });
    const stop = new AbortController();
    const mine = { share: 1, signal: stop.signal };
    const held = [run('spin', null, mine), run('spin', null, mine), run('spin', null, mine)];
    expect(run('spin', null, mine)).toBeNull();
    expect(await run('double', 4, { share: 2 })).toBe(8);
    expect(await run('double', 5)).toBe(10);
    const ended = Promise.all(held.map((call) => expect(call).rejects.toThrow('enough')));
    stop.abort(new Error('enough'));
    await ended;
    expect(await run('double', 6, { share: 1 })).toBe(12);
  });

  test('refuses at once what its queue cannot hold', async () => {
    const { run } = pool({ queue: 1 });
    const stop = new AbortController();
    const running = run('spin', null, { signal: stop.signal });
    const waiting = run('double', 1);
    expect(run('double', 2)).toBeNull();
    stop.abort(new Error('free'));
    await expect(running).rejects.toThrow('free');
    expect(await waiting).toBe(2);
    expect(await run('double', 3)).toBe(6);
  });

  test('tells how far a call is', async () => {
    const { run } = pool();
    const heard: Progress[] = [];
    expect(await run('count', 6, { onProgress: (progress) => heard.push(progress) })).toBe(6);
    expect(heard[0]).toEqual({ done: 0, total: 6 });
    expect(heard.length).toBeGreaterThan(1);
    expect(heard.length).toBeLessThan(6);
  });

  test('hands a port over, for calls that ask back', async () => {
    const { run } = pool();
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (question: unknown) => port1.postMessage(question === 'how many?' ? 7 : 0));
    expect(await run('ask', port2, { transfer: [port2] })).toBe(7);
  });

  test('answers what a call asks; what cannot be answered fails the call', async () => {
    const { run } = pool();
    const sizes: Record<string, number> = { a: 1, b: 2 };
    const onAsk = async (name: unknown) => {
      const size = sizes[name as string];
      if (size === undefined) throw Object.assign(new Error(`nothing is known of ${name}`), { code: 'unknown' });
      return size;
    };
    expect(await run('sum', ['a', 'b', 'b'], { onAsk })).toBe(5);
    await expect(run('sum', ['a', 'c'], { onAsk })).rejects.toMatchObject({
      message: 'nothing is known of c',
      code: 'unknown',
    });
    await expect(run('sum', ['a'])).rejects.toThrow('nobody answers');
    expect(await run('sum', ['b'], { onAsk })).toBe(2);
  });

  test('lets an idle thread go and starts one anew', async () => {
    const { run } = pool({ idleMs: 1 });
    expect(await run('double', 1)).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await run('double', 2)).toBe(4);
  });

  test('fails what runs and what waits when it is closed, and takes nothing more', async () => {
    const { run, close } = pool();
    const running = expect(run('spin', null)).rejects.toThrow('closed');
    const waiting = expect(run('double', 1)).rejects.toThrow('closed');
    await close();
    await Promise.all([running, waiting]);
    await expect(run('double', 1)).rejects.toThrow('closed');
  });
});
