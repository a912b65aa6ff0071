import { canonicalJson, limits, type Normalize, sha256Hex } from '@policy-studio/engine';

export type Scalar = string | number | boolean;

const typeOrder = { boolean: 0, number: 1, string: 2 } as const;

/**
 * The values of a list as they are kept: each once (`-0` is `0`), booleans first, then numbers ascending, then strings in
 * UTF-16 order. The order a list is written in means nothing, so two lists with the same values are the same list.
 */
export function canonicalValues(values: readonly Scalar[]): Scalar[] {
  const distinct = [...new Set(values.map((value) => (value === 0 ? 0 : value)))];
  return distinct.sort((a, b) => {
    if (typeof a !== typeof b) return order(a) - order(b);
    return a < b ? -1 : 1;
  });
}
function order(value: Scalar): number {
  return typeOrder[typeof value as keyof typeof typeOrder];
}

/** SHA-256 of the RFC 8785 form of `{normalize, values}`, values canonical. */
export function listDigest(values: readonly Scalar[], normalize: Normalize | null): string {
  return sha256Hex(canonicalJson({ normalize, values }));
}

/** The first value that cannot be kept, and why. */
export function valueFault(values: readonly Scalar[]): { index: number; message: string } | null {
  for (const [index, value] of values.entries()) {
    if (typeof value !== 'string') continue;
    if (value.includes('\u0000')) return { index, message: 'holds the character U+0000' };
    if (Buffer.byteLength(value) > limits.stringBytes) {
      return { index, message: `is longer than ${limits.stringBytes} bytes` };
    }
  }
  return null;
}

const shown = { values: 100, bytes: 8192 } as const;

/** What stands in `after` and not in `before`, and the other way round: counts, and the first of each to look at. */
export function valuesChanged(before: readonly Scalar[], after: readonly Scalar[]) {
  const earlier = new Set(before);
  const later = new Set(after);
  const added = after.filter((value) => !earlier.has(value));
  const removed = before.filter((value) => !later.has(value));
  return {
    added_count: added.length,
    removed_count: removed.length,
    added: sample(added),
    removed: sample(removed),
  };
}

/** At most 100 values and 8 KiB, so that a page of approvals stays small. */
function sample(values: readonly Scalar[]): Scalar[] {
  let bytes = 0;
  const end = values.slice(0, shown.values).findIndex((value) => {
    bytes += Buffer.byteLength(String(value));
    return bytes > shown.bytes;
  });
  return values.slice(0, end === -1 ? shown.values : end);
}
