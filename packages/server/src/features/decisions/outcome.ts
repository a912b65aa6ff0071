import type { DecisionRecord, OutcomeReport } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { bootstrapKeyId } from '../access/queries.js';
import { timeOfId } from './decision-id.js';
import { correctEvidence } from './evidence.js';
import { type DecisionRow, decisionColumns, recordOf } from './record.js';

/** How long after a decision its outcome is taken: a reservation that none has settled by then lapses as spent. */
const outcomeHours = 24;

/**
 * Records how an action went: once, by the key that asked, within 24 hours. The reported cost replaces what was reserved,
 * on the day of the decision; without one what was reserved is spent. A cost reported of a denied action is kept and not counted as spent: an agent that was refused
 * must not use up a budget by it.
 */
export async function reportOutcome(
  { db, clock, recorder }: Services,
  caller: Caller,
  decisionId: string,
  report: OutcomeReport,
): Promise<DecisionRecord | Refusal> {
  // With the async log the decision may be answered and not yet there.
  await recorder.settled();
  const now = clock.now();
  return withTransaction(db.pool, async (tx) => {
    const { rows } = await tx.query<DecisionRow>(
      `select ${decisionColumns} from decision where workspace_id = $1 and id = $2 for update`,
      [caller.workspaceId, decisionId],
    );
    const row = rows[0];
    const asked = row?.key_id === (caller.keyId ?? bootstrapKeyId);
    // A key of the role `agent` is not to learn what others asked.
    if (!row || (!asked && caller.role === 'agent')) return refuse('not_found', `there is no decision ${decisionId}`);
    if (!asked) return refuse('forbidden', 'only the key that asked for a decision reports its outcome');
    if (row.outcome_at !== null) {
      return refuse('outcome_reported', `the outcome of this decision was reported at ${row.outcome_at.toISOString()}`);
    }
    if (now.getTime() - timeOfId(row.id) > outcomeHours * 3_600_000) {
      return refuse('outcome_too_late', `outcomes are taken for ${outcomeHours} hours after the decision`);
    }
    const settled: DecisionRow = {
      ...row,
      failed: row.failed || report.status === 'error',
      outcome_status: report.status,
      outcome_cost: report.cost ?? null,
      outcome_compute: report.compute ?? null,
      outcome_message: report.message ?? null,
      outcome_at: now,
    };
    await store(tx, caller.workspaceId, settled);
    await settle(tx, caller.workspaceId, row, settled);
    return recordOf(settled);
  });
}

async function store(tx: PoolClient, workspaceId: number, after: DecisionRow): Promise<void> {
  await tx.query(
    `update decision set failed = $3, outcome_status = $4, outcome_cost = $5, outcome_compute = $6, outcome_message = $7,
       outcome_at = $8
     where workspace_id = $1 and id = $2`,
    [
      workspaceId,
      after.id,
      after.failed,
      after.outcome_status,
      after.outcome_cost,
      after.outcome_compute,
      after.outcome_message,
      after.outcome_at,
    ],
  );
}

/** Brings roll-ups, the evidence of a rollout and spend to what was reported. */
async function settle(tx: PoolClient, workspaceId: number, before: DecisionRow, after: DecisionRow): Promise<void> {
  const newlyFailed = after.failed && !before.failed ? 1 : 0;
  const [reserved, cost] = [before.reserved ?? 0, after.effect === 'deny' ? null : after.outcome_cost];
  await correctEvidence(tx, workspaceId, before, { error: after.outcome_status === 'error', cost });
  const spent = cost ?? reserved;
  if (newlyFailed > 0 || spent !== reserved)
    await correctRollup(tx, workspaceId, after, { newlyFailed, spent, reserved });
  if (spent === 0 && reserved === 0) return;
  const settlement = [spent, reserved];
  // Accounts in the order of `fit_under_caps`: the workspace's (agent `*`), the agent's, the session's.
  await tx.query(
    `insert into daily_spend as s (workspace_id, day, agent, amount)
     select $1, $2, spender, $4::numeric - $5::numeric from unnest(array['*', $3]) with ordinality as u (spender, place)
     order by place
     on conflict (workspace_id, day, agent) do update
       set amount = s.amount + excluded.amount, reserved = greatest(s.reserved - $5::numeric, 0)`,
    [workspaceId, after.day, after.agent, ...settlement],
  );
  const account = after.detail.account ?? after.session;
  if (account === null) return;
  await tx.query(
    `insert into session_spend as s (workspace_id, session, amount, updated_at)
     values ($1, $2, $3::numeric - $4::numeric, $5)
     on conflict (workspace_id, session) do update
       set amount = s.amount + excluded.amount, reserved = greatest(s.reserved - $4::numeric, 0),
         updated_at = greatest(s.updated_at, excluded.updated_at)`,
    [workspaceId, account, ...settlement, after.outcome_at],
  );
}

async function correctRollup(
  tx: PoolClient,
  workspaceId: number,
  after: DecisionRow,
  { newlyFailed, spent, reserved }: { newlyFailed: number; spent: number; reserved: number },
): Promise<void> {
  const timeMs = timeOfId(after.id);
  const minute = new Date(timeMs - (timeMs % 60_000));
  await tx.query(
    `insert into decision_rollup_delta
     values ($1, $2, $3, $4, $5, $6, $7, 0, $8, 0, 0, $9::numeric - $10::numeric)`,
    [
      workspaceId,
      minute,
      after.bundle_id ?? 0,
      after.arm,
      after.agent,
      after.action,
      after.effect,
      newlyFailed,
      spent,
      reserved,
    ],
  );
}
