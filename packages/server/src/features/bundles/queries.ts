import {
  type Bundle,
  type BundleStatus,
  bundlePageBytes,
  type LintReport,
  type Provenance,
  type Risk,
} from '@policy-studio/contract';
import { canonicalJson } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';
import type { PolicyChange, PolicySide } from '../../compute/tasks/policy-change.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { isCurrent, lintBasis, lintNow, listsFor } from '../lint/queries.js';
import { currentLists, listDigests } from '../lists/queries.js';
import { bundleInvalid } from './refusals.js';

export { diffOf } from './diff.js';
export { bundleInvalid, noBundle } from './refusals.js';

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
  readonly lint: LintReport;
  readonly lists_read: ListsRead;
  /** The stamp of the basis that `lint` was made with. */
  readonly lint_basis: string;
  readonly revision: number;
  readonly source: 'api' | 'imported';
  readonly source_signature: string | null;
  readonly provenance: readonly Provenance[];
  readonly approval_id: number | null;
  readonly created_by: string;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly activated_by: string | null;
  readonly activated_at: Date | null;
}

/** A bundle without what may be large. */
export type BundleHead = Omit<BundleRow, 'rules' | 'lint'> & { readonly empty: boolean };
/** A bundle with its findings and without its rules. */
export type LintedBundle = BundleHead & Pick<BundleRow, 'lint'>;

/** The lists that rules read, each with the digest it had when the findings were made; null where there was none. */
export type ListsRead = Readonly<Record<string, string | null>>;

const ownColumns = `id, version, notes, metadata, status, active, canary_pct, traffic_pct, digest, lists_read, lint_basis,
  revision, source, source_signature, provenance, approval_id, created_by, created_at, updated_at, activated_by, activated_at`;
/** The columns of a `BundleRow`. */
export const bundleColumns = `rules, lint, ${ownColumns}`;
// Rules are kept without white space, so that no rules are two brackets.
const headColumns = `octet_length(rules::text) = 2 as empty, ${ownColumns}`;

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

/** The same without rules and findings. */
export async function bundleHead(
  db: Pool | PoolClient,
  workspaceId: number,
  id: number,
  lock: '' | 'for update' = '',
): Promise<BundleHead | null> {
  const { rows } = await db.query<BundleHead>(
    `select ${headColumns} from bundle where workspace_id = $1 and id = $2 ${lock}`,
    [workspaceId, id],
  );
  return rows[0] ?? null;
}

/** The same with its findings, which are those of when it was linted last. */
export async function lintedBundle(db: Pool, workspaceId: number, id: number): Promise<LintedBundle | null> {
  const { rows } = await db.query<LintedBundle>(
    `select lint, ${headColumns} from bundle where workspace_id = $1 and id = $2`,
    [workspaceId, id],
  );
  return rows[0] ?? null;
}

/** Versions and rules of these bundles, the rules as they are kept: what is only passed on needs no reading. */
export async function rulesText(
  db: Pool | PoolClient,
  workspaceId: number,
  ids: readonly number[],
): Promise<ReadonlyMap<number, { readonly version: string; readonly rules: string }>> {
  const { rows } = await db.query<{ id: number; version: string; rules: string }>(
    'select id, version, rules::text as rules from bundle where workspace_id = $1 and id = any($2)',
    [workspaceId, ids],
  );
  return new Map(rows.map(({ id, version, rules }) => [id, { version, rules }]));
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

async function headInForce(db: Pool, workspaceId: number): Promise<BundleHead | null> {
  const { rows } = await db.query<BundleHead>(
    `select ${headColumns} from bundle where workspace_id = $1 and status = 'active'`,
    [workspaceId],
  );
  return rows[0] ?? null;
}

/** What decides or is pinned, is on its way, or stands by to be gone back to. */
const inForceOrStandingBy = `(status in ('active', 'shadow', 'canary')
  or id in (select previous_bundle_id from rollout where workspace_id = $1 and phase = 'baking')
  or id in (select bundle_id from bundle_pin where workspace_id = $1 and ended_at is null))`;

/** Whether a bundle that decides, is pinned, is on its way, or stands by to be gone back to, reads the list `name`. */
export async function isListInForce(db: Pool | PoolClient, workspaceId: number, name: string): Promise<boolean> {
  const { rows } = await db.query<{ lists_read: ListsRead }>(
    `select lists_read from bundle where workspace_id = $1 and ${inForceOrStandingBy}`,
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

/** Rules of a page whose findings are made anew before it is answered; more are shown as they are. */
const refreshedRules = 2_000;

/** A bundle, and whether its findings are those of now. */
export interface ShownBundle<B = BundleRow> {
  readonly bundle: B;
  readonly current: boolean;
}

type Linting = Pick<Services, 'db' | 'config' | 'compute'>;
type Lintable = Pick<BundleRow, 'id' | 'revision' | 'lint' | 'lists_read' | 'lint_basis'>;

/** The bundle with findings as of now. Where lists, catalog or settings changed since, they are made anew and kept. */
export async function withFindings<B extends Lintable>(
  services: Linting,
  workspaceId: number,
  bundle: B,
): Promise<ShownBundle<B>> {
  const basis = await lintBasis(services.db.pool, services.config, workspaceId);
  if (await isCurrent(services.db.pool, workspaceId, basis, bundle)) return { bundle, current: true };
  const fresh = await refreshed(services, workspaceId, bundle);
  return fresh instanceof Refusal ? { bundle, current: false } : { bundle: fresh, current: true };
}

/** The same of a page, as far as that is quick. */
export async function pageWithFindings(
  services: Linting,
  workspaceId: number,
  bundles: readonly BundleRow[],
): Promise<ShownBundle[]> {
  const basis = await lintBasis(services.db.pool, services.config, workspaceId);
  const shown: ShownBundle[] = [];
  let rules = 0;
  for (const bundle of bundles) {
    if (await isCurrent(services.db.pool, workspaceId, basis, bundle)) {
      shown.push({ bundle, current: true });
      continue;
    }
    rules += bundle.rules.length;
    shown.push(rules > refreshedRules ? { bundle, current: false } : await withFindings(services, workspaceId, bundle));
  }
  return shown;
}

/** Makes the findings anew and keeps them, unless the bundle has changed meanwhile. The bundle itself stays as it is. */
async function refreshed<B extends Lintable>(services: Linting, workspaceId: number, bundle: B): Promise<B | Refusal> {
  const { pool } = services.db;
  const rules = (await rulesText(pool, workspaceId, [bundle.id])).get(bundle.id)?.rules ?? '[]';
  const text = `{"rules":${rules}}`;
  const linted = await lintNow(services, workspaceId, { format: 'body', text });
  if (linted instanceof Refusal) return linted;
  const fresh = { lint: linted.report, lists_read: linted.listsRead, lint_basis: linted.basis.stamp };
  const lint = JSON.stringify(fresh.lint);
  await pool.query(
    `update bundle set lint = $4, lists_read = $5, lint_basis = $6,
                       bytes = bytes - octet_length(lint::text) + octet_length($4::json::text)
      where workspace_id = $1 and id = $2 and revision = $3`,
    [workspaceId, bundle.id, bundle.revision, lint, JSON.stringify(fresh.lists_read), fresh.lint_basis],
  );
  return { ...bundle, ...fresh };
}

/** What is known of a bundle before it is asked for or brought into force. */
export interface Activatable {
  readonly bundle: LintedBundle;
  /** What it newly allows is of this risk; see `newRisk`. */
  readonly risk: Risk | null;
  /** The bundle that decided when that was found out. */
  readonly inForce: number | null;
}

/** Lints the bundle and compares it with what is in force, in another thread, so before any lock is taken. */
export async function activatable(
  services: Linting,
  workspaceId: number,
  bundle: LintedBundle,
): Promise<Activatable | Refusal> {
  const { bundle: fresh, current } = await withFindings(services, workspaceId, bundle);
  if (!current) return refuse('overloaded', 'the bundle cannot be linted now, try again in a few seconds');
  if (fresh.lint.errors.length > 0) return bundleInvalid(`bundle ${bundle.id}`, fresh.lint.errors);
  const inForce = await headInForce(services.db.pool, workspaceId);
  const risk = await newRisk(services, workspaceId, fresh, inForce);
  return risk instanceof Refusal ? risk : { bundle: fresh, risk: risk.risk, inForce: inForce?.id ?? null };
}

/** Null when the findings of a locked bundle are those of now. */
export async function findingsOutdated(
  tx: PoolClient,
  config: Services['config'],
  workspaceId: number,
  bundle: BundleHead,
): Promise<Refusal | null> {
  if (await isCurrent(tx, workspaceId, await lintBasis(tx, config, workspaceId), bundle)) return null;
  return refuse(
    'conflict',
    `bundle ${bundle.id}, a list, the catalog or a setting changed at the same moment; try again`,
  );
}

/**
 * What an approval of kind `activation` covers. A list that was created live stands there as `live`, because its values
 * may change at any time; every other one with its digest.
 */
export async function activationSubject(
  db: Pool | PoolClient,
  workspaceId: number,
  bundle: Pick<BundleRow, 'id' | 'digest' | 'lists_read'>,
  plan: { defaultEffect: string; initialPct: number; onBreach: 'rollback' | 'hold' },
): Promise<Readonly<Record<string, unknown>>> {
  const lists = await currentLists(db, workspaceId, Object.keys(bundle.lists_read));
  return {
    kind: 'activation',
    bundle_id: bundle.id,
    digest: bundle.digest,
    lists: Object.fromEntries([...lists].map(([name, { live, digest }]) => [name, live ? 'live' : digest])),
    default_effect: plan.defaultEffect,
    initial_pct: plan.initialPct,
    // The usual is left out, as it was before this could be asked for.
    ...(plan.onBreach === 'hold' ? { on_breach: 'hold' } : {}),
  };
}

/** The highest risk, by rule and catalog, of what this bundle allows and `inForce` does not. */
async function newRisk(
  { db, config, compute }: Linting,
  workspaceId: number,
  bundle: BundleHead,
  inForce: BundleHead | null,
): Promise<{ readonly risk: Risk | null } | Refusal> {
  const { setup, stamp } = await lintBasis(db.pool, config, workspaceId);
  const names = [bundle, ...(inForce ? [inForce] : [])].flatMap(({ lists_read: lists }) => Object.keys(lists));
  const lists = Object.fromEntries(await listDigests(db.pool, workspaceId, names));
  const key = canonicalJson([inForce?.digest ?? null, bundle.digest, lists, stamp]);
  const known = knownChanges.get(key);
  if (known) return known;
  const texts = await rulesText(db.pool, workspaceId, [bundle.id, ...(inForce ? [inForce.id] : [])]);
  const side = (of: BundleHead | null): PolicySide => ({
    rules: of === null ? null : (texts.get(of.id)?.rules ?? null),
    defaultEffect: setup.defaultEffect,
  });
  const { catalog, enforceContext } = setup;
  const input = { before: side(inForce), after: side(bundle), catalog, enforceContext };
  const found = await compute.run('policy-change', input, {
    share: workspaceId,
    onAsk: listsFor(db.pool, workspaceId),
  });
  if (!(found instanceof Refusal)) remember(key, found);
  return found;
}

/** By all that a comparison depends on: who activates asks what whoever requested it has asked. */
const knownChanges = new Map<string, PolicyChange>();
const keptChanges = 256;

function remember(key: string, change: PolicyChange): void {
  knownChanges.set(key, change);
  const [oldest] = knownChanges.keys();
  if (knownChanges.size > keptChanges && oldest !== undefined) knownChanges.delete(oldest);
}

/** That a change was shown to let agents do nothing more, as of one generation of what is in force. */
export interface StricterProof {
  readonly generation: number;
}

/**
 * Compares what decides now with what would after a change of the default effect or of lists (a JSON object). Null when
 * it is not proven that every request is decided as now or more strictly.
 */
export async function provenStricter(
  { db, config, compute }: Linting,
  workspaceId: number,
  change: Partial<Pick<PolicySide, 'defaultEffect' | 'lists'>>,
): Promise<StricterProof | null> {
  const generation = await generationOf(db.pool, workspaceId);
  const { setup } = await lintBasis(db.pool, config, workspaceId);
  const { rows } = await db.pool.query<{ rules: string; status: BundleStatus; lists_read: ListsRead }>(
    `select rules::text as rules, status, lists_read from bundle where workspace_id = $1 and ${inForceOrStandingBy}`,
    [workspaceId],
  );
  const changed = change.lists === undefined ? null : Object.keys(JSON.parse(change.lists) as object);
  // Compared is one bundle; others that the change concerns would have to be shown as well.
  const others = rows.filter(
    ({ status, lists_read: read }) =>
      status !== 'active' && (changed === null || changed.some((name) => Object.hasOwn(read, name))),
  );
  if (others.length > 0) return null;
  const active = rows.find(({ status }) => status === 'active');
  const before: PolicySide = { rules: active?.rules ?? null, defaultEffect: setup.defaultEffect };
  const { catalog, enforceContext } = setup;
  const found = await compute.run(
    'policy-change',
    { before, after: { ...before, ...change }, catalog, enforceContext },
    { share: workspaceId, onAsk: listsFor(db.pool, workspaceId) },
  );
  return !(found instanceof Refusal) && found.stricter ? { generation } : null;
}

/** Whether what was proven is still so, until the transaction ends. Take all other locks before. */
export async function proofHolds(tx: PoolClient, workspaceId: number, proof: StricterProof): Promise<boolean> {
  return (await generationOf(tx, workspaceId, 'for no key update')) === proof.generation;
}

async function generationOf(
  db: Pool | PoolClient,
  workspaceId: number,
  lock: '' | 'for no key update' = '',
): Promise<number> {
  const { rows } = await db.query<{ generation: number }>(`select generation from workspace where id = $1 ${lock}`, [
    workspaceId,
  ]);
  return rows[0]?.generation ?? -1;
}

/** The bundle as clients see it. */
export function bundleDocument({ bundle: row, current }: ShownBundle): Bundle {
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
    provenance: [...row.provenance],
    metadata: row.metadata,
    lint: { ...row.lint, current },
  };
}
