import type { BodyOf, operations, Risk, Settings } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { invalid } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { type ApprovalRow, approvalById } from '../approvals/queries.js';
import { lockEnforcement, useApproval } from '../approvals/transaction.js';
import { recordChange } from '../events/transaction.js';
import { evidenceRefused } from '../exchange/transaction.js';
import type { StoredPlan } from '../rollouts/queries.js';
import { type ReadyRollout, readyRollout, startRollout } from '../rollouts/transaction.js';
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
 * Brings an approved bundle into force for the share of traffic that is asked for: 0 to watch, 100 for everything at once,
 * which supersedes the one before. Begins its rollout. Returns when this server decides by it.
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
  const ready = notReady(asked) ?? (await activatable(services, caller.workspaceId, asked));
  if (ready instanceof Refusal) return ready;
  const outcome = await withTransaction(db.pool, async (tx) => {
    await lockEnforcement(tx, caller.workspaceId);
    // This one and those it takes over from, before rollouts, the approval and the workspace.
    await tx.query(
      `select id from bundle where workspace_id = $1 and (id = $2 or status in ('active', 'canary', 'shadow'))
        order by id for update`,
      [caller.workspaceId, id],
    );
    const bundle = await bundleHead(tx, caller.workspaceId, id);
    if (!bundle) return noBundle(id);
    const settings = await settingsOf(tx, services.config, caller.workspaceId);
    // What it covers never changes, so it can be read before the row is locked.
    const approval = await approvalById(tx, caller.workspaceId, body.approval_id);
    const activation = { caller, bundle, body, settings, approval, now };
    const refused =
      notReady(bundle) ??
      overtaken(ready.inForce, await inForceId(tx, caller.workspaceId)) ??
      (await findingsOutdated(tx, services.config, caller.workspaceId, bundle)) ??
      laxerRefused(activation) ??
      (settings.require_evidence ? await evidenceRefused(tx, services.secrets, caller.workspaceId, bundle) : null);
    if (refused) return refused;
    const rollout = await readyRollout(tx, {
      workspaceId: caller.workspaceId,
      bundle,
      sharePct: body.canary_pct,
      plan: planOf(activation),
      risky: ready.risk === 'high' || ready.risk === 'critical',
      supersede: body.supersede ?? false,
      now,
    });
    if (rollout instanceof Refusal) return rollout;
    return (await approvalRefused(tx, activation, ready.risk)) ?? bringIntoForce(tx, activation, rollout);
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
function notReady(bundle: BundleHead): Refusal | null {
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
  readonly settings: Settings;
  readonly approval: ApprovalRow | null;
  readonly now: Date;
}

const hourMs = 3_600_000;

/** What a breach is to do, as people approved it. */
function approvedOnBreach(approval: ApprovalRow | null): StoredPlan['on_breach'] {
  return approval?.subject.on_breach === 'hold' ? 'hold' : 'rollback';
}

type Planned = Pick<Activation, 'settings' | 'body' | 'approval'>;

/** The settings of now, with what the activation says otherwise. */
function planOf({ settings, body, approval }: Planned): StoredPlan {
  const dwellMs = Math.round((body.dwell_hours ?? settings.dwell_hours) * hourMs);
  return {
    steps: settings.steps,
    dwell_ms: dwellMs,
    bake_ms: dwellMs,
    on_breach: approvedOnBreach(approval),
    gates: { ...settings.gates, ...body.gates },
    critical: settings.critical,
  };
}

/** The limits of a workspace are two people's; one alone makes them only stricter. None lies beyond the critical one. */
function laxerRefused({ settings, body, approval }: Planned): Refusal | null {
  const plan = planOf({ settings, body, approval });
  const rates = ['max_error_rate', 'max_deny_rate', 'max_cost_increase'] as const;
  if (!settings.four_eyes) {
    const beyond = rates.filter((name) => plan.gates[name] > plan.critical[name]);
    const limits = beyond.map((name) => ({
      path: `/gates/${name}`,
      message: `may be at most ${plan.critical[name]}, the critical limit`,
    }));
    return limits.length === 0 ? null : invalid(limits);
  }
  const laxer = rates.filter((name) => plan.gates[name] > settings.gates[name]);
  const faults = [
    ...laxer.map((name) => ({
      path: `/gates/${name}`,
      message: `may be at most ${settings.gates[name]}, the setting`,
    })),
    ...(plan.gates.min_sample_size < settings.gates.min_sample_size
      ? [{ path: '/gates/min_sample_size', message: `may be at least ${settings.gates.min_sample_size}, the setting` }]
      : []),
    ...((body.dwell_hours ?? settings.dwell_hours) < settings.dwell_hours
      ? [{ path: '/dwell_hours', message: `may be at least ${settings.dwell_hours}, the setting` }]
      : []),
  ];
  return faults.length === 0 ? null : invalid(faults);
}

/** Uses the approval up, if it covers the bundle and what that newly allows, which is of the given risk. */
async function approvalRefused(
  tx: PoolClient,
  { caller, bundle, body, settings, approval, now }: Activation,
  risk: Risk | null,
): Promise<Refusal | null> {
  const { workspaceId } = caller;
  const { approval_id: approvalId, canary_pct: canaryPct } = body;
  const initialPct = approval?.initial_pct ?? 0;
  const onBreach = approvedOnBreach(approval);
  const plan = { defaultEffect: settings.default_effect, initialPct, onBreach };
  if (approval?.kind === 'activation' && approval.bundle_id === bundle.id && canaryPct > initialPct) {
    return refuse(
      'approval_mismatch',
      `approval ${approvalId} covers ${initialPct} % of traffic at first, not ${canaryPct} %; request one with \`initial_pct\`: ${canaryPct}`,
    );
  }
  if (approval?.kind === 'activation' && (body.on_breach ?? onBreach) !== onBreach) {
    return refuse(
      'approval_mismatch',
      `approval ${approvalId} covers \`on_breach\`: \`${onBreach}\`; request one with \`on_breach\`: \`${body.on_breach}\``,
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
  ready: ReadyRollout,
): Promise<{ bundle: BundleRow; generation: number }> {
  const { workspaceId, owner: actor } = caller;
  const rollout = await startRollout(tx, ready, { approvalId: body.approval_id, actor });
  const { rows } = await tx.query<BundleRow>(
    `update bundle set activated_at = $3, activated_by = $4, activated_by_claimed = $5, approval_id = $6
      where workspace_id = $1 and id = $2 returning ${bundleColumns}`,
    [workspaceId, bundle.id, now, actor, body.activated_by ?? null, body.approval_id],
  );
  const previous = ready.previousId === null ? null : await bundleHead(tx, workspaceId, ready.previousId);
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
      rollout_id: rollout.id,
      previous: previous && { id: previous.id, version: previous.version, digest: previous.digest },
      activated_by: body.activated_by ?? null,
    },
    enforcement: true,
  });
  return { bundle: rows[0] as BundleRow, generation };
}
