import { bundleDigest, canonicalJson, type RuleInput, sha256Hex } from '@policy-studio/engine';
import { withTransaction } from '../../database/connection.js';
import type { TestServer } from '../../server.testkit.js';
import { recordChange } from '../events/transaction.js';
import type { SettingValues } from '../settings/queries.js';

export interface ToEnforce {
  readonly rules?: readonly RuleInput[];
  readonly lists?: Readonly<
    Record<string, { values: (string | number | boolean)[]; normalize?: 'lower' | 'email' | 'host' }>
  >;
  readonly settings?: SettingValues;
  /** Default: the right one. */
  readonly digest?: string;
}

export const defaultWorkspaceId = 1;

/**
 * Puts rules, lists and settings of the default workspace in force as an activation would, without the approvals that
 * are not the subject here, and waits for this server. Returns generation and bundle.
 */
export async function putInForce(
  { db, services }: Pick<TestServer, 'db' | 'services'>,
  { rules, lists = {}, settings, digest }: ToEnforce,
): Promise<{ generation: number; bundleId: number }> {
  const at = new Date();
  const result = await withTransaction(db.pool, async (tx) => {
    for (const [name, { values, normalize = null }] of Object.entries(lists)) {
      const { rows } = await tx.query<{ version: number }>(
        `insert into named_list as l (workspace_id, name, version, live) values ($1, $2, 1, true)
         on conflict (workspace_id, name) do update set version = l.version + 1 returning version`,
        [defaultWorkspaceId, name],
      );
      await tx.query(
        `insert into named_list_version (workspace_id, name, version, "values", size, normalize, digest, created_by, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, 'test', $8)`,
        [
          defaultWorkspaceId,
          name,
          rows[0]?.version,
          JSON.stringify(values),
          values.length,
          normalize,
          sha256Hex(canonicalJson({ values, normalize })),
          at,
        ],
      );
    }
    if (settings) {
      await tx.query(
        `insert into setting (workspace_id, "values", updated_by, updated_at) values ($1, $2, 'test', $3)
         on conflict (workspace_id) do update set "values" = (setting."values"::jsonb || excluded."values"::jsonb)::json`,
        [defaultWorkspaceId, JSON.stringify(settings), at],
      );
    }
    let bundleId = 0;
    if (rules) {
      await tx.query(
        `update bundle set status = 'superseded', active = false where workspace_id = $1 and status = 'active'`,
        [defaultWorkspaceId],
      );
      const { rows } = await tx.query<{ id: number }>(
        `insert into bundle (workspace_id, version, rules, status, active, traffic_pct, digest, lint, created_by, created_at, updated_at)
         select $1, '0.' || count(*) || '.0', $2, 'active', true, 100, $3, '{}', 'test', $4, $4 from bundle returning id`,
        [defaultWorkspaceId, JSON.stringify(rules), digest ?? bundleDigest(rules), at],
      );
      bundleId = rows[0]?.id ?? 0;
    }
    const { generation } = await recordChange(tx, {
      workspaceId: defaultWorkspaceId,
      at,
      actor: 'test',
      kind: 'bundle.activated',
      subject: `bundle/${bundleId}`,
      enforcement: true,
    });
    return { generation, bundleId };
  });
  await services.enforcement.reach(defaultWorkspaceId, result.generation);
  return result;
}

export interface ToRollOut {
  readonly rules: readonly RuleInput[];
  /** 0: shadow, 100: baking; between them canary. */
  readonly sharePct: number;
  readonly step?: number;
  readonly costCeiling?: number;
  /** Default: the right one. */
  readonly digest?: string;
}

/**
 * Puts a bundle beside the one in force (or, at 100 %, in its place) as a rollout would, and waits for this server.
 * A rollout that runs already ends.
 */
export async function putRollout(
  { db, services }: Pick<TestServer, 'db' | 'services'>,
  { rules, sharePct, step = 1, costCeiling, digest = bundleDigest(rules) }: ToRollOut,
): Promise<{ rolloutId: number; bundleId: number }> {
  const at = new Date();
  const phase = sharePct === 0 ? 'shadow' : sharePct < 100 ? 'canary' : 'baking';
  const result = await withTransaction(db.pool, async (tx) => {
    await tx.query(
      `update rollout set phase = 'superseded', ended_at = $2 where workspace_id = $1 and ended_at is null`,
      [defaultWorkspaceId, at],
    );
    await tx.query(
      `update bundle set status = 'superseded' where workspace_id = $1 and status in ('shadow', 'canary')`,
      [defaultWorkspaceId],
    );
    const before = await tx.query<{ id: number }>(
      `update bundle set status = case when $2 then 'superseded' else status end, active = active and not $2
        where workspace_id = $1 and status = 'active' returning id`,
      [defaultWorkspaceId, phase === 'baking'],
    );
    const made = await tx.query<{ id: number }>(
      `insert into bundle (workspace_id, version, rules, status, digest, lint, created_by, created_at, updated_at)
       select $1, '1.' || count(*) || '.0', $2, $3, $4, '{}', 'test', $5, $5 from bundle returning id`,
      [defaultWorkspaceId, JSON.stringify(rules), phase === 'baking' ? 'active' : phase, digest, at],
    );
    const bundleId = made.rows[0]?.id ?? 0;
    const { rows } = await tx.query<{ id: number }>(
      `insert into rollout (workspace_id, bundle_id, digest, previous_bundle_id, phase, share_pct, step, step_entered_at,
         plan, cost_ceiling, created_by, created_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, '{}', $9, 'test', $8, $8) returning id`,
      [
        defaultWorkspaceId,
        bundleId,
        digest,
        before.rows[0]?.id ?? null,
        phase,
        sharePct,
        step,
        at,
        costCeiling ?? null,
      ],
    );
    const { generation } = await recordChange(tx, {
      workspaceId: defaultWorkspaceId,
      at,
      actor: 'test',
      kind: 'rollout.started',
      subject: `bundle/${bundleId}`,
      enforcement: true,
    });
    return { rolloutId: rows[0]?.id ?? 0, bundleId, generation };
  });
  await services.enforcement.reach(defaultWorkspaceId, result.generation);
  return result;
}

/** Makes the catalog know agents and actions, so that decisions about them carry no mark. */
export async function introduce(
  { call }: Pick<TestServer, 'call'>,
  agents: readonly string[],
  actions: readonly string[],
): Promise<void> {
  for (const agent of agents) await call('putCatalogAgent', { params: { agent } });
  for (const action of actions) await call('putCatalogAction', { params: { action } });
}

/** A clock that stands still until it is moved. */
export function steppingClock(start: string): { now(): Date; advance(ms: number): void } {
  let ms = Date.parse(start);
  return {
    now: () => new Date(ms),
    advance(by) {
      ms += by;
    },
  };
}
