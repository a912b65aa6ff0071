import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { count, json, noStyle, printable, share, styleFor, table } from './output.js';

describe('colour', () => {
  it('is used on a terminal, unless NO_COLOR or a dumb terminal forbids it', () => {
    expect(styleFor(true, {}).red('x')).toBe('\u001b[31mx\u001b[39m');
    expect(styleFor(true, { NO_COLOR: '' }).red('x')).not.toBe('x');
    for (const style of [styleFor(false, {}), styleFor(true, { NO_COLOR: '1' }), styleFor(true, { TERM: 'dumb' })]) {
      expect(style.red('x')).toBe('x');
    }
  });
});

describe('foreign text', () => {
  it('holds nothing that drives a terminal or reorders text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u2028\u2029]/u);
      }),
    );
  });

  it('is still the same JSON where it is escaped', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), (value) => {
        const text = json(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
      }),
    );
  });

  it('stays as it is otherwise', () => {
    expect(printable('Grüße, 世界 👋 "x"')).toBe('Grüße, 世界 👋 "x"');
    expect(printable('a\nb\tc\u001b[2J')).toBe('a\\nb\\tc\\u001b[2J');
  });
});

describe('a table', () => {
  it('has columns as wide as their widest cell, also with wide characters', () => {
    const columns = [{ title: 'name' }, { title: 'n', align: 'right' as const }, { title: 'note' }];
    const rows = [
      ['世界', '1', ''],
      ['a', '1,000', 'x'],
    ];
    expect(table(columns, rows, noStyle)).toBe('name      n  note\n世界      1\na     1,000  x\n');
  });

  it('is as wide in colour as without', () => {
    const [columns, rows] = [[{ title: 'a' }, { title: 'b' }], [['x', 'y']]];
    const coloured = table(columns, rows, styleFor(true, {}));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes of colours begin with one
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(table(columns, rows, noStyle));
  });
});

describe('figures', () => {
  it('are grouped by thousands, and shares of nothing are no number', () => {
    expect([0, 999, 1000, 89405, 1234567].map(count)).toEqual(['0', '999', '1,000', '89,405', '1,234,567']);
    expect([share(1, 3), share(0, 0)]).toEqual(['33.3 %', '-']);
  });
});
