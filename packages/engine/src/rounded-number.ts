import type { Path } from './diagnostic.js';

/** A number of a document that is read as another one. */
export interface RoundedNumber {
  readonly path: Path;
  /** As it is written. */
  readonly text: string;
  /** As it is read. */
  readonly value: number;
}

/** So many of one document are told of. */
export const maxRounded = 20_000;

const candidates = /\d{16}|\d\.?[eE][-+]?\d|0x[\da-f]{14}|0o[0-7]{18}/i;

/** Whether a document may hold a rounded number at all: most hold none, and this look is cheap. */
export function mayRound(document: string): boolean {
  return candidates.test(document);
}

/**
 * What a number literal of JSON or YAML is read as, if its magnitude is 2^53 or more and that is not what is written, or
 * if only 0 is left of it; else null. Digits that decimal fractions lose do not count, nor does what is not finite.
 */
export function roundedTo(text: string): number | null {
  const unsigned = /^[-+]/.test(text) ? text.slice(1) : text;
  if (/^0[xo]/.test(unsigned)) {
    const whole = BigInt(unsigned);
    const value = Number(whole);
    return !Number.isFinite(value) || BigInt(value) === whole ? null : signed(value, text);
  }
  const written = significant(unsigned);
  const value = Number(unsigned);
  if (written === null || !Number.isFinite(value)) return null;
  if (value !== 0 && value < 2 ** 53) return null;
  const read = significant(String(value));
  return read?.digits === written.digits && read.exponent === written.exponent ? null : signed(value, text);
}

function signed(value: number, text: string): number {
  return text.startsWith('-') && value !== 0 ? -value : value;
}

/** A decimal as digits without zeros at either end, times a power of ten; zero has no digits. */
function significant(decimal: string): { digits: string; exponent: number } | null {
  const parts = /^(\d*)\.?(\d*)(?:[eE]([-+]?\d+))?$/.exec(decimal);
  if (parts === null) return null;
  const [, whole = '', fraction = '', exponent = '0'] = parts;
  const all = whole + fraction;
  let start = 0;
  while (all[start] === '0') start += 1;
  if (start === all.length) return { digits: '', exponent: 0 };
  let end = all.length;
  while (all[end - 1] === '0') end -= 1;
  return { digits: all.slice(start, end), exponent: Number(exponent) - fraction.length + (all.length - end) };
}
