import { canonicalJson, sameJson } from '../canonical.js';
import { characterCount } from '../character-count.js';
import { quoted } from '../diagnostic.js';
import { broken, type Check, type Place, plural, sizeOf, spend } from './checking.js';
import { isMultipleOf } from './multiple-of.js';
import type { NumberKeywords, SchemaNode, SchemaPattern, TextKeywords } from './schema.js';

export function isListed(
  check: Check,
  lists: NonNullable<SchemaNode['values']>,
  value: unknown,
  place: Place | null,
): boolean {
  return lists.every((list) => {
    spend(check, 1 + (list.length >> 4));
    if (typeof value !== 'object' || value === null) {
      if (list.includes(value)) return true;
    } else {
      spend(check, list.length + (sizeOf(check, value) ?? 0));
      if (list.some((member) => sameJson(member, value))) return true;
    }
    if (check.found === null) return false;
    const shown = list.slice(0, 8).map((member) => quoted(canonicalJson(member)));
    const more = list.length > shown.length ? ` and ${list.length - shown.length} more` : '';
    return broken(
      check,
      place,
      shown.length === 1 ? `must be ${shown[0]}` : `must be one of ${shown.join(', ')}${more}`,
    );
  });
}

export function numberFits(check: Check, keywords: NumberKeywords, value: number, place: Place | null): boolean {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = keywords;
  let valid = true;
  const need = (fits: boolean, message: string) => {
    if (!fits) valid = broken(check, place, message);
  };
  if (minimum !== undefined) need(value >= minimum, `must be at least ${minimum}`);
  if (maximum !== undefined) need(value <= maximum, `must be at most ${maximum}`);
  if (exclusiveMinimum !== undefined) need(value > exclusiveMinimum, `must be more than ${exclusiveMinimum}`);
  if (exclusiveMaximum !== undefined) need(value < exclusiveMaximum, `must be less than ${exclusiveMaximum}`);
  if (multipleOf !== undefined) {
    spend(check, 8);
    need(isMultipleOf(value, multipleOf), `must be a multiple of ${multipleOf}`);
  }
  return valid;
}

export function textFits(check: Check, keywords: TextKeywords, value: string, place: Place | null): boolean {
  const { minLength, maxLength, pattern } = keywords;
  let valid = true;
  if (minLength !== undefined || maxLength !== undefined) {
    spend(check, value.length >> 4);
    const length = characterCount(value);
    if (minLength !== undefined && length < minLength) {
      valid = broken(check, place, `must have at least ${plural(minLength, 'character')}`);
    }
    if (maxLength !== undefined && length > maxLength) {
      valid = broken(check, place, `must have at most ${plural(maxLength, 'character')}`);
    }
  }
  if (pattern !== undefined && !matches(check, pattern, value)) {
    valid = broken(check, place, `must match ${quoted(pattern.source)}`);
  }
  return valid;
}

/** A character of a small pattern costs little, one of the largest as much as five schemas. */
export function matches(check: Check, { matcher, size }: SchemaPattern, text: string): boolean {
  spend(check, 1 + Math.ceil((text.length * (size + 64)) / 1024));
  return matcher.test(text);
}

export function allDiffer(check: Check, elements: readonly unknown[]): boolean {
  const seen = new Set<string>();
  for (const element of elements) {
    const size = sizeOf(check, element);
    if (size === null) return false;
    spend(check, size);
    const text = canonicalJson(element);
    spend(check, text.length >> 4);
    if (seen.has(text)) return false;
    seen.add(text);
  }
  return true;
}
