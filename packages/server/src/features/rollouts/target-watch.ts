import { rateGate } from '@policy-studio/engine';
import type { Pool } from 'pg';
import { withTransaction } from '../../database/connection.js';
import { incidentOfKey } from '../incidents/queries.js';
import { openIncident } from '../incidents/transaction.js';
import { lastHour } from './incident-rollback.js';
import { type RolloutRow, rolloutColumns } from './queries.js';

const watchedMs = 3_600_000;

/**
 * Looks at what rollbacks of the last hour went back to. Where that fails as well, people are paged and nothing moves:
 * going back and forth would mend nothing.
 */
export async function watchTargets(pool: Pool, workspaceId: number, now: Date): Promise<void> {
  const { rows } = await pool.query<RolloutRow>(
    `select ${rolloutColumns} from rollout
      where workspace_id = $1 and phase = 'rolled_back' and ended_at > $2 and previous_bundle_id is not null
      order by id desc limit 1`,
    [workspaceId, new Date(now.getTime() - watchedMs)],
  );
  const [row] = rows;
  if (!row?.ended_at || row.previous_bundle_id === null) return;
  // Whole minutes: of the one in which it was rolled back nothing counts.
  const since = new Date(Math.ceil(row.ended_at.getTime() / 60_000) * 60_000);
  const { decisions, failed } = await lastHour(pool, workspaceId, row.previous_bundle_id, now, since);
  const { gates, critical } = row.plan;
  const measure = rateGate({
    name: 'error rate',
    gate: gates.max_error_rate,
    critical: critical.max_error_rate,
    minSample: gates.min_sample_size,
  });
  const { verdict, sentence, rate } = measure([{ bad: failed, good: decisions - failed }]);
  if (verdict !== 'critical') return;
  const key = `rollout/${row.id}/target`;
  if (await incidentOfKey(pool, workspaceId, 'system', key)) return;
  await withTransaction(pool, (tx) =>
    openIncident(tx, {
      workspaceId,
      kind: 'rollback_target_unhealthy',
      key,
      severity: 'critical',
      summary: `bundle ${row.previous_version ?? row.previous_bundle_id}, which was gone back to, fails as well: ${sentence}`,
      details: {
        rollout_id: row.id,
        metric: { name: 'error_rate', before: null, after: rate, limit: critical.max_error_rate, sample: decisions },
        bundles: { from: row.bundle_id, to: row.previous_bundle_id },
      },
      at: now,
      actor: 'controller',
    }),
  );
}
