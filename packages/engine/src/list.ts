import type { Scalar } from './condition.js';
import { hostName, hostOf } from './host.js';

export type Normalize = 'lower' | 'email' | 'host';

/** A named list of the workspace; `normalize` is applied to its strings and to the strings compared with them. */
export interface NamedList {
  values: readonly Scalar[];
  normalize?: Normalize;
}

export type Lists = Readonly<Record<string, NamedList>>;

export const listName = /^[a-z0-9][a-z0-9_-]{0,63}$/;

const normalizers: Readonly<Record<Normalize, (text: string) => string>> = {
  lower: (text) => text.toLowerCase(),
  email: (text) => text.trim().toLowerCase(),
  host: (text) => hostOf(text) ?? hostName(text) ?? text,
};

/** The text as a list with this declaration sees it. */
export function normalized(text: string, normalize: Normalize | undefined): string {
  return normalize === undefined ? text : normalizers[normalize](text);
}

/** The values of a list ready for look-up. */
export function listMembers(list: NamedList): ReadonlySet<unknown> {
  return new Set(list.values.map((value) => (typeof value === 'string' ? normalized(value, list.normalize) : value)));
}
