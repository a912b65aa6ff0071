import type { IncidentEntryType, IncidentSource, Playbook, Severity } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import { recordChange } from '../events/transaction.js';
import { playbooksFor } from './playbooks.js';
import { type IncidentRow, incidentById, incidentOfKey } from './queries.js';
import { type IncidentChange, incidentTransition } from './transition.js';

/** Repetitions within this time of the first among them are one entry of the timeline, and one event. */
const foldMs = 3_600_000;

/**
 * Lets one change of incidents happen at a time in a workspace, until the transaction ends. It locks the row that
 * `recordChange` locks, and no incident is locked before it, so that an incident may be opened before or after the
 * caller's own event. Take every other lock before.
 */
export async function lockIncidents(tx: PoolClient, workspaceId: number): Promise<void> {
  await tx.query('select 1 from workspace where id = $1 for no key update', [workspaceId]);
}

export interface IncidentOpening {
  readonly workspaceId: number;
  /** What went wrong, in lower case with `_`: `rollback`. See `playbooks`. */
  readonly kind: string;
  /** What is one trouble has one key, such as `rollout/12`; null makes an incident of its own. */
  readonly key: string | null;
  readonly severity: Severity;
  /** One line that a person understands at night. */
  readonly summary: string;
  /** JSON: `metric {name, before, after, limit}`, `decision_ids`, `bundles {from, to}`, `recommended_actions` and more. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Default: those of the kind. */
  readonly playbooks?: readonly Playbook[];
  /** Default: `system`. */
  readonly source?: IncidentSource;
  /** Whether an incident from outside may roll a bundle back. Default: false. */
  readonly tiedToPolicy?: boolean;
  readonly at: Date;
  readonly actor: string;
}

/**
 * Opens an incident in the caller's transaction, with its event; or, where one of the same source and key is not closed,
 * adds to that one: the severity may rise, never fall, and what was mitigated or resolved is open again. `opened` says
 * whether the incident is new. Never refuses. See `lockIncidents` for its place among locks.
 */
export async function openIncident(
  tx: PoolClient,
  opening: IncidentOpening,
): Promise<{ readonly id: number; readonly opened: boolean }> {
  const { workspaceId, kind, key, severity, summary, details, at, actor, source = 'system' } = opening;
  await lockIncidents(tx, workspaceId);
  const present = key === null ? null : await incidentOfKey(tx, workspaceId, source, key);
  if (present) {
    await repeat(tx, present, opening);
    return { id: present.id, opened: false };
  }
  const { rows } = await tx.query<{ id: number }>(
    `insert into incident (workspace_id, kind, key, source, severity, summary, details, playbooks, tied_to_policy,
                           last_seen_at, created_by, created_at, updated_at)
     values ($1, $2::text, coalesce($3::text, $2::text || ':' || gen_random_uuid()), $4, $5, $6, $7, $8, $9, $10, $11, $10, $10)
     returning id`,
    [
      workspaceId,
      kind,
      key,
      source,
      severity,
      summary,
      JSON.stringify(details),
      JSON.stringify(opening.playbooks ?? playbooksFor(kind)),
      opening.tiedToPolicy ?? false,
      at,
      actor,
    ],
  );
  const { id } = rows[0] as { id: number };
  await addEntry(tx, { workspaceId, id, at, actor, type: 'opened', text: summary, data: { severity } });
  await recordIncident(tx, { workspaceId, id, at, actor, type: 'opened', data: { details } });
  return { id, opened: true };
}

async function repeat(tx: PoolClient, row: IncidentRow, opening: IncidentOpening): Promise<void> {
  const { workspaceId, severity, summary, details, at, actor } = opening;
  const change = incidentTransition(
    { status: row.status, severity: row.severity, assignedTo: row.assigned_to },
    { type: 'repeat', severity },
  );
  if ('refused' in change) throw new Error(`incident ${row.id}: ${change.detail}`);
  await tx.query(
    'update incident set occurrences = occurrences + 1, last_seen_at = $3 where workspace_id = $1 and id = $2',
    [workspaceId, row.id, at],
  );
  const data = {
    details,
    ...(change.severity === row.severity ? {} : { from: row.severity, to: change.severity }),
  };
  if (change.entry === 'repeated' && (await folded(tx, row, opening))) return;
  await writeChange(tx, { workspaceId, row, change, at, actor, text: summary, data });
}

/** Adds a repetition to the one that stands last, when that is not an hour old; whether it did. */
async function folded(tx: PoolClient, row: IncidentRow, opening: IncidentOpening): Promise<boolean> {
  const { workspaceId, summary, details, at, actor } = opening;
  const { rows } = await tx.query<{ at: Date; actor: string; type: IncidentEntryType; data: { count?: number } }>(
    'select at, actor, type, data from incident_entry where workspace_id = $1 and incident_id = $2 and seq = $3',
    [workspaceId, row.id, row.entries],
  );
  const [last] = rows;
  if (last?.type !== 'repeated' || last.actor !== actor || at.getTime() - last.at.getTime() >= foldMs) return false;
  const data = { details, count: (last.data.count ?? 1) + 1, last_at: at.toISOString() };
  await tx.query(
    'update incident_entry set text = $4, data = $5 where workspace_id = $1 and incident_id = $2 and seq = $3',
    [workspaceId, row.id, row.entries, summary, JSON.stringify(data)],
  );
  await tx.query('update incident set updated_at = $3 where workspace_id = $1 and id = $2', [workspaceId, row.id, at]);
  return true;
}

/** What becomes of the times when an incident enters a status; what begins again is weighed again. */
const timeOf = {
  open: 'acknowledged_at = null, mitigated_at = null, resolved_at = null, rollback_settled_at = null',
  acknowledged: 'acknowledged_at = $6',
  mitigated: 'mitigated_at = $6',
  resolved: 'resolved_at = $6',
  closed: 'closed_at = $6',
} as const;

/** Writes what a transition made of an incident: row, timeline, event. `lockIncidents` comes first. */
export async function writeChange(
  tx: PoolClient,
  written: {
    readonly workspaceId: number;
    readonly row: IncidentRow;
    readonly change: IncidentChange;
    readonly at: Date;
    readonly actor: string;
    readonly text: string;
    readonly data?: Readonly<Record<string, unknown>>;
  },
): Promise<void> {
  const { workspaceId, row, change, at, actor, text, data = {} } = written;
  const times = change.status === row.status ? '' : `, ${timeOf[change.status]}`;
  await tx.query(
    `update incident set status = $3, severity = $4, assigned_to = $5, updated_at = $6${times}
      where workspace_id = $1 and id = $2`,
    [workspaceId, row.id, change.status, change.severity, change.assignedTo, at],
  );
  const entry = { workspaceId, id: row.id, at, actor, type: change.entry };
  await addEntry(tx, { ...entry, text, data });
  await recordIncident(tx, { ...entry, data: { ...(text === '' ? {} : { text }), ...data } });
}

interface Entry {
  readonly workspaceId: number;
  readonly id: number;
  readonly at: Date;
  readonly actor: string;
  readonly type: IncidentEntryType;
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
}

async function addEntry(tx: PoolClient, { workspaceId, id, at, actor, type, text, data }: Entry): Promise<void> {
  await tx.query(
    `with numbered as (
       update incident set entries = entries + 1, updated_at = $3 where workspace_id = $1 and id = $2 returning entries)
     insert into incident_entry (workspace_id, incident_id, seq, at, actor, type, text, data)
     select $1, $2, entries, $3, $4, $5, $6, $7 from numbered`,
    [workspaceId, id, at, actor, type, text, JSON.stringify(data)],
  );
}

/** The event `incident.<type>`; what tells the incident to somebody who reads nothing else is in all of them. */
async function recordIncident(tx: PoolClient, entry: Omit<Entry, 'text'>): Promise<void> {
  const { workspaceId, id, at, actor, type, data } = entry;
  const row = (await incidentById(tx, workspaceId, id)) as IncidentRow;
  const { kind, key, source, severity, status, summary, assigned_to } = row;
  await recordChange(tx, {
    workspaceId,
    at,
    actor,
    kind: `incident.${type}`,
    subject: `incident/${id}`,
    data: { kind, key, source, severity, status, summary, assigned_to, ...data },
  });
}

export interface IncidentNote {
  readonly workspaceId: number;
  readonly text: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly at: Date;
  readonly actor: string;
}

/** Adds what the server has to say to an incident that is there, open or not. False when there is none. */
export async function noteIncident(tx: PoolClient, note: IncidentNote & { readonly id: number }): Promise<boolean> {
  const { workspaceId, id, text, data = {}, at, actor } = note;
  await lockIncidents(tx, workspaceId);
  const row = await incidentById(tx, workspaceId, id);
  if (!row) return false;
  const { status, severity, assigned_to: assignedTo } = row;
  const change: IncidentChange = { status, severity, assignedTo, entry: 'noted' };
  await writeChange(tx, { workspaceId, row, change, at, actor, text, data });
  return true;
}

/**
 * Resolves what the server opened under `key`, because the trouble is over: its id, or null where nothing of that key
 * waits to be resolved.
 */
export async function resolveIncidentOf(
  tx: PoolClient,
  note: IncidentNote & { readonly key: string },
): Promise<number | null> {
  const { workspaceId, key, text, data = {}, at, actor } = note;
  await lockIncidents(tx, workspaceId);
  const row = await incidentOfKey(tx, workspaceId, 'system', key);
  if (!row) return null;
  const { status, severity, assigned_to: assignedTo } = row;
  const change = incidentTransition({ status, severity, assignedTo }, { type: 'resolve', by: actor });
  if ('refused' in change) return null;
  await writeChange(tx, { workspaceId, row, change, at, actor, text, data });
  return row.id;
}

/**
 * Notes what was decided about rolling back because of an incident of `unsettledIncidents`: until it is opened again it does not come up. True
 * for who settles it first, so that of several servers one acts. In one transaction lock what is to be changed, settle,
 * and change it only if the answer was true.
 */
export async function settleRollback(tx: PoolClient, note: IncidentNote & { readonly id: number }): Promise<boolean> {
  const { workspaceId, id, at } = note;
  await lockIncidents(tx, workspaceId);
  const { rowCount } = await tx.query(
    `update incident set rollback_settled_at = $3
      where workspace_id = $1 and id = $2 and rollback_settled_at is null`,
    [workspaceId, id, at],
  );
  if (rowCount === 0) return false;
  return noteIncident(tx, note);
}
