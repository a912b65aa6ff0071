import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tickRollouts } from './controller.js';
import { alike, before, hourMs, openYard, type Yard } from './rollouts.testkit.js';

const minuteMs = 60_000;
let yard: Yard;
let id: number;
beforeAll(async () => {
  yard = await openYard();
  await yard.rollOut(before, 100);
});
afterAll(() => yard?.close());
/** Each test begins with a healthy step at 10 % whose gates all pass. */
beforeEach(async () => {
  ({ id } = await yard.rollOut(alike, 10, { supersede: true }));
  await yard.ask(1200, 2);
  await look();
});

/** One look of the controller, and nobody looked since the one before. */
const look = () => tickRollouts(yard.services, yard.now());
const seen = async () => {
  const { share_pct: share, dwelled_seconds: seconds } = await yard.rolloutOf(id);
  return [share, seconds / 3600];
};

describe('healthy time', () => {
  it('is what was looked at: hours in which no server ran are none', async () => {
    yard.advance(hourMs / 12);
    await look();
    yard.advance(23 * hourMs);
    await look();
    const [share, hours] = await seen();
    expect(share).toBe(10);
    expect(hours).toBeLessThan(0.2);
    yard.advance(2 * hourMs);
    await look();
    expect((await seen())[0]).toBe(10);
  });

  it('goes on over looks that are some minutes apart', async () => {
    for (let minutes = 0; minutes < 24 * 60; minutes += 9) {
      expect((await seen())[0]).toBe(10);
      yard.advance(9 * minuteMs);
      await look();
    }
    expect(await seen()).toEqual([50, 0]);
  }, 60_000);

  it('keeps what there was before the gap', async () => {
    for (let minutes = 0; minutes < 120; minutes += 8) {
      yard.advance(8 * minuteMs);
      await look();
    }
    yard.advance(10 * hourMs);
    await look();
    expect(await seen()).toEqual([10, 2]);
  });
});
