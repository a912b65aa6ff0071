import type { Freeze, FreezeRule, FreezeWindow } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import { type BundlePinRow, bundlePinAt } from '../emergency/queries.js';
import { frozenUntil, isFrozen, type Span, spanAfter, spanAt } from './window.js';

export { type FreezeWindowRule, isFrozen } from './window.js';

export interface FreezeWindowRow {
  readonly id: number;
  readonly name: string;
  readonly reason: string;
  readonly rule: FreezeRule;
  readonly timeZone: string;
  readonly enabled: boolean;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedBy: string;
  readonly updatedAt: Date;
}

const columns = `id, name, reason, rule, time_zone as "timeZone", enabled, created_by as "createdBy",
  created_at as "createdAt", updated_by as "updatedBy", updated_at as "updatedAt"`;

/** The freeze windows of a workspace, by id. */
export async function freezeWindows(db: Pool | PoolClient, workspaceId: number): Promise<FreezeWindowRow[]> {
  const { rows } = await db.query<FreezeWindowRow>(
    `select ${columns} from freeze_window where workspace_id = $1 order by id`,
    [workspaceId],
  );
  return rows;
}

export async function freezeWindowById(
  db: Pool | PoolClient,
  workspaceId: number,
  id: number,
): Promise<FreezeWindowRow | null> {
  const { rows } = await db.query<FreezeWindowRow>(
    `select ${columns} from freeze_window where workspace_id = $1 and id = $2`,
    [workspaceId, id],
  );
  return rows[0] ?? null;
}

/**
 * The freeze that is on in the workspace at `now`: the windows that are on, the bundle that is pinned, and when the last
 * of them ends; null: none is. Inside a transaction pass its client.
 */
export async function freezeAt(db: Pool | PoolClient, workspaceId: number, now: Date): Promise<Freeze | null> {
  return freezeOf(await freezeWindows(db, workspaceId), await bundlePinAt(db, workspaceId, now), now);
}

/** The same of windows, and of the pin of that time, that are read already. */
export function freezeOf(rows: readonly FreezeWindowRow[], pin: BundlePinRow | null, now: Date): Freeze | null {
  const enabled = rows.filter((row) => row.enabled);
  const windowsEnd = frozenUntil(enabled, now);
  if (windowsEnd === null && pin === null) return null;
  const on = enabled.filter((row) => isFrozen([row], now));
  const ends = [windowsEnd, pin?.until ?? null].flatMap((end) => (end === null ? [] : [end.getTime()]));
  return {
    until: pin !== null && pin.until === null ? null : new Date(Math.max(...ends)).toISOString(),
    windows: on.map(({ id, name, reason }) => ({ id, name, reason })),
    bundle_pin: pin && {
      bundle_id: pin.bundle.id,
      version: pin.bundle.version,
      reason: pin.reason,
      until: pin.until?.toISOString() ?? null,
    },
  };
}

/** What is on and until when: "freeze window `weekend` is on until 2026-11-23T08:00:00.000Z". */
export function freezeSentence({ windows, bundle_pin: pin, until }: Freeze): string {
  const names = windows.map(({ name }) => `\`${name}\``).join(', ');
  const parts = [
    ...(windows.length === 0 ? [] : [`freeze window${windows.length === 1 ? '' : 's'} ${names}`]),
    ...(pin === null ? [] : [`the pin to bundle ${pin.version} (id ${pin.bundle_id})`]),
  ];
  const end = until === null ? 'until somebody ends the pin' : `until ${until}`;
  return `${parts.join(' and ')} ${windows.length + (pin === null ? 0 : 1) === 1 ? 'is' : 'are'} on ${end}`;
}

/** The window as clients see it. */
export function freezeWindowDocument(row: FreezeWindowRow, now: Date): FreezeWindow {
  return {
    id: row.id,
    name: row.name,
    reason: row.reason,
    rule: row.rule,
    time_zone: row.timeZone,
    enabled: row.enabled,
    current: spanDocument(spanAt(row, now)),
    next: spanDocument(spanAfter(row, now)),
    created_by: row.createdBy,
    created_at: row.createdAt.toISOString(),
    updated_by: row.updatedBy,
    updated_at: row.updatedAt.toISOString(),
  };
}

function spanDocument(span: Span | null): FreezeWindow['next'] {
  return span && { from: new Date(span.fromMs).toISOString(), to: new Date(span.toMs).toISOString() };
}
