import type { BodyOf, operations, Risk } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { approvalById } from '../approvals/queries.js';
import { lockEnforcement, useApproval } from '../approvals/transaction.js';
import { recordChange } from '../events/transaction.js';
import { settingsOf } from '../settings/queries.js';
import {
  activatable,
  activationSubject,
  type BundleHead,
  type BundleRow,
  bundleColumns,
  bundleHead,
  findingsOutdated,
  lintedBundle,
} from './queries.js';
import { noBundle } from './refusals.js';
import { bundleTransition } from './transition.js';

/**
 * Brings an approved bundle into force for all traffic. The one that was in force is superseded in the same transaction.
 * Returns when this server decides by it.
 */
export async function activateBundle(
  services: Services,
  caller: Caller,
  id: number,
  body: BodyOf<typeof operations.activateBundle>,
): Promise<BundleRow | Refusal> {
  const { db, clock, enforcement } = services;
  const now = clock.now();
  const asked = await lintedBundle(db.pool, caller.workspaceId, id);
  if (!asked) return noBundle(id);
  const ready = notReady(asked, body.canary_pct) ?? (await activatable(services, caller.workspaceId, asked));
  if (ready instanceof Refusal) return ready;
  const outcome = await withTransaction(db.pool, async (tx) => {
    await lockEnforcement(tx, caller.workspaceId);
    // This one and the one it takes over from, before the approval and the workspace.
    await tx.query(
      `select id from bundle where workspace_id = $1 and (id = $2 or status = 'active') order by id for update`,
      [caller.workspaceId, id],
    );
    const bundle = await bundleHead(tx, caller.workspaceId, id);
    if (!bundle) return noBundle(id);
    const refused =
      notReady(bundle, body.canary_pct) ??
      overtaken(ready.inForce, await inForceId(tx, caller.workspaceId)) ??
      (await findingsOutdated(tx, services.config, caller.workspaceId, bundle)) ??
      (await approvalRefused(tx, services, { caller, bundle, body, now }, ready.risk));
    return refused ?? bringIntoForce(tx, { caller, bundle, body, now });
  });
  if (outcome instanceof Refusal) return outcome;
  await enforcement.reach(caller.workspaceId, outcome.generation);
  return outcome.bundle;
}

async function inForceId(tx: PoolClient, workspaceId: number): Promise<number | null> {
  const { rows } = await tx.query<{ id: number }>(
    `select id from bundle where workspace_id = $1 and status = 'active'`,
    [workspaceId],
  );
  return rows[0]?.id ?? null;
}

/** Of two activations at once the second would undo the first unseen; who asked for it is to look first. */
function overtaken(seen: number | null, inForce: number | null): Refusal | null {
  if (seen === inForce) return null;
  return refuse(
    'conflict',
    `bundle ${inForce} was activated at the same moment; activate again if this one is to follow it`,
  );
}

/** What keeps the bundle itself from being activated. */
function notReady(bundle: BundleHead, canaryPct: number): Refusal | null {
  if (canaryPct < 100) {
    return refuse(
      'not_implemented',
      `a share of traffic below 100 % is not offered yet; send \`canary_pct\`: 100, with an approval whose \`initial_pct\` is 100`,
      [{ path: '/canary_pct', message: 'must be 100 for now' }],
    );
  }
  const outcome = bundleTransition(bundle.status, 'activate');
  if ('refused' in outcome) {
    return refuse(outcome.refused, `bundle ${bundle.id} is ${bundle.status}${bundle.active ? ' already' : ''}`);
  }
  if (bundle.empty) {
    return refuse('empty_bundle', `bundle ${bundle.id} has no rules; add one first`);
  }
  return null;
}

interface Activation {
  readonly caller: Caller;
  readonly bundle: BundleHead;
  readonly body: BodyOf<typeof operations.activateBundle>;
  readonly now: Date;
}

/** Uses the approval up, if it covers the bundle and what that newly allows, which is of the given risk. */
async function approvalRefused(
  tx: PoolClient,
  { config }: Services,
  { caller, bundle, body, now }: Activation,
  risk: Risk | null,
): Promise<Refusal | null> {
  const { workspaceId } = caller;
  const { approval_id: approvalId, canary_pct: canaryPct } = body;
  const settings = await settingsOf(tx, config, workspaceId);
  // The share asked for never changes, so it can be read before the row is locked.
  const approval = await approvalById(tx, workspaceId, approvalId);
  const initialPct = approval?.initial_pct ?? 0;
  const plan = { defaultEffect: settings.default_effect, initialPct };
  if (approval?.kind === 'activation' && approval.bundle_id === bundle.id && canaryPct > initialPct) {
    return refuse(
      'approval_mismatch',
      `approval ${approvalId} covers ${initialPct} % of traffic at first, not ${canaryPct} %; request one with \`initial_pct\`: ${canaryPct}`,
    );
  }
  const used = await useApproval(tx, {
    workspaceId,
    approvalId,
    kind: 'activation',
    subject: await activationSubject(tx, workspaceId, bundle, plan),
    fourEyes: settings.four_eyes,
    risk,
    now,
    actor: caller.owner,
  });
  return used instanceof Refusal ? used : null;
}

async function bringIntoForce(
  tx: PoolClient,
  { caller, bundle, body, now }: Activation,
): Promise<{ bundle: BundleRow; generation: number }> {
  const { workspaceId, owner: actor } = caller;
  const superseded = await tx.query<{ id: number; version: string; digest: string }>(
    `update bundle set status = 'superseded', active = false, canary_pct = 0, traffic_pct = 0, updated_at = $2,
                       revision = revision + 1
      where workspace_id = $1 and status = 'active' returning id, version, digest`,
    [workspaceId, now],
  );
  const { rows } = await tx.query<BundleRow>(
    `update bundle set status = 'active', active = true, canary_pct = 100, traffic_pct = 100, activated_at = $3,
                       activated_by = $4, activated_by_claimed = $5, approval_id = $6, updated_at = $3,
                       revision = revision + 1
      where workspace_id = $1 and id = $2 returning ${bundleColumns}`,
    [workspaceId, bundle.id, now, actor, body.activated_by ?? null, body.approval_id],
  );
  const { generation } = await recordChange(tx, {
    workspaceId,
    at: now,
    actor,
    kind: 'bundle.activated',
    subject: `bundle/${bundle.id}`,
    data: {
      version: bundle.version,
      digest: bundle.digest,
      canary_pct: body.canary_pct,
      approval_id: body.approval_id,
      previous: superseded.rows[0] ?? null,
      activated_by: body.activated_by ?? null,
    },
    enforcement: true,
  });
  return { bundle: rows[0] as BundleRow, generation };
}
