import type { SystemStatus } from '@policy-studio/contract';
import type { Pool } from 'pg';
import type { Static } from 'typebox';
import type { Services } from '../../services.js';
import { settingsOf } from '../settings/queries.js';

/** Whether the database answers a trivial question within `withinMs`. Never throws. */
export async function databaseAnswers(pool: Pool, withinMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), withinMs);
  });
  const answer = pool.query('select 1').then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([answer, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** What is in force in a workspace as the database says it, and how this server is. */
export async function systemStatus(
  { db, config }: Services,
  workspaceId: number,
): Promise<Static<typeof SystemStatus>> {
  const { rows } = await db.pool.query<{
    workspace: string;
    generation: number;
    bundle: { id: number; version: string; digest: string } | null;
  }>(
    `select w.name as workspace, w.generation,
            (select json_build_object('id', b.id, 'version', b.version, 'digest', b.digest)
               from bundle b where b.workspace_id = w.id and b.status = 'active') as bundle
       from workspace w where w.id = $1`,
    [workspaceId],
  );
  const row = rows[0];
  if (!row) throw new Error(`workspace ${workspaceId} does not exist`);
  const settings = await settingsOf(db.pool, config, workspaceId);
  return {
    version: config.version,
    ...row,
    database: 'ok',
    default_effect: settings.default_effect,
    decision_log: config.decisionLog,
    waiting_records: 0,
    spooled_records: 0,
    stale_seconds: 0,
  };
}
