import type { PoolClient } from 'pg';
import { withTransaction } from '../../database/connection.js';
import { inWorkspace } from '../../database/scope.js';
import type { Services } from '../../services.js';
import { type CapRefusal, capSaid, capSentence } from '../decisions/queries.js';
import { recordChange } from '../events/transaction.js';
import { openIncident } from '../incidents/transaction.js';

/** Refusals told of in one transaction, and workspaces in one run. */
const batch = { breaches: 20, workspaces: 100 } as const;
/** Incidents of a day that are each about one account; those that follow are one incident together. */
const incidentsADay = 50;

interface BreachRow extends Omit<CapRefusal, 'resets_at'> {
  readonly agent: string;
  readonly action: string;
  readonly decision_id: string;
  readonly resets_at: Date | null;
  readonly at: Date;
  /** Incidents of the day before this one. */
  readonly told_that_day: number;
}

/**
 * Opens an incident for each cap that has refused something for the first time in its period, and returns how many
 * there were. What the refusal itself records is told here, so that no decision waits for an incident.
 */
export async function tellBreaches({ db }: Pick<Services, 'db'>, now: Date): Promise<number> {
  const { rows } = await db.pool.query<{ workspace_id: number }>(
    'select distinct workspace_id from cap_breach where not told order by workspace_id limit $1',
    [batch.workspaces],
  );
  let told = 0;
  for (const { workspace_id: workspaceId } of rows) {
    told += await inWorkspace(workspaceId, () => withTransaction(db.pool, (tx) => tellWorkspace(tx, workspaceId, now)));
  }
  return told;
}

/** The rows first and the workspace, which every event locks, last. What another server is telling of waits. */
async function tellWorkspace(tx: PoolClient, workspaceId: number, now: Date): Promise<number> {
  const turn = await tx.query<{ mine: boolean }>(
    `select pg_try_advisory_xact_lock(hashtext('policy_cap_breaches'), $1) as mine`,
    [workspaceId],
  );
  if (turn.rows[0]?.mine !== true) return 0;
  const { rows } = await tx.query<BreachRow>(
    `with chosen as (
       update cap_breach b set told = true
        where (workspace_id, scope, measure, subject, period, "limit") in (
          select workspace_id, scope, measure, subject, period, "limit" from cap_breach
           where workspace_id = $1 and not told order by at limit $2)
       returning scope, measure, nullif(subject, '') as subject, period, "limit", used, asked, agent, action, decision_id,
         resets_at, at
     )
     select c.*, (
         select count(*) from cap_breach o
          where o.workspace_id = $1 and o.told and o.at >= date_trunc('day', c.at, 'UTC')
       ) + row_number() over (partition by date_trunc('day', c.at, 'UTC') order by c.at) - 1 as told_that_day
       from chosen c order by c.at`,
    [workspaceId, batch.breaches],
  );
  for (const row of rows) await tell(tx, workspaceId, row, now);
  return rows.length;
}

async function tell(tx: PoolClient, workspaceId: number, row: BreachRow, now: Date): Promise<void> {
  const { agent, action, decision_id: decisionId, at, told_that_day: earlier, resets_at, ...cap } = row;
  const refusal: CapRefusal = { ...cap, resets_at: resets_at?.toISOString() ?? null };
  const said = capSaid(refusal);
  const { scope, measure, subject, limit, used } = said;
  const data = { ...said, agent, action, decision_id: decisionId, at: at.toISOString() };
  const sentence = `${capSentence(refusal)}: \`${action}\` of \`${agent}\` was denied`;
  await recordChange(tx, {
    workspaceId,
    at: now,
    actor: 'system',
    kind: 'budget.exhausted',
    subject: `budget/${scope}${subject === null ? '' : `/${subject}`}`,
    data,
  });
  await openIncident(tx, {
    workspaceId,
    kind: 'budget_exhausted',
    key:
      earlier < incidentsADay
        ? ['budget_exhausted', scope, measure, subject ?? '*', cap.period].join(':')
        : `budget_exhausted:others:${at.toISOString().slice(0, 10)}`,
    severity: scope === 'workspace' ? 'high' : 'medium',
    summary: sentence,
    details: {
      ...data,
      decision_ids: [decisionId],
      metric: { name: measure === 'spend' ? 'USD spent' : 'allowed calls', before: used, after: used, limit },
      recommended_actions: actions(said.resets_at, scope, subject ?? agent),
    },
    at: now,
    actor: 'system',
  });
}

function actions(resetsAt: string | null, scope: CapRefusal['scope'], who: string): string[] {
  return [
    scope === 'workspace' ? 'see which agent spends: policy-studio budgets' : `see what ${who} was allowed to do`,
    'stop it if it loops: take its key away or deny the action',
    resetsAt === null ? 'raise the cap if the demand is real' : `raise the cap, or wait until ${resetsAt}`,
  ];
}
