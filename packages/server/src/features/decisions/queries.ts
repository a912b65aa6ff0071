import type { DecisionListQuery, DecisionPage, Effect } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import { idBound, timeOfId } from './decision-id.js';
import { type DecisionRow, decisionColumns, recordOf } from './record.js';

export { accountText, type CapRefusal, capSaid, capSentence, leftOf } from './caps.js';
export { idBound, timeOfId } from './decision-id.js';
export {
  type ArmEvidence,
  costCeiling,
  decidedSince,
  type EvidenceByArm,
  evidenceOf,
  type PrincipalEvidence,
  spentSince,
} from './evidence.js';
export { type EvidenceSince, evidenceSince, type PartEvidence } from './evidence-blocks.js';

/** One recorded decision; null when the workspace has none of that id. */
export async function decisionById(
  queryable: Pool | PoolClient,
  workspaceId: number,
  id: string,
): Promise<DecisionRow | null> {
  const [row] = await decisionsByIds(queryable, workspaceId, [id]);
  return row ?? null;
}

/** Recorded decisions, in no order; ids the workspace does not have are left out. */
export async function decisionsByIds(
  queryable: Pool | PoolClient,
  workspaceId: number,
  ids: readonly string[],
): Promise<DecisionRow[]> {
  const { rows } = await queryable.query<DecisionRow>(
    `select ${decisionColumns} from decision where workspace_id = $1 and id = any ($2::uuid[])`,
    [workspaceId, ids],
  );
  return rows;
}

/** How many records one page looks at when a filter has no index. Then it may hold fewer than asked, or none, and go on. */
export const scanRows = 20_000;

/**
 * Recorded decisions that fit, newest first. `from` is included, `to` is not. `next_cursor` is null when there are no
 * more; a page can be short and still have one.
 */
export async function listDecisions(pool: Pool, workspaceId: number, filter: DecisionListQuery): Promise<DecisionPage> {
  const values: unknown[] = [workspaceId];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const { from, to, cursor, limit } = filter;
  const range = [
    'workspace_id = $1',
    ...(from === undefined ? [] : [`id >= ${parameter(idBound(Math.ceil(Date.parse(from))))}`]),
    ...(to === undefined ? [] : [`id < ${parameter(idBound(Math.ceil(Date.parse(to))))}`]),
    ...(cursor === undefined ? [] : [`id < ${parameter(cursor)}`]),
    // These have an index with the id, so they cost nothing to look past.
    ...(filter.rule === undefined ? [] : [`rule_id = ${parameter(filter.rule)}`]),
    ...(filter.session === undefined ? [] : [`session = ${parameter(filter.session)}`]),
    ...(filter.status === 'error' ? ['failed'] : []),
  ];
  const equal = (['bundle_id', 'arm', 'effect', 'agent', 'action'] as const).flatMap((column) =>
    filter[column] === undefined ? [] : [`${column} = ${parameter(filter[column])}`],
  );
  const narrowed = filter.status === 'success' ? [...equal, `outcome_status = 'success'`] : equal;
  const window = `select * from decision where ${range.join(' and ')} order by id desc`;
  const { rows } = await pool.query<DecisionRow>(
    narrowed.length === 0
      ? `select ${decisionColumns} from (${window} limit ${limit + 1}) scanned`
      : `select ${decisionColumns} from (${window} limit ${scanRows}) scanned
         where ${narrowed.join(' and ')} order by id desc limit ${limit + 1}`,
    values,
  );
  const decisions = rows.slice(0, limit);
  const more = rows.length > limit ? (decisions.at(-1)?.id ?? null) : null;
  if (more !== null || narrowed.length === 0) return { decisions: decisions.map(recordOf), next_cursor: more };
  const end = await pool.query<{ id: string }>(
    `select id from (select id from decision where ${range.join(' and ')} order by id desc limit ${scanRows}) scanned
     offset ${scanRows - 1}`,
    values.slice(0, values.length - equal.length),
  );
  return { decisions: decisions.map(recordOf), next_cursor: end.rows[0]?.id ?? null };
}

/** Which records: made at or after `fromMs` and before `toMs` (milliseconds since 1970), of what else is given. */
export interface RecordWindow {
  readonly fromMs: number;
  readonly toMs: number;
  readonly agent?: string | undefined;
  readonly action?: string | undefined;
  readonly bundleId?: number | undefined;
  readonly rule?: string | undefined;
  readonly effect?: Effect | undefined;
}

/** What was asked and answered, JSON as the text it is kept as, so that reading it is left to whoever needs it. */
export interface RecordedRequest {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly agent: string;
  readonly action: string;
  readonly session: string | null;
  readonly context: string;
  /** The facts that its rules read. */
  readonly facts: string;
  /** The fields that are not kept; null: all are. */
  readonly redacted: string | null;
  readonly policy_effect: Effect;
}

function inWindow(workspaceId: number, window: RecordWindow): { condition: string; values: unknown[] } {
  const values: unknown[] = [workspaceId, idBound(window.fromMs), idBound(window.toMs)];
  const equal = [
    ['agent', window.agent],
    ['action', window.action],
    ['bundle_id', window.bundleId],
    ['rule_id', window.rule],
    ['effect', window.effect],
  ] as const;
  const conditions = equal.flatMap(([column, value]) =>
    value === undefined ? [] : [`${column} = $${values.push(value)}`],
  );
  return { condition: ['workspace_id = $1', 'id >= $2', 'id < $3', ...conditions].join(' and '), values };
}

/** How many records the window holds, counted up to `limit`. */
export async function countRecorded(
  pool: Pool,
  workspaceId: number,
  window: RecordWindow,
  limit: number,
): Promise<number> {
  const { condition, values } = inWindow(workspaceId, window);
  const { rows } = await pool.query<{ count: number }>(
    `select count(*) from (select 1 from decision where ${condition} limit ${limit}) counted`,
    values,
  );
  return rows[0]?.count ?? 0;
}

/** The newest records of the window below the id `before`, newest first, at most `limit`. */
export async function recordedPage(
  pool: Pool,
  workspaceId: number,
  window: RecordWindow,
  { before, limit }: { before: string | null; limit: number },
): Promise<RecordedRequest[]> {
  const { condition, values } = inWindow(workspaceId, window);
  const { rows } = await pool.query<Omit<RecordedRequest, 'at'>>(
    `select id, agent, action, session, context::text, detail->>'facts' as facts, detail->>'redacted' as redacted,
            policy_effect
       from decision where ${condition} ${before === null ? '' : `and id < $${values.push(before)}`}
      order by id desc limit ${limit}`,
    values,
  );
  return rows.map((row) => ({ ...row, at: timeOfId(row.id) }));
}

/** Rows of one page of the log; with contexts of the largest size 32 MiB. */
const pageRows = 500;

/** Gives the window's records a page at a time, newest first, at most `total` of them; then empty pages. */
export function recordedPages(
  pool: Pool,
  workspaceId: number,
  window: RecordWindow,
  total: number,
): () => Promise<RecordedRequest[]> {
  let before: string | null = null;
  let left = total;
  return async () => {
    const limit = Math.min(pageRows, left);
    const page = limit === 0 ? [] : await recordedPage(pool, workspaceId, window, { before, limit });
    left -= page.length;
    before = page.at(-1)?.id ?? before;
    return page;
  };
}
