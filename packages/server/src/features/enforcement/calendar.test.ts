import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calendarIn, dayBoundsIn } from './calendar.js';

const hourMs = 3_600_000;

describe('the bounds of a day', () => {
  it.each([
    ['UTC', '2026-03-04T22:30:00Z', '2026-03-04T00:00:00Z', 24],
    ['Asia/Kathmandu', '2026-03-04T18:14:59Z', '2026-03-03T18:15:00Z', 24],
    // Clocks go forward, and back.
    ['Europe/Berlin', '2026-03-29T12:00:00Z', '2026-03-28T23:00:00Z', 23],
    ['Europe/Berlin', '2026-10-25T12:00:00Z', '2026-10-24T22:00:00Z', 25],
    ['Australia/Lord_Howe', '2026-04-05T03:00:00Z', '2026-04-04T13:00:00Z', 24.5],
    // Midnight does not exist: the day begins at one.
    ['Africa/Cairo', '2026-04-24T12:00:00Z', '2026-04-23T22:00:00Z', 23],
    ['Pacific/Kiritimati', '2026-01-01T09:59:59Z', '2025-12-31T10:00:00Z', 24],
  ])('in %s at %s', (zone, at, begins, hours) => {
    const { beginsMs, endsMs } = dayBoundsIn(calendarIn(zone))(Date.parse(at));
    expect(new Date(beginsMs).toISOString()).toBe(begins.replace('Z', '.000Z'));
    expect((endsMs - beginsMs) / hourMs).toBe(hours);
  });

  it('hold their time, are of one day, and meet those of the next, whatever was asked before', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Africa/Cairo', 'Australia/Lord_Howe', 'Asia/Kathmandu'];
    const kept = new Map(zones.map((zone) => [zone, dayBoundsIn(calendarIn(zone))]));
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: Date.parse('2024-01-01'), max: Date.parse('2030-01-01') }),
        (zone, at) => {
          const day = calendarIn(zone);
          const bounds = kept.get(zone)?.(at) ?? { beginsMs: 0, endsMs: 0 };
          const { beginsMs, endsMs } = bounds;
          expect(bounds).toEqual(dayBoundsIn(calendarIn(zone))(at));
          expect(beginsMs <= at && at < endsMs).toBe(true);
          expect([day(beginsMs), day(endsMs - 1)]).toEqual([day(at), day(at)]);
          expect(day(beginsMs - 1) < day(at) && day(at) < day(endsMs)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});
