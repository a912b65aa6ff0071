import type { AuditEntry, RolloutTimeline, TimelineQuery } from '@policy-studio/contract';
import type { Pool } from 'pg';
import type { RolloutRow } from '../rollouts/queries.js';

type EntryRow = Omit<AuditEntry, 'at'> & { readonly at: Date };

/** Incidents about one rollout that are told of. */
const mostIncidents = 50;

/** What happened to a rollout and to what it is about, newest first. */
export async function rolloutTimeline(
  pool: Pool,
  { workspace_id: workspaceId, id, bundle_id: bundleId, approval_id: approvalId }: RolloutRow,
  { limit, before }: TimelineQuery,
): Promise<RolloutTimeline> {
  const about = `rollout/${id}`;
  const incidents = await pool.query<{ id: number }>(
    `select id from incident where workspace_id = $1 and (key = $2 or starts_with(key, $2 || '/'))
      order by id desc limit ${mostIncidents}`,
    [workspaceId, about],
  );
  const subjects = [
    about,
    `bundle/${bundleId}`,
    ...(approvalId === null ? [] : [`approval/${approvalId}`]),
    ...incidents.rows.map((incident) => `incident/${incident.id}`),
  ];
  // Subject by subject along the index, each no further than the page could reach.
  const { rows } = await pool.query<EntryRow>(
    `select e.* from unnest($2::text[]) as s (subject), lateral (
       select seq, at, actor, kind, subject, data, hash from event
        where workspace_id = $1 and event.subject = s.subject and kind <> 'bundle.updated'
          and ($3::bigint is null or seq < $3)
        order by seq desc limit $4
     ) e order by e.seq desc limit $4`,
    [workspaceId, subjects, before ?? null, limit + 1],
  );
  const entries = rows.slice(0, limit).map((row) => ({ ...row, at: row.at.toISOString() }));
  return { entries, next_before: rows.length > limit ? (entries.at(-1)?.seq ?? null) : null };
}
