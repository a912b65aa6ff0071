import { randomFillSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecisionIds, idBound, timeOfId } from './decision-id.js';

describe('decision ids', () => {
  it('are UUIDv7 of the time they are made at', () => {
    const id = createDecisionIds(randomFillSync)(Date.parse('2026-03-04T12:30:00.250Z'));
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(timeOfId(id)).toBe(Date.parse('2026-03-04T12:30:00.250Z'));
  });

  it('only ever grow, whatever the clock does, and stay near it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_020 }), { maxLength: 200 }),
        (times) => {
          const next = createDecisionIds(randomFillSync);
          const ids = times.map(next);
          for (let index = 1; index < ids.length; index += 1)
            expect((ids[index] as string) > (ids[index - 1] as string)).toBe(true);
          expect(Math.max(0, ...ids.map(timeOfId))).toBeLessThanOrEqual(1_700_000_000_021);
        },
      ),
    );
  });

  it('follow a clock that was far ahead back to the right time', () => {
    const next = createDecisionIds(randomFillSync);
    const hourMs = 3_600_000;
    next(1e12 + 5 * hourMs);
    expect(timeOfId(next(1e12 + 5 * hourMs - 9_999))).toBe(1e12 + 5 * hourMs);
    expect(timeOfId(next(1e12))).toBe(1e12);
  });

  it('do not collide when a hundred thousand fall into one millisecond, on two servers', () => {
    const [one, two] = [createDecisionIds(randomFillSync), createDecisionIds(randomFillSync)];
    const ids = Array.from({ length: 50_000 }, () => [one(1e12), two(1e12)]).flat();
    expect(new Set(ids).size).toBe(100_000);
  });

  it('lie on the right side of the bound of their time', () => {
    const next = createDecisionIds(randomFillSync);
    for (const ms of [0, 1, 1e12, 0xffffffffffff]) expect(next(ms) >= idBound(ms)).toBe(true);
    expect(createDecisionIds(randomFillSync)(1e12) < idBound(1e12 + 1)).toBe(true);
    expect(idBound(-5)).toBe(idBound(0));
  });
});
