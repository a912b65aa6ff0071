import type { BodyOf, operations, Settings } from '@policy-studio/contract';
import { canonicalJson } from '@policy-studio/engine';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { invalid } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { lockEnforcement, settingsSubject, useApproval } from '../approvals/transaction.js';
import { proofHolds, provenStricter, type StricterProof } from '../bundles/queries.js';
import { recordChange } from '../events/transaction.js';
import {
  limitFaults,
  protectedSettings,
  type SettingChange,
  type SettingValues,
  settingFaults,
  settingsOf,
} from './queries.js';

/** Decisions may come out differently when one of these changes. */
const enforcedSettings = [
  'default_effect',
  'time_zone',
  'enforce_context',
  'cost_budget_24h',
  'caps',
  'max_stale_minutes',
] as const;

/** Merges a change into the settings. Without any difference nothing is recorded and no approval is used. */
export async function changeSettings(
  services: Services,
  caller: Caller,
  body: BodyOf<typeof operations.putSettings>,
): Promise<Settings | Refusal> {
  const { db, clock, config } = services;
  const { approval_id: approvalId, ...asked } = body as SettingChange & { approval_id?: number };
  if (Object.keys(asked).length === 0) return invalid([{ path: '', message: 'must say at least one setting' }]);
  const faults = settingFaults(asked);
  if (faults.length > 0) return invalid(faults);
  const now = clock.now();
  const proof = approvalId === undefined ? await stricterDefault(services, caller.workspaceId, asked) : null;
  const outcome = await withTransaction(db.pool, async (tx) => {
    await lockEnforcement(tx, caller.workspaceId);
    const before = await settingsOf(tx, config, caller.workspaceId);
    const change = merged(asked, before);
    const limits = limitFaults({ ...before, ...change });
    if (limits.length > 0) return invalid(limits);
    const changed = (Object.keys(change) as (keyof SettingValues)[]).filter(
      (name) => canonicalJson(change[name]) !== canonicalJson(before[name]),
    );
    if (changed.length === 0) return { settings: before, generation: null };
    const stricter = await isStricter(tx, { caller, change, changed, proof });
    const refusal =
      before.four_eyes && !stricter ? await approved(tx, { caller, change: asked, changed, approvalId, now }) : null;
    if (refusal) return refusal;
    await tx.query(
      `insert into setting as current (workspace_id, "values", updated_by, updated_at) values ($1, $2, $3, $4)
       on conflict (workspace_id) do update
         set "values" = (current."values"::jsonb || excluded."values"::jsonb)::json,
             updated_by = excluded.updated_by, updated_at = excluded.updated_at`,
      [caller.workspaceId, JSON.stringify(change), caller.owner, now],
    );
    // Calls are counted anew: nobody counted those that no cap asked for, and another zone has other days.
    if (changed.includes('caps') || changed.includes('time_zone')) {
      await tx.query('update workspace set caps_epoch = caps_epoch + 1 where id = $1', [caller.workspaceId]);
    }
    const enforcement = changed.some((name) => (enforcedSettings as readonly string[]).includes(name));
    const { generation } = await recordChange(tx, {
      workspaceId: caller.workspaceId,
      at: now,
      actor: caller.owner,
      kind: 'settings.changed',
      subject: 'settings',
      data: {
        before: Object.fromEntries(changed.map((name) => [name, before[name]])),
        after: Object.fromEntries(changed.map((name) => [name, change[name]])),
        approval_id: approvalId ?? null,
        ...(before.four_eyes && stricter ? { proven_stricter: true } : {}),
      },
      enforcement,
    });
    return { settings: await settingsOf(tx, config, caller.workspaceId), generation: enforcement ? generation : null };
  });
  if (outcome instanceof Refusal) return outcome;
  if (outcome.generation !== null) await services.enforcement.reach(caller.workspaceId, outcome.generation);
  return outcome.settings;
}

/** The settings that change, whole. */
function merged({ gates, critical, ...rest }: SettingChange, before: Settings): SettingValues {
  return {
    ...rest,
    ...(gates ? { gates: { ...before.gates, ...gates } } : {}),
    ...(critical ? { critical: { ...before.critical, ...critical } } : {}),
  };
}

/** The proof that another default effect lets agents do nothing more, where one is asked for and takes a second person. */
async function stricterDefault(
  services: Services,
  workspaceId: number,
  { default_effect: defaultEffect }: SettingChange,
): Promise<StricterProof | null> {
  if (defaultEffect === undefined) return null;
  const settings = await settingsOf(services.db.pool, services.config, workspaceId);
  if (!settings.four_eyes || settings.default_effect === defaultEffect) return null;
  return provenStricter(services, workspaceId, { defaultEffect });
}

interface Weighed {
  readonly caller: Caller;
  readonly change: SettingValues;
  readonly changed: readonly (keyof SettingValues)[];
  readonly proof: StricterProof | null;
}

/** Whether all that is protected and changes is known to let agents do nothing more, and something does. */
async function isStricter(tx: PoolClient, { caller, change, changed, proof }: Weighed): Promise<boolean> {
  const touched = protectedSettings.filter((name) => changed.includes(name));
  for (const name of touched) {
    const plainly =
      (name === 'enforce_context' && change.enforce_context === true) ||
      (name === 'require_evidence' && change.require_evidence === true) ||
      (name === 'catalog' && change.catalog === 'strict');
    const proven = name === 'default_effect' && proof !== null && (await proofHolds(tx, caller.workspaceId, proof));
    if (!plainly && !proven) return false;
  }
  return touched.length > 0;
}

interface Guarded {
  readonly caller: Caller;
  /** As it was asked for, which is what an approval covers. */
  readonly change: SettingChange;
  readonly changed: readonly (keyof SettingValues)[];
  readonly approvalId: number | undefined;
  readonly now: Date;
}

/** Null when the change may be made: it touches nothing protected, or its approval has just been used. */
async function approved(tx: PoolClient, guarded: Guarded): Promise<Refusal | null> {
  const { caller, change, changed, approvalId, now } = guarded;
  const touched = protectedSettings.filter((name) => changed.includes(name));
  if (touched.length === 0) return null;
  if (approvalId === undefined) {
    const names = touched.map((name) => `\`${name}\``).join(', ');
    return refuse(
      'approval_required',
      `with four eyes, changing ${names} needs an approval of kind \`settings\`; ask with POST /policy/approvals and name it in \`approval_id\``,
    );
  }
  const named = protectedSettings.filter((name) => name in change).map((name) => [name, change[name]] as const);
  const used = await useApproval(tx, {
    workspaceId: caller.workspaceId,
    approvalId,
    kind: 'settings',
    subject: settingsSubject(Object.fromEntries(named)),
    fourEyes: true,
    now,
    actor: caller.owner,
  });
  return used instanceof Refusal ? used : null;
}
