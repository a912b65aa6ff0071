import { describe, expect, it } from 'vitest';
import { clockFacts, clockIn, facts, isFact, isTimeZone, withoutFacts } from './facts.js';

describe('the facts of the clock', () => {
  const cases: [utc: string, zone: string, hour: number, day: string, weekend: boolean][] = [
    ['2026-07-04T23:30:00.000Z', 'UTC', 23, 'saturday', true],
    ['2026-07-04T23:30:00.000Z', 'Europe/Berlin', 1, 'sunday', true],
    ['2026-07-05T23:30:00.000Z', 'Europe/Berlin', 1, 'monday', false],
    ['2026-07-04T23:30:00.000Z', 'America/New_York', 19, 'saturday', true],
    ['2026-07-03T23:59:59.999Z', 'UTC', 23, 'friday', false],
    ['2026-07-04T00:00:00.000Z', 'UTC', 0, 'saturday', true],
    ['2026-07-04T18:29:59.999Z', 'Asia/Kolkata', 23, 'saturday', true],
    ['2026-07-04T18:30:00.000Z', 'Asia/Kolkata', 0, 'sunday', true],
    ['2026-07-04T18:14:59.999Z', 'Asia/Kathmandu', 23, 'saturday', true],
    ['2026-07-04T18:15:00.000Z', 'Asia/Kathmandu', 0, 'sunday', true],
    ['2026-07-04T11:00:00.000Z', 'Pacific/Kiritimati', 1, 'sunday', true],
    ['2026-07-04T11:00:00.000Z', 'Pacific/Pago_Pago', 0, 'saturday', true],
    // Berlin goes from 02:00 to 03:00 and, in autumn, from 03:00 back to 02:00.
    ['2026-03-29T00:59:59.999Z', 'Europe/Berlin', 1, 'sunday', true],
    ['2026-03-29T01:00:00.000Z', 'Europe/Berlin', 3, 'sunday', true],
    ['2026-10-25T00:59:59.999Z', 'Europe/Berlin', 2, 'sunday', true],
    ['2026-10-25T01:00:00.000Z', 'Europe/Berlin', 2, 'sunday', true],
    ['2026-10-25T02:00:00.000Z', 'Europe/Berlin', 3, 'sunday', true],
    ['2026-03-08T06:59:59.999Z', 'America/New_York', 1, 'sunday', true],
    ['2026-03-08T07:00:00.000Z', 'America/New_York', 3, 'sunday', true],
    // Lord Howe moves by half an hour.
    ['2026-04-04T14:59:59.999Z', 'Australia/Lord_Howe', 1, 'sunday', true],
    ['2026-04-04T15:00:00.000Z', 'Australia/Lord_Howe', 1, 'sunday', true],
    ['2026-04-04T15:30:00.000Z', 'Australia/Lord_Howe', 2, 'sunday', true],
    ['2024-02-29T12:00:00.000Z', 'UTC', 12, 'thursday', false],
  ];
  it.each(cases)('at %s in %s', (utc, zone, current_hour, day_of_week, is_weekend) => {
    expect(clockFacts(Date.parse(utc), zone)).toEqual({ now: utc, current_hour, day_of_week, is_weekend });
  });

  it.each(['Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu'])(
    'are the same from a kept clock in %s, back and forth',
    (zone) => {
      const clock = clockIn(zone);
      const start = Date.parse('2026-10-24T20:00:00.000Z');
      for (let minutes = 0; minutes < 48 * 60; minutes += 7) {
        const at = start + (minutes % 2 === 0 ? minutes : -minutes) * 60_000;
        expect(clock(at)).toEqual(clockFacts(at, zone));
      }
    },
  );

  it('need a zone that exists', () => {
    expect(() => clockFacts(0, 'Europe/Nowhere')).toThrow(RangeError);
  });
});

describe('time zones', () => {
  it.each([
    ['UTC', true],
    ['Europe/Berlin', true],
    ['America/Argentina/Buenos_Aires', true],
    ['Etc/GMT+1', true],
    ['Europe/Nowhere', false],
    ['+01:00', false],
    ['', false],
    ['local time', false],
    ['__proto__', false],
  ])('%j: %s', (name, expected) => {
    expect(isTimeZone(name)).toBe(expected);
  });
});

describe('facts', () => {
  it('are those of the language page', () => {
    expect(facts.map(({ name }) => name)).toEqual([
      'now',
      'current_hour',
      'day_of_week',
      'is_weekend',
      'error_rate_5min',
      'circuit_open',
      'daily_spend',
      'session_spend',
      'calls_last_hour',
      'budget_used_pct',
      'budget_exhausted',
    ]);
    expect(isFact('now')).toBe(true);
    expect(isFact('risk_score')).toBe(false);
    expect(isFact('constructor')).toBe(false);
  });

  it('are taken out of a context, and named', () => {
    const context = JSON.parse('{"now": "x", "a": 1, "__proto__": {"b": 2}, "daily_spend": null}');
    const cleaned = withoutFacts(context);
    expect(cleaned.discarded).toEqual(['now', 'daily_spend']);
    expect(JSON.stringify(cleaned.context)).toBe('{"a":1,"__proto__":{"b":2}}');
    expect(Object.keys(context)).toHaveLength(4);
  });

  it('leave a context without them as it is', () => {
    const context = { a: { now: 1 } };
    expect(withoutFacts(context).context).toBe(context);
  });
});
