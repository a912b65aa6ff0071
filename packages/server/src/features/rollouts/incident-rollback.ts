import { percent } from '@policy-studio/engine';
import type { Pool } from 'pg';
import { withTransaction } from '../../database/connection.js';
import { Refusal } from '../../refusal.js';
import type { Services } from '../../services.js';
import { lockEnforcement } from '../approvals/transaction.js';
import { type UnsettledIncident, unsettledIncidents } from '../incidents/queries.js';
import { settleRollback } from '../incidents/transaction.js';
import { type RolloutRow, rolloutColumns } from './queries.js';
import { logUntold, type Rollback, rollBack } from './rollback.js';
import { reportFailedRollback } from './rollback-failure.js';

const hourMs = 3_600_000;
/** Activated for less than so many hours: rolled back above this error rate. */
const matrix = [
  { belowHours: 2, errorRate: 0.05 },
  { belowHours: 12, errorRate: 0.1 },
  { belowHours: 24, errorRate: 0.15 },
] as const;
/** Fewer decisions in the last hour say nothing. */
const leastDecisions = 20;

interface Verdict {
  readonly rollBack: boolean;
  readonly reason: string;
}

/** Whether an incident rolls the newest activation back, by its age and by its decisions of the last hour; with the reason. */
export function incidentVerdict(
  ageMs: number,
  { decisions, failed }: { readonly decisions: number; readonly failed: number },
): Verdict {
  const row = matrix.find(({ belowHours }) => ageMs < belowHours * hourMs);
  if (!row) return { rollBack: false, reason: 'the newest activation is older than a day' };
  if (decisions < leastDecisions)
    return { rollBack: false, reason: `it decided only ${decisions} requests in the last hour` };
  const rate = failed / decisions;
  const measured = `its error rate is ${percent(rate)} in the last hour`;
  const within = `within ${row.belowHours} hours of the activation ${percent(row.errorRate)} are too many`;
  return rate > row.errorRate
    ? { rollBack: true, reason: `${measured}, and ${within}` }
    : { rollBack: false, reason: `${measured}, and only more than ${percent(row.errorRate)} would be too many by now` };
}

/**
 * Settles the incidents that came from outside: each rolls the newest activation back or does not, once. Returns how many
 * rollouts were rolled back.
 */
export async function rollBackForIncidents(
  { db, enforcement, log }: Pick<Services, 'db' | 'enforcement' | 'log'>,
  workspaceId: number,
  now: Date,
): Promise<number> {
  let done = 0;
  for (const incident of await unsettledIncidents(db.pool, workspaceId)) {
    const newest = await newestInForce(db.pool, workspaceId);
    const settlement = { workspaceId, incident, newest, now };
    const verdict = await verdictOn(db.pool, settlement);
    const undone = await settle(db.pool, settlement, verdict).catch(async (error: unknown) => {
      if (verdict.rollBack && newest) await reportFailedRollback(db.pool, newest, error, now);
      throw error;
    });
    if (!undone) continue;
    logUntold(log, workspaceId, undone);
    if (undone.generation !== null) await enforcement.reach(workspaceId, undone.generation);
    done += 1;
  }
  return done;
}

interface Settlement {
  readonly workspaceId: number;
  readonly incident: UnsettledIncident;
  readonly newest: RolloutRow | null;
  readonly now: Date;
}

/** The rollback that was made; null: none was. */
async function settle(
  pool: Pool,
  { workspaceId, incident, newest, now }: Settlement,
  { rollBack: acts, reason }: Verdict,
): Promise<Rollback | null> {
  const actor = 'controller';
  return withTransaction(pool, async (tx) => {
    await lockEnforcement(tx, workspaceId);
    // Bundles and rollouts before the incident, which locks the workspace.
    await tx.query(
      `select id from bundle where workspace_id = $1
          and (status in ('active', 'canary', 'shadow') or id = $2) order by id for update`,
      [workspaceId, newest?.previous_bundle_id ?? null],
    );
    await tx.query(
      `select id from rollout where workspace_id = $1 and (phase in ('shadow', 'canary', 'baking') or id = $2)
        order by id for update`,
      [workspaceId, newest?.id ?? null],
    );
    const version = newest?.version ?? '-';
    const text = acts ? `rolls bundle ${version} back: ${reason}` : `rolls nothing back: ${reason}`;
    const first = await settleRollback(tx, { workspaceId, id: incident.id, text, at: now, actor });
    if (!first || !acts || !newest) return null;
    const undone = await rollBack(tx, {
      workspaceId,
      bundleId: newest.bundle_id,
      actor,
      reason: `incident ${incident.id} (${incident.summary}): ${reason}`,
      createIncident: true,
      now,
    });
    return undone instanceof Refusal || !undone.changed ? null : undone;
  });
}

async function verdictOn(pool: Pool, { workspaceId, incident, newest, now }: Settlement): Promise<Verdict> {
  const no = (reason: string) => ({ rollBack: false, reason });
  if (!newest) return no('no activation is in force');
  if (newest.created_at > incident.beganAt) return no('the newest activation came after it');
  // Otherwise a monitor that comes and goes would take back one bundle after the other.
  if (incident.settledAt !== null && newest.created_at <= incident.settledAt)
    return no('the newest activation was there when this was decided before');
  if (!newest.target_usable) return no('there is no bundle to go back to');
  if (newest.plan.on_breach === 'hold') return no('the newest activation is to be held, not rolled back');
  const seen = await lastHour(pool, workspaceId, newest.bundle_id, now);
  return incidentVerdict(now.getTime() - newest.created_at.getTime(), seen);
}

/** The rollout that was begun last, of those whose bundle decides something. */
async function newestInForce(pool: Pool, workspaceId: number): Promise<RolloutRow | null> {
  const { rows } = await pool.query<RolloutRow>(
    `select ${rolloutColumns} from rollout
      where workspace_id = $1 and phase in ('canary', 'baking', 'completed')
        and exists (select from bundle b where b.id = rollout.bundle_id and b.status in ('canary', 'active'))
      order by id desc limit 1`,
    [workspaceId],
  );
  return rows[0] ?? null;
}

/** What a bundle decided in the last hour, to the minute, and what of it failed or ended in an error. */
export async function lastHour(
  pool: Pool,
  workspaceId: number,
  bundleId: number,
  now: Date,
  since: Date = new Date(now.getTime() - hourMs),
): Promise<{ readonly decisions: number; readonly failed: number }> {
  const { rows } = await pool.query<{ decisions: number; failed: number }>(
    `select coalesce(sum(decisions), 0) as decisions, coalesce(sum(failed), 0) as failed from (
       select decisions, failed from decision_rollup where workspace_id = $1 and bundle_id = $2 and minute >= $3
       union all
       select decisions, failed from decision_rollup_delta where workspace_id = $1 and bundle_id = $2 and minute >= $3) both_kinds`,
    [workspaceId, bundleId, since],
  );
  return { decisions: rows[0]?.decisions ?? 0, failed: rows[0]?.failed ?? 0 };
}
