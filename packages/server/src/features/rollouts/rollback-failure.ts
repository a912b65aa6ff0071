import type { Pool, PoolClient } from 'pg';
import { withTransaction } from '../../database/connection.js';
import { recordChange } from '../events/transaction.js';
import { openIncident, resolveIncidentOf } from '../incidents/transaction.js';
import type { RolloutRow } from './queries.js';

const actor = 'controller';
const kind = 'rollback_failed';
const keyOf = (rolloutId: number): string => `rollout/${rolloutId}/rollback`;

/** How long servers may take to decide by a rollback before somebody is told. */
const reachSeconds = 15;
/** A server is heard from more often than this while it lives. */
const heardSeconds = 15;
/** Servers decide from their last good copy for so long at most, unless the setting `max_stale_minutes` says otherwise. */
const watchedFor = '1 hour';

interface Trouble {
  readonly row: Pick<RolloutRow, 'id' | 'workspace_id' | 'bundle_id' | 'version'>;
  readonly summary: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly actions: readonly string[];
}

/**
 * Pages people about a rollback that was due and did not go through; the controller tries it again at its next look. One
 * incident for a rollout however often it fails, and one event `rollout.rollback_failed` for each time that opens.
 */
export async function reportFailedRollback(pool: Pool, row: RolloutRow, error: unknown, now: Date): Promise<void> {
  const cause = (error instanceof Error ? error.message : String(error)).slice(0, 500);
  const name = row.version ?? row.bundle_id;
  await report(
    pool,
    {
      row,
      summary: `bundle ${name} is to be rolled back and could not be: ${cause}`,
      details: { cause, phase: row.phase, share_pct: row.share_pct },
      actions: [
        'it is tried again every five seconds; repair what the cause names',
        `or by hand: policy-studio rollouts rollback ${row.id} --reason TEXT`,
        'if agents do harm meanwhile: policy-studio emergency disable --effect deny --reason TEXT',
      ],
    },
    now,
  );
}

async function report(pool: Pool, { row, summary, details, actions }: Trouble, now: Date): Promise<void> {
  const { workspace_id: workspaceId, id, bundle_id: bundleId, version } = row;
  await withTransaction(pool, async (tx) => {
    const before = await statusOf(tx, workspaceId, id);
    const incident = await openIncident(tx, {
      workspaceId,
      kind,
      key: keyOf(id),
      severity: 'critical',
      summary,
      details: { rollout_id: id, bundles: { from: bundleId }, ...details, recommended_actions: actions },
      at: now,
      actor,
    });
    if (!incident.opened && before !== 'resolved' && before !== 'mitigated') return;
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor,
      kind: 'rollout.rollback_failed',
      subject: `rollout/${id}`,
      data: { bundle_id: bundleId, version, incident_id: incident.id, reason: summary, ...details },
    });
  });
}

/** Where the incident of a rollout's failed rollback stands; null: there is none. Locks what `openIncident` locks. */
async function statusOf(tx: PoolClient, workspaceId: number, rolloutId: number): Promise<string | null> {
  await tx.query('select 1 from workspace where id = $1 for no key update', [workspaceId]);
  const { rows } = await tx.query<{ status: string }>(
    `select status from incident where workspace_id = $1 and source = 'system' and key = $2 and status <> 'closed'`,
    [workspaceId, keyOf(rolloutId)],
  );
  return rows[0]?.status ?? null;
}

interface Unreached {
  readonly id: number;
  readonly workspace_id: number;
  readonly bundle_id: number;
  readonly version: string | null;
  readonly servers: readonly { readonly id: string; readonly host: string; readonly silent: boolean }[];
}

/**
 * Servers that do not decide by a rollback of the last hour, a while after it: those that say so, and those that decided
 * shortly before it and were not heard from since. By the database's clock alone.
 */
async function unreached(pool: Pool, workspaceId: number): Promise<Unreached[]> {
  const { rows } = await pool.query<Unreached>(
    `select o.id, o.workspace_id, o.bundle_id,
            (select b.version from bundle b where b.id = o.bundle_id) as version,
            json_agg(json_build_object('id', r.id, 'host', r.host,
              'silent', r.seen_at <= now() - interval '${heardSeconds} seconds') order by r.id) as servers
       from rollout o
       join replica_generation g on g.workspace_id = o.workspace_id and g.generation < o.undone_generation
       join replica r on r.id = g.replica_id and r.seen_at > o.undone_at - interval '${heardSeconds} seconds'
      where o.workspace_id = $1 and o.undone_at between now() - interval '${watchedFor}'
                                                    and now() - interval '${reachSeconds} seconds'
      group by o.id order by o.id`,
    [workspaceId],
  );
  return rows;
}

/**
 * Looks whether rollbacks arrived: pages where a server still decides by what was rolled back, and resolves the incidents
 * of rollbacks that have gone through on every server.
 */
export async function watchRollbacks(pool: Pool, workspaceId: number, now: Date): Promise<void> {
  const late = await unreached(pool, workspaceId);
  for (const row of late) {
    const names = row.servers.map(({ host, id, silent }) => `${host} (${id}${silent ? ', silent' : ''})`);
    await report(
      pool,
      {
        row,
        summary: `bundle ${row.version ?? row.bundle_id} was rolled back, and not every server decides by that: ${names.join(', ')}`,
        details: { servers: row.servers },
        actions: [
          'see what each server decides by: policy-studio emergency status',
          'restart the servers named here, or take them out of service; one that is gone is forgotten after an hour',
        ],
      },
      now,
    );
  }
  const { rows } = await pool.query<{ key: string }>(
    `select i.key from incident i
      where i.workspace_id = $1 and i.source = 'system' and i.kind = '${kind}'
        and i.status in ('open', 'acknowledged', 'mitigated')
        and not exists (select from rollout o where o.workspace_id = $1 and 'rollout/' || o.id || '/rollback' = i.key
                           and (o.phase in ('shadow', 'canary', 'baking') or o.id = any ($2)))`,
    [workspaceId, late.map(({ id }) => id)],
  );
  for (const { key } of rows) {
    const text = 'the bundle is rolled back on every server';
    await withTransaction(pool, (tx) => resolveIncidentOf(tx, { workspaceId, key, text, at: now, actor }));
  }
}
