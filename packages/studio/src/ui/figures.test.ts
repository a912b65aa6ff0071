import { describe, expect, it } from 'vitest';
import { countText, durationText, moneyText, numberText, percentText, relativeText, utcText } from './figures.js';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

describe('figures', () => {
  it.each([
    [0, '0 s'],
    [0.9, '0 s'],
    [48, '48 s'],
    [60, '1 min'],
    [108, '1 min 48 s'],
    [27_600, '7 h 40 min'],
    [3_605, '1 h'],
    [187_200, '2 d 4 h'],
    [86_400 + 59, '1 d'],
    [-5, '0 s'],
  ])('a span of %d s reads %s', (seconds, text) => {
    expect(plain(durationText(seconds))).toBe(text);
  });

  it.each([
    [0.304, '30.4 %'],
    [0.1, '10 %'],
    [1, '100 %'],
    [0, '0 %'],
    [0.0189, '1.9 %'],
  ])('a share of %d reads %s', (share, text) => {
    expect(plain(percentText(share))).toBe(text);
  });

  it.each([
    [168.2, '$168.20'],
    [0.0138, '$0.0138'],
    [0, '$0.00'],
    [1234.5, '$1,234.50'],
  ])('%d dollars read %s', (usd, text) => {
    expect(moneyText(usd)).toBe(text);
  });

  it('counts in words', () => {
    expect([countText(1, 'rule'), countText(17_862, 'rule'), countText(0, 'entry', 'entries')]).toEqual([
      '1 rule',
      '17,862 rules',
      '0 entries',
    ]);
    expect(numberText(12.345)).toBe('12.35');
  });

  it('says how long ago and how soon', () => {
    const now = new Date('2026-11-23T12:00:00Z');
    const at = (seconds: number): string => plain(relativeText(new Date(now.getTime() + seconds * 1000), now));
    expect([at(0), at(-4), at(-12), at(-3_700), at(180), at(90_000)]).toEqual([
      'just now',
      'just now',
      '12 s ago',
      '1 h ago',
      'in 3 min',
      'in 1 d',
    ]);
  });

  it('gives the exact moment in UTC', () => {
    expect(utcText(new Date('2026-11-23T17:06:09.123Z'))).toBe('2026-11-23 17:06:09 UTC');
  });
});
