import { type Bundle, type BundleStatus, bundlePageBytes, type LintResult, type Risk } from '@policy-studio/contract';
import { listsUsed, type RuleInput } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';
import { type CurrentList, currentLists, engineLists, listDigests } from '../lists/queries.js';
import { findings } from './findings.js';
import { newlyAllowedRisk } from './risk.js';

export { bundleInvalid } from './findings.js';

export interface BundleRow {
  readonly id: number;
  readonly version: string;
  readonly rules: readonly Record<string, unknown>[];
  readonly notes: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status: BundleStatus;
  readonly active: boolean;
  readonly canary_pct: number;
  readonly traffic_pct: number;
  readonly digest: string;
  readonly lint: LintResult;
  readonly lists_read: ListsRead;
  readonly revision: number;
  readonly source: 'api' | 'imported';
  readonly source_signature: string | null;
  readonly approval_id: number | null;
  readonly created_by: string;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly activated_by: string | null;
  readonly activated_at: Date | null;
}

/** The lists that rules read, each with the digest it had when the findings were made; null where there was none. */
export type ListsRead = Readonly<Record<string, string | null>>;

/** The columns of a `BundleRow`. */
export const bundleColumns = `id, version, rules, notes, metadata, status, active, canary_pct, traffic_pct, digest, lint,
  lists_read, revision, source, source_signature, approval_id, created_by, created_at, updated_at, activated_by,
  activated_at`;

/** The bundle as it was stored last; its findings are those of then. `lock` holds it until the transaction ends. */
export async function bundleById(
  db: Pool | PoolClient,
  workspaceId: number,
  id: number,
  lock: '' | 'for update' = '',
): Promise<BundleRow | null> {
  const { rows } = await db.query<BundleRow>(
    `select ${bundleColumns} from bundle where workspace_id = $1 and id = $2 ${lock}`,
    [workspaceId, id],
  );
  return rows[0] ?? null;
}

export async function bundleByVersion(db: Pool, workspaceId: number, version: string): Promise<BundleRow | null> {
  const { rows } = await db.query<BundleRow>(
    `select ${bundleColumns} from bundle where workspace_id = $1 and version = $2`,
    [workspaceId, version],
  );
  return rows[0] ?? null;
}

/** The bundle that was activated last, or null. */
export async function activeBundle(db: Pool, workspaceId: number): Promise<BundleRow | null> {
  const { rows } = await db.query<BundleRow>(`select ${bundleColumns} from bundle where workspace_id = $1 and active`, [
    workspaceId,
  ]);
  return rows[0] ?? null;
}

/** The bundle that decides, or null. */
export async function bundleInForce(db: Pool | PoolClient, workspaceId: number): Promise<BundleRow | null> {
  const { rows } = await db.query<BundleRow>(
    `select ${bundleColumns} from bundle where workspace_id = $1 and status = 'active'`,
    [workspaceId],
  );
  return rows[0] ?? null;
}

/** Whether the bundle in force reads the list `name`. */
export async function isListInForce(db: Pool | PoolClient, workspaceId: number, name: string): Promise<boolean> {
  const { rows } = await db.query<{ lists_read: ListsRead }>(
    `select lists_read from bundle where workspace_id = $1 and status = 'active'`,
    [workspaceId],
  );
  return rows.some(({ lists_read: lists }) => Object.hasOwn(lists, name));
}

export interface BundlePageOf {
  readonly bundles: BundleRow[];
  readonly total: number;
  readonly limit: number;
  readonly offset: number;
}

/**
 * Bundles, newest first. A page ends before it would weigh more than `bundlePageBytes` (one bundle is always in it);
 * `limit` is then how many bundles it covers.
 */
export async function bundlePage(
  db: Pool,
  workspaceId: number,
  { active_only: activeOnly, limit, offset }: { active_only: boolean; limit: number; offset: number },
): Promise<BundlePageOf> {
  const weighed = await db.query<{ id: number; bytes: number }>(
    `select id, bytes from bundle where workspace_id = $1 and (active or not $2)
      order by created_at desc, id desc limit $3 offset $4`,
    [workspaceId, activeOnly, limit, offset],
  );
  let bytes = 0;
  const heavy = weighed.rows.findIndex((row, index) => {
    bytes += row.bytes;
    return index > 0 && bytes > bundlePageBytes;
  });
  const ids = weighed.rows.slice(0, heavy === -1 ? undefined : heavy).map(({ id }) => id);
  const { rows: bundles } = await db.query<BundleRow>(
    `select ${bundleColumns} from bundle where workspace_id = $1 and id = any($2) order by created_at desc, id desc`,
    [workspaceId, ids],
  );
  const count = await db.query<{ total: number }>(
    'select count(*) as total from bundle where workspace_id = $1 and (active or not $2)',
    [workspaceId, activeOnly],
  );
  return { bundles, total: count.rows[0]?.total ?? 0, limit: heavy === -1 ? limit : ids.length, offset };
}

/** The rules' findings with the lists as they stand, and which lists those were. `changed` stands in for its namesake. */
export async function assess(
  db: Pool | PoolClient,
  workspaceId: number,
  rules: readonly unknown[],
  changed?: Pick<CurrentList, 'name' | 'values' | 'normalize' | 'digest'>,
): Promise<{ lint: LintResult; listsRead: ListsRead }> {
  const names = listsUsed(rules as readonly RuleInput[]);
  const lists: Map<string, Pick<CurrentList, 'values' | 'normalize' | 'digest'>> = new Map(
    await currentLists(db, workspaceId, names),
  );
  if (changed && names.includes(changed.name)) lists.set(changed.name, changed);
  return {
    lint: findings(rules, engineLists(lists)),
    listsRead: Object.fromEntries(names.map((name) => [name, lists.get(name)?.digest ?? null])),
  };
}

/** The bundles with their findings as of now: those that were made with lists that have changed since are made anew. */
export async function withCurrentFindings<T extends BundleRow>(
  db: Pool | PoolClient,
  workspaceId: number,
  bundles: readonly T[],
): Promise<T[]> {
  const names = [...new Set(bundles.flatMap(({ lists_read: lists }) => Object.keys(lists)))];
  const digests = await listDigests(db, workspaceId, names);
  const current: T[] = [];
  for (const bundle of bundles) {
    const same = Object.entries(bundle.lists_read).every(([name, digest]) => (digests.get(name) ?? null) === digest);
    current.push(same ? bundle : { ...bundle, lint: (await assess(db, workspaceId, bundle.rules)).lint });
  }
  return current;
}

/**
 * What an approval of kind `activation` covers. A list that was created live stands there as `live`, because its values
 * may change at any time; every other one with its digest.
 */
export async function activationSubject(
  db: Pool | PoolClient,
  workspaceId: number,
  bundle: Pick<BundleRow, 'id' | 'digest' | 'rules'>,
  plan: { defaultEffect: string; initialPct: number },
): Promise<Readonly<Record<string, unknown>>> {
  const lists = await currentLists(db, workspaceId, listsUsed(bundle.rules as unknown as readonly RuleInput[]));
  return {
    kind: 'activation',
    bundle_id: bundle.id,
    digest: bundle.digest,
    lists: Object.fromEntries([...lists].map(([name, { live, digest }]) => [name, live ? 'live' : digest])),
    default_effect: plan.defaultEffect,
    initial_pct: plan.initialPct,
  };
}

/** The highest risk that rules of this bundle allow and the bundle in force does not, or null. */
export async function newRisk(
  db: Pool | PoolClient,
  workspaceId: number,
  bundle: Pick<BundleRow, 'rules'>,
): Promise<Risk | null> {
  const inForce = await bundleInForce(db, workspaceId);
  return newlyAllowedRisk(bundle.rules, inForce?.rules ?? []);
}

/** The bundle as clients see it. */
export function bundleDocument(row: BundleRow): Bundle {
  return {
    id: row.id,
    version: row.version,
    rules: [...row.rules],
    notes: row.notes,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    active: row.active,
    canary_pct: row.canary_pct,
    status: row.status,
    traffic_pct: row.traffic_pct,
    digest: row.digest,
    activated_at: row.activated_at?.toISOString() ?? null,
    activated_by: row.activated_by,
    approval_id: row.approval_id,
    source: row.source,
    source_signature: row.source_signature,
    metadata: row.metadata,
    lint: row.lint,
  };
}
