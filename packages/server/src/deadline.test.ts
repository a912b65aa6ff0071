import { describe, expect, it } from 'vitest';
import { within } from './deadline.js';

const after = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(() => resolve(value), ms));

describe('work under a deadline', () => {
  it('comes to what it comes to in time', async () => {
    expect(await within(after(1, 'done'), 10_000, 'late')).toBe('done');
    await expect(within(Promise.reject(new Error('broken')), 10_000, 'late')).rejects.toThrow('broken');
  });

  it('is not waited for beyond it', async () => {
    const started = performance.now();
    expect(await within(after(5_000, 'done'), 20, 'late')).toBe('late');
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  it('may fail later without ending the process', async () => {
    const failing = after(30, null).then(() => {
      throw new Error('too late to matter');
    });
    expect(await within(failing, 5, 'late')).toBe('late');
    await after(60, null);
  });
});
