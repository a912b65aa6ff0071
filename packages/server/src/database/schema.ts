import type { ColumnType, Generated } from 'kysely';

/** A `timestamptz` that the database sets when it is left out. */
export type GeneratedTime = ColumnType<Date, Date | string | undefined, Date | string>;

export interface WorkspaceTable {
  id: Generated<number>;
  name: string;
  created_at: GeneratedTime;
  archived_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
}

/**
 * Tables by name. A slice adds its own where its migration's columns are used:
 *
 * ```ts
 * declare module '../../database/schema.js' {
 *   interface Schema { bundle: BundleTable }
 * }
 * ```
 */
export interface Schema {
  workspace: WorkspaceTable;
}
