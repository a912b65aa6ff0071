import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Effect } from '../generated/rule.js';
import { createApprovalForecaster } from './approval-forecast.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const start = Date.parse('2026-03-02T00:00:00Z');

interface Seen {
  readonly atMs: number;
  readonly request: string;
  readonly before: Effect;
  readonly after: Effect;
}
function forecastOf(seen: readonly Seen[], of = seen.length) {
  const forecaster = createApprovalForecaster();
  for (const { before, after, ...one } of seen) forecaster.add(one, before, after);
  return forecaster.report(of);
}
const asks = (index: number, before: Effect, after: Effect, everyMs = hourMs): Seen => ({
  atMs: start + index * everyMs,
  request: `request ${index}`,
  before,
  after,
});
const many = (length: number, before: Effect, after: Effect, everyMs = hourMs) =>
  Array.from({ length }, (_, index) => asks(index, before, after, everyMs));

describe('the forecast of approvals', () => {
  it('is none of nothing', () => {
    expect(forecastOf([])).toBeNull();
  });

  it('says what is added a day, and by what', () => {
    expect(forecastOf(many(49, 'allow', 'needs_approval'))).toMatchObject({
      before_per_day: 0,
      after_per_day: 24.5,
      added_per_day: 24.5,
      days: 2,
      sentence: 'this change adds 24.5 approvals a day (24.5 instead of 0), by 49 requests recorded in 2 days',
    });
    expect(forecastOf(many(49, 'needs_approval', 'deny'), 60)?.sentence).toBe(
      'this change saves 24.5 approvals a day (0 instead of 24.5), by 49 of 60 requests recorded in 2 days',
    );
    expect(forecastOf(many(49, 'needs_approval', 'needs_approval'))?.sentence).toBe(
      'this change adds no approvals (24.5 a day as before), by 49 requests recorded in 2 days',
    );
  });

  it('makes no day of a minute', () => {
    expect(forecastOf(many(3, 'allow', 'needs_approval', 30_000))).toMatchObject({
      added_per_day: 3,
      days: 1,
      sentence:
        'this change adds 3 approvals a day (3 instead of 0), by 3 requests recorded in 1 minute, taken for a day',
    });
  });

  it('counts a request that is made again and again as one approval a day', () => {
    const again = many(5, 'allow', 'needs_approval').map((one) => ({ ...one, request: 'the same' }));
    expect(forecastOf(again)?.added_per_day).toBe(1);
    const nextDay = { ...asks(0, 'allow', 'needs_approval'), atMs: start + dayMs, request: 'the same' };
    expect(forecastOf([...again, nextDay])?.added_per_day).toBe(2);
    const long = 'x'.repeat(5_000);
    const [one, two] = [`${long}1`, `${long}2`].map((request) => ({ ...asks(0, 'allow', 'needs_approval'), request }));
    expect(forecastOf([one!, two!, one!])?.added_per_day).toBe(2);
  });

  it('does not depend on the order of the requests', () => {
    const effect = fc.constantFrom<Effect>('allow', 'deny', 'needs_approval');
    const seen = fc.record({
      atMs: fc.integer({ min: start, max: start + 5 * dayMs }),
      request: fc.constantFrom('a', 'b', 'c'),
      before: effect,
      after: effect,
    });
    fc.assert(
      fc.property(fc.array(seen), (all) => {
        expect(forecastOf([...all].reverse())).toEqual(forecastOf(all));
        const forecast = forecastOf(all);
        if (forecast === null) return;
        const { before_per_day: before, after_per_day: after, added_per_day: added, days } = forecast;
        expect(added).toBeCloseTo(after - before, 9);
        // Three kinds of request, on each of six days.
        for (const rate of [before, after]) expect(rate * days).toBeLessThanOrEqual(18 + 1e-9);
      }),
    );
  });
});
