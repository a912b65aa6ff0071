import type { WorkspaceExport } from '@policy-studio/contract';
import type { Pool } from 'pg';
import { type Refusal, refuse } from '../../refusal.js';
import type { WorkspaceRow } from './queries.js';

/** Rows of a table that are read at once: those that can be large, few at a time. */
const rowsAtOnce: Readonly<Record<string, number>> = { bundle: 2, named_list_version: 2, decision: 50 };
const defaultRowsAtOnce = 500;
/** A page ends with the row that reaches either. */
const pageRows = 500;
const pageBytes = 4 * 1024 * 1024;

/** The tables that leave, in this order, and which of their columns stay here because they are secrets. */
export const exportedTables: Readonly<Record<string, readonly string[]>> = {
  workspace: [],
  setting: [],
  catalog: [],
  catalog_agent: [],
  catalog_action: [],
  named_list: [],
  named_list_version: [],
  bundle: [],
  bundle_evidence: [],
  trusted_key: [],
  approver_group: [],
  approval: [],
  approval_asked: [],
  approval_entry: [],
  approval_vote: [],
  rollout: [],
  rollout_evidence: [],
  rollout_evidence_sum: [],
  rollout_evidence_block: [],
  freeze_window: [],
  emergency_pin: [],
  bundle_pin: [],
  second_person_request: [],
  incident: [],
  incident_entry: [],
  member: [],
  api_key: ['hash'],
  channel: ['sealed', 'lease', 'leased_until'],
  delivery: [],
  audit_checkpoint: [],
  event: [],
  circuit_trip: [],
  cap_breach: [],
  daily_spend: [],
  session_spend: [],
  decision_rollup: [],
  decision: [],
};

/** The tables that do not leave, and why. */
export const keptTables: Readonly<Record<string, string>> = {
  approval_link: 'one-time links are secrets',
  browser_session: 'sessions are secrets',
  sign_in_link: 'one-time links are secrets',
  command_answer: 'answers kept for a day for commands that are repeated',
  request_claim: 'request ids kept for a day',
  job: 'work and its results, kept for a short time',
  replica_generation: 'what servers tell of themselves',
  demo: 'says of a workspace that what is in it is made up',
  decision_rollup_delta: 'in decision_rollup within seconds',
  rollout_evidence_delta: 'in rollout_evidence within seconds',
};

interface Position {
  readonly table: string;
  /** Key of the last row of the page before, as text; null: from the first row. */
  readonly key: readonly string[] | null;
}

interface Shape {
  readonly workspaceColumn: string;
  readonly columns: readonly string[];
  readonly key: readonly { readonly name: string; readonly type: string }[];
}

/** The page of everything in a workspace that begins after `after`, or why that is no position. */
export async function exportPage(
  pool: Pool,
  { id, name }: Pick<WorkspaceRow, 'id' | 'name'>,
  after: string | null,
  now: Date,
): Promise<WorkspaceExport | Refusal> {
  const tables = Object.keys(exportedTables);
  const start = after === null ? { table: tables[0] as string, key: null } : positionOf(after);
  if (start === null || !tables.includes(start.table)) return badPosition();
  const items: WorkspaceExport['items'] = [];
  let bytes = 0;
  let at: Position | null = start;
  while (at !== null && items.length < pageRows && bytes < pageBytes) {
    const { table, key }: Position = at;
    const shape = await shapeOf(pool, table);
    if (key !== null && key.length !== shape.key.length) return badPosition();
    const limit = Math.min(rowsAtOnce[table] ?? defaultRowsAtOnce, pageRows - items.length);
    const rows = await rowsAfter(pool, { table, shape, workspaceId: id, key, limit });
    if (rows === null) return badPosition();
    for (const { text } of rows) {
      items.push({ table, row: JSON.parse(text) as Record<string, unknown> });
      bytes += text.length;
    }
    const last = rows.at(-1);
    const next = tables[tables.indexOf(table) + 1];
    if (last && rows.length === limit) at = { table, key: last.key };
    else at = next === undefined ? null : { table: next, key: null };
  }
  return {
    format: 'policy-studio-workspace-1',
    workspace: name,
    at: now.toISOString(),
    items,
    next: at === null ? null : Buffer.from(JSON.stringify([at.table, ...(at.key ?? [])])).toString('base64url'),
  };
}

function positionOf(text: string): Position | null {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (!Array.isArray(parts) || !parts.every((part): part is string => typeof part === 'string')) return null;
    const [table, ...key] = parts;
    return table === undefined ? null : { table, key: key.length === 0 ? null : key };
  } catch {
    return null;
  }
}

function badPosition(): Refusal {
  return refuse('validation_failed', '`after` is not the `next` of an earlier page; begin again without it');
}

async function shapeOf(pool: Pool, table: string): Promise<Shape> {
  const { rows } = await pool.query<{ name: string; type: string; place: number | null }>(
    `select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type,
            array_position(i.indkey::smallint[], a.attnum) as place
       from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
      where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [table],
  );
  const left = exportedTables[table] ?? [];
  const key = rows
    .filter(({ place }) => place !== null)
    .sort((a, b) => Number(a.place) - Number(b.place))
    .map(({ name, type }) => ({ name, type }));
  if (key.length === 0) throw new Error(`the table ${table} has no primary key`);
  return {
    workspaceColumn: table === 'workspace' ? 'id' : 'workspace_id',
    columns: rows.map(({ name }) => name).filter((name) => !left.includes(name)),
    key,
  };
}

interface Asked {
  readonly table: string;
  readonly shape: Shape;
  readonly workspaceId: number;
  readonly key: readonly string[] | null;
  readonly limit: number;
}

/** Null: `key` holds what cannot be a key of this table. */
async function rowsAfter(
  pool: Pool,
  { table, shape, workspaceId, key, limit }: Asked,
): Promise<{ text: string; key: string[] }[] | null> {
  const named = shape.key.map(({ name }) => `"${name}"`).join(', ');
  const given = shape.key.map(({ type }, index) => `$${index + 3}::text::${type}`).join(', ');
  const after = key === null ? '' : `and (${named}) > (${given})`;
  const keys = shape.key.map(({ name }) => `"${name}"::text`).join(', ');
  try {
    const { rows } = await pool.query<{ text: string; key: string[] }>(
      `select (select to_json(picked) from (select ${shape.columns.map((column) => `each."${column}"`).join(', ')}) picked)::text as text,
              array[${keys}] as key
         from ${table} each where "${shape.workspaceColumn}" = $1 ${after} order by ${named} limit $2`,
      [workspaceId, limit, ...(key ?? [])],
    );
    return rows;
  } catch (error) {
    // A text that is no number, no date, no id, or too large for one.
    if (String((error as { code?: unknown }).code).startsWith('22')) return null;
    throw error;
  }
}
