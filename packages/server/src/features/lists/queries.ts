import type { ListVersionPage, NamedListDocument, NamedListPage } from '@policy-studio/contract';
import type { Lists, NamedList, Normalize } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';
import { invalid } from '../../http/route.js';
import type { Refusal } from '../../refusal.js';
import { canonicalValues, listDigest, type Scalar, valueFault, valuesChanged } from './values.js';

/** A list as it stands: its current version. */
export interface CurrentList {
  readonly name: string;
  readonly version: number;
  readonly values: readonly Scalar[];
  readonly normalize: Normalize | null;
  readonly digest: string;
  readonly live: boolean;
}

/** The lists of these names that exist, by name. Each with all its values. */
export async function currentLists(
  db: Pool | PoolClient,
  workspaceId: number,
  names: readonly string[],
): Promise<ReadonlyMap<string, CurrentList>> {
  if (names.length === 0) return new Map();
  const { rows } = await db.query<CurrentList>(
    `select name, l.version, v."values", v.normalize, v.digest, l.live
       from named_list l join named_list_version v using (workspace_id, name, version)
      where workspace_id = $1 and name = any($2) and not l.deleted`,
    [workspaceId, names],
  );
  return new Map(rows.map((row) => [row.name, row]));
}

/** The digests of those of these lists that exist. */
export async function listDigests(
  db: Pool | PoolClient,
  workspaceId: number,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (names.length === 0) return new Map();
  const { rows } = await db.query<{ name: string; digest: string }>(
    `select name, v.digest from named_list l join named_list_version v using (workspace_id, name, version)
      where workspace_id = $1 and name = any($2) and not l.deleted`,
    [workspaceId, names],
  );
  return new Map(rows.map(({ name, digest }) => [name, digest]));
}

/** Those of these lists that exist, their values as JSON text: what is only passed on needs no reading. */
export async function listTexts(
  db: Pool | PoolClient,
  workspaceId: number,
  names: readonly string[],
): Promise<readonly (Pick<CurrentList, 'name' | 'normalize' | 'digest'> & { readonly text: string })[]> {
  if (names.length === 0) return [];
  const { rows } = await db.query<Pick<CurrentList, 'name' | 'normalize' | 'digest'> & { text: string }>(
    `select name, v."values"::text as text, v.normalize, v.digest
       from named_list l join named_list_version v using (workspace_id, name, version)
      where workspace_id = $1 and name = any($2) and not l.deleted`,
    [workspaceId, names],
  );
  return rows;
}

/** The names of the workspace's lists, sorted, the first 1,000: to offer them for a name that is none. */
export async function listNames(db: Pool | PoolClient, workspaceId: number): Promise<readonly string[]> {
  const { rows } = await db.query<{ name: string }>(
    'select name from named_list where workspace_id = $1 and not deleted order by name limit 1000',
    [workspaceId],
  );
  return rows.map(({ name }) => name);
}

/** The versions that those of these lists that exist stand at. */
export async function listVersionsNow(
  db: Pool | PoolClient,
  workspaceId: number,
  names: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (names.length === 0) return new Map();
  const { rows } = await db.query<{ name: string; version: number }>(
    'select name, version from named_list where workspace_id = $1 and name = any($2) and not deleted',
    [workspaceId, names],
  );
  return new Map(rows.map(({ name, version }) => [name, version]));
}

/** Lists as they were at these versions; those that are not there are left out. */
export async function listsAt(
  db: Pool | PoolClient,
  workspaceId: number,
  versions: Readonly<Record<string, number>>,
): Promise<ReadonlyMap<string, Pick<CurrentList, 'values' | 'normalize'>>> {
  const wanted = Object.entries(versions);
  if (wanted.length === 0) return new Map();
  const { rows } = await db.query<Pick<CurrentList, 'name' | 'values' | 'normalize'>>(
    `select v.name, v."values", v.normalize
       from unnest($2::text[], $3::integer[]) as wanted (name, version)
       join named_list_version v on v.workspace_id = $1 and v.name = wanted.name and v.version = wanted.version`,
    [workspaceId, wanted.map(([name]) => name), wanted.map(([, version]) => version)],
  );
  return new Map(rows.map(({ name, values, normalize }) => [name, { values, normalize }]));
}

/** As the engine takes them. */
export function engineLists(lists: Iterable<readonly [string, Pick<CurrentList, 'values' | 'normalize'>]>): Lists {
  return Object.fromEntries(
    [...lists].map(([name, { values, normalize }]): [string, NamedList] => [
      name,
      normalize === null ? { values } : { values, normalize },
    ]),
  );
}

/** What an approval of kind `list` covers: the whole change, from the version it starts at. */
export function listSubject(
  current: Pick<CurrentList, 'version' | 'values'> | null,
  proposal: { name: string; values: readonly Scalar[]; normalize: Normalize | null; digest: string },
): Readonly<Record<string, unknown>> {
  return {
    kind: 'list',
    list: proposal.name,
    from_version: current?.version ?? null,
    normalize: proposal.normalize,
    digest: proposal.digest,
    size: proposal.values.length,
    ...valuesChanged(current?.values ?? [], proposal.values),
  };
}

/** The subject of an approval for a change of a list as it stands now; values that cannot be kept are refused. */
export async function listChangeAsked(
  db: Pool | PoolClient,
  workspaceId: number,
  asked: { list: string; values: readonly Scalar[]; normalize?: Normalize | null },
): Promise<Readonly<Record<string, unknown>> | Refusal> {
  const fault = valueFault(asked.values);
  if (fault) return invalid([{ path: `/values/${fault.index}`, message: fault.message }]);
  const current = (await currentLists(db, workspaceId, [asked.list])).get(asked.list) ?? null;
  const values = canonicalValues(asked.values);
  const normalize = asked.normalize === undefined ? (current?.normalize ?? null) : asked.normalize;
  return listSubject(current, { name: asked.list, values, normalize, digest: listDigest(values, normalize) });
}

interface SummaryRow {
  readonly name: string;
  readonly version: number;
  readonly size: number;
  readonly digest: string;
  readonly normalize: Normalize | null;
  readonly live: boolean;
  readonly description: string;
  readonly updated_at: Date;
  readonly updated_by: string;
}

const summaryColumns = `l.name, l.version, v.size, v.digest, v.normalize, l.live, l.description,
  v.created_at as updated_at, v.created_by as updated_by`;

/** The list with its values, or null. */
export async function listDocument(
  db: Pool | PoolClient,
  workspaceId: number,
  name: string,
): Promise<NamedListDocument | null> {
  const { rows } = await db.query<SummaryRow & { values: Scalar[] }>(
    `select ${summaryColumns}, v."values"
       from named_list l join named_list_version v
         on v.workspace_id = l.workspace_id and v.name = l.name and v.version = l.version
      where l.workspace_id = $1 and l.name = $2 and not l.deleted`,
    [workspaceId, name],
  );
  const row = rows[0];
  return row ? { ...row, updated_at: row.updated_at.toISOString() } : null;
}

/** Lists without their values, by name. */
export async function listPage(
  db: Pool,
  workspaceId: number,
  page: { limit: number; offset: number },
): Promise<NamedListPage> {
  const { rows } = await db.query<SummaryRow>(
    `select ${summaryColumns}
       from named_list l join named_list_version v
         on v.workspace_id = l.workspace_id and v.name = l.name and v.version = l.version
      where l.workspace_id = $1 and not l.deleted
      order by l.name collate "C" limit $2 offset $3`,
    [workspaceId, page.limit, page.offset],
  );
  const count = await db.query<{ total: number }>(
    'select count(*) as total from named_list where workspace_id = $1 and not deleted',
    [workspaceId],
  );
  return {
    lists: rows.map((row) => ({ ...row, updated_at: row.updated_at.toISOString() })),
    total: count.rows[0]?.total ?? 0,
    ...page,
  };
}

/** The versions of a list, newest first, without their values; null when there is no such list. */
export async function listVersions(
  db: Pool,
  workspaceId: number,
  name: string,
  page: { limit: number; offset: number },
): Promise<ListVersionPage | null> {
  const count = await db.query<{ total: number }>(
    `select count(*) as total from named_list l join named_list_version v using (workspace_id, name)
      where workspace_id = $1 and name = $2 and not l.deleted`,
    [workspaceId, name],
  );
  const total = count.rows[0]?.total ?? 0;
  if (total === 0) return null;
  const { rows } = await db.query<Omit<SummaryRow, 'updated_at'> & { created_at: Date; created_by: string }>(
    `select version, size, digest, normalize, created_at, created_by from named_list_version
      where workspace_id = $1 and name = $2 order by version desc limit $3 offset $4`,
    [workspaceId, name, page.limit, page.offset],
  );
  return { versions: rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() })), total, ...page };
}
