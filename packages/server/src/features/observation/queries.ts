import type { Effect, WouldDeny, WouldDenyQuery } from '@policy-studio/contract';
import type { Pool } from 'pg';
import { catalogOf, observedAgents } from '../catalog/queries.js';
import { idBound, timeOfId } from '../decisions/queries.js';

/** Decisions one report looks at: the newest. */
const scanLimit = 100_000;
const batchRows = 5_000;
const groupsTold = 200;
const idsTold = 5;
const dayMs = 24 * 3_600_000;

type Group = WouldDeny['groups'][number];

interface ScannedRow {
  readonly id: string;
  readonly agent: string;
  readonly action: string;
  readonly session: string | null;
  readonly rule_id: string | null;
  readonly bundle_id: number | null;
  /** The text of an observed decision's detail; null: it was not observed. */
  readonly detail: string | null;
}

/** What observation did to a decision, as the record tells it. */
interface ObservedOverlay {
  readonly kind: string;
  readonly detail: string;
  readonly would_be?: Effect;
  readonly policy_reason?: string;
}

/**
 * What observed agents were let do from `from` (included) to `to` (not), and would have been denied or left to an
 * approval. `days` counts back from `to`, which is `now` by default.
 */
export async function wouldDeny(pool: Pool, workspaceId: number, query: WouldDenyQuery, now: Date): Promise<WouldDeny> {
  const toMs = query.to === undefined ? now.getTime() : Date.parse(query.to);
  const fromMs = query.from === undefined ? toMs - query.days * dayMs : Date.parse(query.from);
  const { compiled } = await catalogOf(pool, workspaceId);
  const tally = newTally();
  // Without `to` up to the newest, whose id may be ahead of the clock.
  let end = query.to === undefined ? 'ffffffff-ffff-ffff-ffff-ffffffffffff' : idBound(toMs);
  let scanned = 0;
  let complete = false;
  while (!complete && scanned < scanLimit) {
    const rows = await newestBefore(pool, workspaceId, { start: idBound(fromMs), end, agent: query.agent });
    for (const row of rows) add(tally, row);
    scanned += rows.length;
    complete = rows.length < batchRows;
    end = rows.at(-1)?.id ?? end;
  }
  const groups = [...tally.groups.values()].sort((a, b) => b.group.decisions - a.group.decisions);
  return {
    from: new Date(complete ? fromMs : timeOfId(end)).toISOString(),
    to: new Date(toMs).toISOString(),
    observed_now: observedAgents(compiled.catalog),
    decisions: tally.would.allow + tally.would.deny + tally.would.needs_approval,
    would_allow: tally.would.allow,
    would_deny: tally.would.deny,
    would_need_approval: tally.would.needs_approval,
    complete,
    groups: groups.slice(0, groupsTold).map(({ group, sessions }) => ({ ...group, sessions: sessions.size })),
    total_groups: groups.length,
  };
}

async function newestBefore(
  pool: Pool,
  workspaceId: number,
  { start, end, agent }: { readonly start: string; readonly end: string; readonly agent: string | undefined },
): Promise<ScannedRow[]> {
  // Text, not members of the JSON: that may hold U+0000, on which PostgreSQL's operators fail. In a string of it, every
  // quotation mark stands behind a backslash.
  const { rows } = await pool.query<ScannedRow>(
    `select id, agent, action, session, rule_id, bundle_id,
            case when detail::text like '%"kind":"observed"%' then detail::text end as detail
       from decision
      where workspace_id = $1 and id >= $2 and id < $3 and ($4::text is null or agent = $4)
      order by id desc limit ${batchRows}`,
    [workspaceId, start, end, agent ?? null],
  );
  return rows;
}

interface Tally {
  readonly would: Record<Effect, number>;
  readonly groups: Map<string, { group: Group; readonly sessions: Set<string> }>;
}

function newTally(): Tally {
  return { would: { allow: 0, deny: 0, needs_approval: 0 }, groups: new Map() };
}

/** Rows come newest first. */
function add(tally: Tally, row: ScannedRow): void {
  if (row.detail === null) return;
  const { overlays } = JSON.parse(row.detail) as { readonly overlays: readonly ObservedOverlay[] };
  const overlay = overlays.find(({ kind }) => kind === 'observed');
  const effect = overlay?.would_be;
  if (overlay === undefined || effect === undefined) return;
  tally.would[effect] += 1;
  if (effect === 'allow') return;
  const { id, agent, action, session, rule_id, bundle_id } = row;
  const key = JSON.stringify([agent, action, effect, rule_id, bundle_id]);
  const at = new Date(timeOfId(id)).toISOString();
  const known = tally.groups.get(key) ?? {
    group: {
      agent,
      action,
      effect,
      rule_id,
      bundle_id,
      decisions: 0,
      sessions: 0,
      reason: overlay.policy_reason ?? overlay.detail,
      first_at: at,
      last_at: at,
      decision_ids: [],
    },
    sessions: new Set<string>(),
  };
  known.group.decisions += 1;
  known.group.first_at = at;
  if (known.group.decision_ids.length < idsTold) known.group.decision_ids.push(id);
  if (session !== null) known.sessions.add(session);
  tally.groups.set(key, known);
}
