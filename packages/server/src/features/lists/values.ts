import { limits } from '@policy-studio/engine';

export { canonicalValues, listDigest } from '@policy-studio/engine';

export type Scalar = string | number | boolean;

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
