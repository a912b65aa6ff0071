import type { Position } from '@policy-studio/engine';

export const itemKinds = ['agent', 'action', 'list', 'setting', 'bundle'] as const;
export type ItemKind = (typeof itemKinds)[number];

/**
 * How a thing of the folder stands to the server: `same`; `create` and `update`: the folder is ahead; `conflict`: the
 * server holds what the folder never did; `gone`: the folder holds it no more, the server does; `delete`: so it will not.
 */
export type ItemState = 'same' | 'create' | 'update' | 'delete' | 'gone' | 'conflict';

/** One thing that folder and server may both hold. */
export interface SyncItem {
  readonly kind: ItemKind;
  readonly name: string;
  readonly state: ItemState;
  /** Its file, by its name in the folder; of what is gone the one it was in. */
  readonly file: string;
  readonly place: Position | null;
  /** What is different, or what to do about a conflict; empty where nothing is. */
  readonly message: string;
}

/** How people name a thing, such as in `--overwrite list:vip_senders`. */
export function itemKey({ kind, name }: Pick<SyncItem, 'kind' | 'name'>): string {
  return `${kind}:${name}`;
}
