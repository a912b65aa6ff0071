import type {
  Incident,
  IncidentEntry,
  IncidentPage,
  IncidentSource,
  IncidentStatus,
  IncidentSummary,
  Playbook,
  Severity,
} from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import { allowedActions } from './transition.js';

export interface IncidentRow {
  readonly id: number;
  readonly kind: string;
  readonly key: string;
  readonly source: IncidentSource;
  readonly severity: Severity;
  readonly status: IncidentStatus;
  readonly summary: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly playbooks: readonly Playbook[];
  readonly tied_to_policy: boolean;
  readonly occurrences: number;
  readonly last_seen_at: Date;
  readonly assigned_to: string | null;
  readonly created_by: string;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly acknowledged_at: Date | null;
  readonly mitigated_at: Date | null;
  readonly resolved_at: Date | null;
  readonly closed_at: Date | null;
  /** How long the timeline is. */
  readonly entries: number;
}

const columns = `id, kind, key, source, severity, status, summary, details, playbooks, tied_to_policy, occurrences,
  last_seen_at, assigned_to, created_by, created_at, updated_at, acknowledged_at, mitigated_at, resolved_at, closed_at,
  entries`;

export async function incidentById(
  db: Pool | PoolClient,
  workspaceId: number,
  id: number,
): Promise<IncidentRow | null> {
  const { rows } = await db.query<IncidentRow>(`select ${columns} from incident where workspace_id = $1 and id = $2`, [
    workspaceId,
    id,
  ]);
  return rows[0] ?? null;
}

/** The incident that another opening with this key adds to, or null. */
export async function incidentOfKey(
  db: Pool | PoolClient,
  workspaceId: number,
  source: IncidentSource,
  key: string,
): Promise<IncidentRow | null> {
  const { rows } = await db.query<IncidentRow>(
    `select ${columns} from incident where workspace_id = $1 and source = $2 and key = $3 and status <> 'closed'`,
    [workspaceId, source, key],
  );
  return rows[0] ?? null;
}

/** Whether the server opened an incident of that key, or added to one, since then; closed or not. */
export async function wasSeenSince(db: Pool, workspaceId: number, key: string, since: Date): Promise<boolean> {
  const { rows } = await db.query<{ seen: boolean }>(
    `select exists (select from incident
       where workspace_id = $1 and source = 'system' and key = $2 and last_seen_at >= $3) as seen`,
    [workspaceId, key, since],
  );
  return rows[0]?.seen === true;
}

export interface IncidentFilter {
  readonly status?: IncidentStatus;
  readonly severity?: Severity;
  readonly kind?: string;
  readonly unresolved_only: boolean;
  readonly limit: number;
  readonly offset: number;
}

/** Incidents, newest first. */
export async function incidentPage(db: Pool, workspaceId: number, filter: IncidentFilter): Promise<IncidentPage> {
  const { limit, offset } = filter;
  const where = `workspace_id = $1 and ($2::text is null or status = $2) and ($3::text is null or severity = $3)
    and ($4::text is null or kind = $4) and (not $5 or status in ('open', 'acknowledged', 'mitigated'))`;
  const values = [
    workspaceId,
    filter.status ?? null,
    filter.severity ?? null,
    filter.kind ?? null,
    filter.unresolved_only,
  ];
  const { rows } = await db.query<IncidentRow>(
    `select ${columns} from incident where ${where} order by id desc limit $6 offset $7`,
    [...values, limit, offset],
  );
  const count = await db.query<{ total: number }>(`select count(*) as total from incident where ${where}`, values);
  return { incidents: rows.map(incidentSummary), total: count.rows[0]?.total ?? 0, limit, offset };
}

/** Entries of a timeline that are read at most. */
const readEntries = 1000;

/** The incident with its timeline as clients see it, or null. */
export async function incidentDocument(
  db: Pool | PoolClient,
  workspaceId: number,
  id: number,
): Promise<Incident | null> {
  const row = await incidentById(db, workspaceId, id);
  if (!row) return null;
  const { rows } = await db.query<Omit<IncidentEntry, 'at'> & { at: Date }>(
    `select seq, at, actor, type, text, data from incident_entry
      where workspace_id = $1 and incident_id = $2 and seq > $3 and seq <= $4 order by seq`,
    // As long as the row says, so that the two agree though they are read one after the other.
    [workspaceId, id, row.entries - readEntries, row.entries],
  );
  return {
    ...incidentSummary(row),
    timeline: rows.map((entry) => ({ ...entry, at: entry.at.toISOString() })),
    timeline_total: row.entries,
  };
}

function incidentSummary(row: IncidentRow): IncidentSummary {
  const { entries: _, ...rest } = row;
  return {
    ...rest,
    details: { ...row.details },
    playbooks: [...row.playbooks],
    last_seen_at: row.last_seen_at.toISOString(),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    acknowledged_at: row.acknowledged_at?.toISOString() ?? null,
    mitigated_at: row.mitigated_at?.toISOString() ?? null,
    resolved_at: row.resolved_at?.toISOString() ?? null,
    closed_at: row.closed_at?.toISOString() ?? null,
    allowed_actions: allowedActions(row.status),
  };
}

/** An incident from outside that may roll the newest activation back. */
export interface UnsettledIncident {
  readonly id: number;
  readonly severity: Severity;
  readonly summary: string;
  /** When the trouble began: when it was opened, or opened again after it was believed to be over. */
  readonly beganAt: Date;
  /** When it was decided about it last, before it began again; null: never. */
  readonly settledAt: Date | null;
}

/**
 * The incidents that came from outside, are tied to policy, high or critical, not yet mitigated, and of which nobody has
 * decided yet whether they roll a bundle back; oldest first. `settleRollback` decides, once for each time they begin.
 */
export async function unsettledIncidents(db: Pool | PoolClient, workspaceId: number): Promise<UnsettledIncident[]> {
  const { rows } = await db.query<UnsettledIncident>(
    `select i.id, i.severity, i.summary, coalesce(told.reopened_at, i.created_at) as "beganAt",
            told.settled_at as "settledAt"
       from incident i, lateral (
         select max(at) filter (where type = 'reopened') as reopened_at,
                max(at) filter (where type = 'noted' and actor = 'controller') as settled_at
           from incident_entry e where e.workspace_id = i.workspace_id and e.incident_id = i.id) told
      where i.workspace_id = $1 and i.source = 'external' and i.tied_to_policy and i.rollback_settled_at is null
        and i.status in ('open', 'acknowledged') and i.severity in ('high', 'critical')
      order by i.id`,
    [workspaceId],
  );
  return rows;
}

/** Something else that changed in the workspace. */
export interface WorkspaceChange {
  readonly at: Date;
  readonly actor: string;
  readonly kind: string;
  readonly subject: string;
}

/** Changes other than of incidents and keys within a time, oldest first: the first `limit`. */
export async function changesBetween(
  db: Pool,
  workspaceId: number,
  { from, to, limit }: { from: Date; to: Date; limit: number },
): Promise<WorkspaceChange[]> {
  const { rows } = await db.query<WorkspaceChange>(
    `select at, actor, kind, subject from event
      where workspace_id = $1 and at >= $2 and at <= $3 and kind not like 'incident.%' and kind not like 'api\\_key.%'
      order by at, seq limit $4`,
    [workspaceId, from, to, limit],
  );
  return rows;
}
