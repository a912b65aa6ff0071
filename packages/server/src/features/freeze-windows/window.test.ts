import type { FreezeRule } from '@policy-studio/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frozenUntil, isFrozen, spanAfter, spanAt } from './window.js';

const frozen = (rule: FreezeRule, timeZone: string, at: string): boolean =>
  isFrozen([{ rule, timeZone }], new Date(at));

const nights: FreezeRule = { type: 'daily', days: ['friday'], from: '22:00', to: '06:00' };
const weekend: FreezeRule = {
  type: 'weekly',
  from: { day: 'friday', time: '16:00' },
  to: { day: 'monday', time: '08:00' },
};
const christmas: FreezeRule = { type: 'yearly', from: '12-20', to: '01-02' };
const launch: FreezeRule = { type: 'dates', from: '2026-06-01T09:00', to: '2026-06-02T09:00' };
const whole: FreezeRule = { type: 'daily', days: ['monday'], from: '00:00', to: '00:00' };
const fullWeek: FreezeRule = {
  type: 'weekly',
  from: { day: 'monday', time: '08:00' },
  to: { day: 'monday', time: '08:00' },
};

describe('a freeze window', () => {
  // 2026-11-20 is a Friday.
  it.each<[string, FreezeRule, string, string, boolean]>([
    ['a night, before it', nights, 'UTC', '2026-11-20T21:59:59.999Z', false],
    ['a night, from its first millisecond', nights, 'UTC', '2026-11-20T22:00:00.000Z', true],
    ['a night, after midnight', nights, 'UTC', '2026-11-21T05:59:59.999Z', true],
    ['a night, at its end', nights, 'UTC', '2026-11-21T06:00:00.000Z', false],
    ['a night of another day', nights, 'UTC', '2026-11-21T23:00:00.000Z', false],
    ['a night in Vienna begins an hour before that in UTC', nights, 'Europe/Vienna', '2026-11-20T21:00:00Z', true],
    ['a night in Tokyo', nights, 'Asia/Tokyo', '2026-11-20T13:00:00Z', true],
    ['a night in Tokyo is over', nights, 'Asia/Tokyo', '2026-11-20T21:00:00Z', false],
    ['a whole day', whole, 'UTC', '2026-11-23T23:59:59.999Z', true],
    ['not the day after', whole, 'UTC', '2026-11-24T00:00:00.000Z', false],
    ['a weekend, on Friday afternoon', weekend, 'UTC', '2026-11-20T16:00:00Z', true],
    ['a weekend, on Sunday', weekend, 'UTC', '2026-11-22T12:00:00Z', true],
    ['a weekend, on Monday at eight', weekend, 'UTC', '2026-11-23T08:00:00Z', false],
    ['a weekend, on Wednesday', weekend, 'UTC', '2026-11-25T12:00:00Z', false],
    ['a week without a gap', fullWeek, 'UTC', '2026-11-23T07:59:59Z', true],
    ['Christmas', christmas, 'UTC', '2026-12-20T00:00:00Z', true],
    ['the turn of the year', christmas, 'UTC', '2027-01-02T23:59:59.999Z', true],
    ['the end of the holidays', christmas, 'UTC', '2027-01-03T00:00:00Z', false],
    ['the day before Christmas is on in New Zealand', christmas, 'Pacific/Auckland', '2026-12-19T11:00:00Z', true],
    ['a launch', launch, 'UTC', '2026-06-02T08:59:59Z', true],
    ['the year after a launch', launch, 'UTC', '2027-06-01T12:00:00Z', false],
  ])('covers or leaves out %s', (_what, rule, zone, at, expected) => {
    expect(frozen(rule, zone, at)).toBe(expected);
  });

  it('keeps local time when clocks change', () => {
    const rule: FreezeRule = { type: 'daily', days: ['sunday'], from: '02:30', to: '03:30' };
    const span = (at: string) => {
      const found = spanAfter({ rule, timeZone: 'Europe/Vienna' }, new Date(at));
      return found && [new Date(found.fromMs).toISOString(), new Date(found.toMs).toISOString()];
    };
    // Forward on 2026-03-29: 02:30 is skipped, and the clocks show 03:30 then.
    expect(span('2026-03-28T12:00:00Z')).toEqual(['2026-04-05T00:30:00.000Z', '2026-04-05T01:30:00.000Z']);
    // Back on 2026-10-25: 02:30 comes twice, and both belong to it.
    expect(span('2026-10-24T12:00:00Z')).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-25T02:30:00.000Z']);
  });

  it('holds a 29th of February in every year', () => {
    const leap: FreezeRule = { type: 'yearly', from: '02-29', to: '02-29' };
    expect(frozen(leap, 'UTC', '2028-02-29T12:00:00Z')).toBe(true);
    expect(frozen(leap, 'UTC', '2027-02-28T12:00:00Z')).toBe(true);
    expect(frozen(leap, 'UTC', '2027-03-01T00:00:00Z')).toBe(false);
  });

  it('is followed until nothing is frozen', () => {
    const windows = [
      { rule: weekend, timeZone: 'UTC' },
      { rule: whole, timeZone: 'UTC' },
    ];
    expect(frozenUntil(windows, new Date('2026-11-21T00:00:00Z'))?.toISOString()).toBe('2026-11-24T00:00:00.000Z');
    expect(frozenUntil(windows, new Date('2026-11-25T00:00:00Z'))).toBeNull();
    expect(frozenUntil([], new Date())).toBeNull();
  });

  const time = fc
    .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
    .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`);
  const day = fc.constantFrom(
    ...(['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const),
  );
  const rule: fc.Arbitrary<FreezeRule> = fc.oneof(
    fc.record({
      type: fc.constant('daily' as const),
      days: fc.uniqueArray(day, { minLength: 1 }),
      from: time,
      to: time,
    }),
    fc.record({
      type: fc.constant('weekly' as const),
      from: fc.record({ day, time }),
      to: fc.record({ day, time }),
    }),
  );
  const zone = fc.constantFrom('UTC', 'Europe/Vienna', 'America/St_Johns', 'Pacific/Chatham', 'Asia/Kolkata');

  it('is what the local clock says, hour by hour, where no clock is changed', () => {
    // A second, obvious way: read weekday and time off the local clock, and compare minutes of the week.
    const minutes = (name: string, at: string): number => {
      const names = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
      const [hours, rest] = at.split(':').map(Number) as [number, number];
      return names.indexOf(name) * 1440 + hours * 60 + rest;
    };
    const within = (at: number, from: number, length: number): boolean => (at - from + 10_080) % 10_080 < length;
    const plainly = (given: FreezeRule, timeZone: string, now: Date): boolean => {
      const part = Object.fromEntries(
        new Intl.DateTimeFormat('en-US', {
          timeZone,
          weekday: 'long',
          hour: '2-digit',
          minute: '2-digit',
          hour12: false,
        })
          .formatToParts(now)
          .map(({ type, value }) => [type, value]),
      );
      const hour = part.hour === '24' ? '00' : part.hour;
      const at = minutes(part.weekday?.toLowerCase() ?? '', `${hour}:${part.minute}`);
      if (given.type === 'daily') {
        const length = (minutes('sunday', given.to) - minutes('sunday', given.from) + 1440) % 1440 || 1440;
        return given.days.some((name) => within(at, minutes(name, given.from), length));
      }
      if (given.type !== 'weekly') throw new Error('not generated here');
      const from = minutes(given.from.day, given.from.time);
      const length = (minutes(given.to.day, given.to.time) - from + 10_080) % 10_080 || 10_080;
      return within(at, from, length);
    };
    // From mid-January to mid-February no zone above changes its clocks.
    const start = Date.parse('2026-01-12T00:00:00Z');
    fc.assert(
      fc.property(rule, zone, fc.integer({ min: 0, max: 30 * 24 * 60 }), (given, timeZone, minute) => {
        const now = new Date(start + minute * 60_000);
        expect(isFrozen([{ rule: given, timeZone }], now)).toBe(plainly(given, timeZone, now));
      }),
      { numRuns: 1000 },
    );
  });

  it('is on from the beginning of its next span to its end, clocks changed or not', () => {
    fc.assert(
      fc.property(rule, zone, fc.integer({ min: 0, max: 366 * 24 * 60 }), (given, timeZone, minute) => {
        const window = { rule: given, timeZone };
        const now = new Date(Date.parse('2026-01-01T00:00:00Z') + minute * 60_000);
        const next = spanAfter(window, now);
        if (next === null) throw new Error('what returns every week has a next time');
        expect(spanAt(window, new Date(next.fromMs))).not.toBeNull();
        expect(spanAt(window, new Date(next.toMs - 1))).not.toBeNull();
        const on = spanAt(window, now);
        if (on !== null) expect(frozenUntil([window], now)?.getTime()).toBeGreaterThanOrEqual(on.toMs);
        else if (next.fromMs - now.getTime() > 1) expect(isFrozen([window], new Date(next.fromMs - 1))).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
