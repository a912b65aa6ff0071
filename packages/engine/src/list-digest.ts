import { canonicalJson } from './canonical.js';
import type { Scalar } from './condition.js';
import { sha256Hex } from './digest.js';
import type { Normalize } from './list.js';

const typeOrder: Readonly<Record<string, number>> = { boolean: 0, number: 1, string: 2 };

/**
 * The values of a list as they are kept: each once (`-0` is `0`), booleans first, then numbers ascending, then strings in
 * UTF-16 order. The order a list is written in means nothing, so two lists with the same values are the same list.
 */
export function canonicalValues<V extends Exclude<Scalar, null>>(values: readonly V[]): V[] {
  const distinct = [...new Set(values.map((value) => (value === 0 ? (0 as V) : value)))];
  return distinct.sort((a, b) => {
    if (typeof a !== typeof b) return (typeOrder[typeof a] ?? 0) - (typeOrder[typeof b] ?? 0);
    return a < b ? -1 : 1;
  });
}

/** SHA-256 of the RFC 8785 form of `{normalize, values}`, 64 lower-case hex digits; values canonical. */
export function listDigest(values: readonly Scalar[], normalize: Normalize | null): string {
  return sha256Hex(canonicalJson({ normalize, values }));
}
