import type { SystemStatus } from '@policy-studio/contract';
import type { Pool } from 'pg';
import type { Caller } from '../../caller.js';
import { within } from '../../deadline.js';
import type { Services } from '../../services.js';

/** Whether the database answers a trivial question within `withinMs`. Never throws. */
function databaseAnswers(pool: Pool, withinMs: number): Promise<boolean> {
  const answer = pool.query('select 1').then(
    () => true,
    () => false,
  );
  return within(answer, withinMs, false);
}

/**
 * What this server enforces in a workspace and how it is. With the database away it tells what was last in force; throws
 * when nothing ever was.
 */
export async function systemStatus(
  { db, clock, config, enforcement, recorder }: Services,
  workspace: Pick<Caller, 'workspaceId' | 'workspace'>,
): Promise<SystemStatus> {
  const { workspaceId } = workspace;
  const [inForce, answers] = await Promise.all([
    enforcement.inForce(workspaceId),
    recorder.databaseAway ? false : databaseAnswers(db.pool, 1_000),
  ]);
  const { waiting, spooled } = recorder.counts;
  return {
    version: config.version,
    workspace: workspace.workspace,
    database: answers ? 'ok' : 'away',
    generation: inForce.generation,
    bundle: inForce.bundle,
    default_effect: inForce.defaultEffect,
    decision_log: config.decisionLog,
    waiting_records: waiting,
    spooled_records: spooled,
    stale_seconds: Math.floor(enforcement.staleMs(workspaceId, clock.now().getTime()) / 1000),
  };
}
