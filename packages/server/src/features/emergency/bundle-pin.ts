import type { BodyOf, operations, PinnedBundle } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { inWorkspace } from '../../database/scope.js';
import { samePerson } from '../../person.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { lockEnforcement } from '../approvals/transaction.js';
import { type BundleHead, bundleHead, bundleInvalid, noBundle, rulesText } from '../bundles/queries.js';
import { recordChange } from '../events/transaction.js';
import { openIncident } from '../incidents/transaction.js';
import { listsFor } from '../lint/queries.js';
import { settingsOf } from '../settings/queries.js';
import { type BundlePinRow, bundlePinDocument, generationNow, isBundlePinOver, lastBundlePin } from './queries.js';
import { closeBundlePin, endBundlePin } from './transaction.js';

const minuteMs = 60_000;
/** All pins are one incident, as long as that is not closed. */
const incidentKey = 'bundle_pin';

type Asked = BodyOf<typeof operations.pinBundle>;
type Pinned = Omit<PinnedBundle, 'generation'> & { readonly generation: number | null };

/**
 * Lets one bundle decide everything in the workspace, at once and whatever the rollouts say; it takes the place of one
 * that is pinned. This server decides by it when the command answers. The same request of the same person while its pin
 * is on changes nothing, so that it may be repeated. Refusals: `not_found`, `bundle_not_proven`, `approval_required`,
 * `bundle_invalid`.
 */
export async function pinBundle(services: Services, caller: Caller, asked: Asked): Promise<PinnedBundle | Refusal> {
  const now = services.clock.now();
  const { workspaceId, owner } = caller;
  const outcome = await withTransaction(services.db.pool, async (tx): Promise<Pinned | Refusal> => {
    await lockEnforcement(tx, workspaceId);
    const bundle = await bundleHead(tx, workspaceId, asked.bundle_id, 'for update');
    if (!bundle) return noBundle(asked.bundle_id);
    const present = await lastBundlePin(tx, workspaceId);
    const on = present && !isBundlePinOver(present, now) ? present : null;
    if (on && isRepeated(on, asked, owner)) return answer(on, null);
    const refused =
      (await notProven(tx, workspaceId, bundle)) ??
      (await listsMoved(tx, services, workspaceId, bundle)) ??
      (await broken(tx, services, workspaceId, bundle));
    if (refused) return refused;
    if (on) await closeBundlePin(tx, workspaceId, on, { at: now, by: owner, end: 'replaced' });
    else if (present) await endBundlePin(tx, { workspaceId, pin: present, end: 'expired', by: 'system', at: now });
    return pin(tx, caller, { asked, bundle, replaced: on }, now);
  });
  return reached(services, workspaceId, outcome);
}

function isRepeated(on: BundlePinRow, { bundle_id: id, reason, ttl_minutes: ttl }: Asked, by: string): boolean {
  const asked = ttl === undefined ? null : ttl * minuteMs;
  const given = on.until && on.until.getTime() - on.pinnedAt.getTime();
  const sameTime = asked === null || given === null ? asked === given : Math.abs(given - asked) < 1;
  return on.bundle.id === id && on.reason === reason && sameTime && samePerson(on.pinnedBy, by);
}

/** One person goes back only to what once decided everything, with an approval, and was not taken back since. */
async function notProven(tx: PoolClient, workspaceId: number, bundle: BundleHead): Promise<Refusal | null> {
  const { rows } = await tx.query<{ proven: boolean }>(
    `select exists (
       select from rollout r where r.workspace_id = $1 and r.bundle_id = $2 and r.phase in ('baking', 'completed')
         and not exists (select from rollout later where later.workspace_id = $1 and later.bundle_id = $2
                                                     and later.id > r.id and later.phase = 'rolled_back')) as proven`,
    [workspaceId, bundle.id],
  );
  if (rows[0]?.proven) return null;
  const why =
    bundle.status === 'rolled_back'
      ? `bundle ${bundle.id} (${bundle.version}) was rolled back`
      : `bundle ${bundle.id} (${bundle.version}) has never decided everything`;
  return refuse(
    'bundle_not_proven',
    `${why}; activate it with an approval instead, or pin one of those that GET /policy/rollouts?phase=completed lists`,
  );
}

/**
 * A list that no bundle in force reads is changed by one person. Under four eyes such a change since the bundle stood by
 * last would come into force unseen.
 */
async function listsMoved(
  tx: PoolClient,
  { config }: Services,
  workspaceId: number,
  bundle: BundleHead,
): Promise<Refusal | null> {
  const settings = await settingsOf(tx, config, workspaceId);
  if (!settings.four_eyes) return null;
  const { rows } = await tx.query<{ name: string }>(
    `select l.name from named_list l join named_list_version v using (workspace_id, name, version)
      where l.workspace_id = $1 and l.name = any ($3) and not l.live and not l.deleted and $4 <> 'active'
        and v.created_at > coalesce(
          (select max(coalesce(r.ended_at, 'infinity')) from rollout r
            where r.workspace_id = $1 and (r.bundle_id = $2 or r.previous_bundle_id = $2)), '-infinity')
      order by l.name limit 1`,
    [workspaceId, bundle.id, Object.keys(bundle.lists_read), bundle.status],
  );
  const [moved] = rows;
  if (!moved) return null;
  return refuse(
    'approval_required',
    `the list \`${moved.name}\` has changed since bundle ${bundle.id} (${bundle.version}) was in force; activate the bundle with an approval, which covers the list`,
  );
}

/** Whether it can still be decided by: its lists may be gone. */
async function broken(
  tx: PoolClient,
  { compute }: Services,
  workspaceId: number,
  bundle: BundleHead,
): Promise<Refusal | null> {
  const rules = (await rulesText(tx, workspaceId, [bundle.id])).get(bundle.id)?.rules ?? '[]';
  const input = { rules, lists: '{}' };
  const faults = await compute.run('compile-faults', input, { share: workspaceId, onAsk: listsFor(tx, workspaceId) });
  if (faults instanceof Refusal) return faults;
  return faults.length === 0 ? null : bundleInvalid(`bundle ${bundle.id} (${bundle.version})`, faults);
}

interface Pinning {
  readonly asked: Asked;
  readonly bundle: BundleHead;
  readonly replaced: BundlePinRow | null;
}

async function pin(
  tx: PoolClient,
  { workspaceId, owner }: Caller,
  { asked, bundle, replaced }: Pinning,
  now: Date,
): Promise<Pinned> {
  const { reason, ttl_minutes: ttl } = asked;
  const until = ttl === undefined ? null : new Date(now.getTime() + ttl * minuteMs);
  const details = {
    bundle: { id: bundle.id, version: bundle.version, digest: bundle.digest },
    reason,
    until: until?.toISOString() ?? null,
    pinned_by: owner,
    replaced: replaced && { id: replaced.bundle.id, version: replaced.bundle.version },
  };
  const { id: incidentId } = await openIncident(tx, {
    workspaceId,
    kind: 'bundle_pinned',
    key: incidentKey,
    severity: 'high',
    summary: `bundle ${bundle.version} is pinned and decides everything ${until === null ? 'until somebody ends it' : `until ${until.toISOString()}`}: ${reason}`,
    details,
    at: now,
    actor: owner,
  });
  await tx.query(
    `insert into bundle_pin (workspace_id, bundle_id, reason, pinned_by, pinned_at, until_at, incident_id)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [workspaceId, bundle.id, reason, owner, now, until, incidentId],
  );
  const { generation } = await recordChange(tx, {
    workspaceId,
    at: now,
    actor: owner,
    kind: 'system.bundle_pinned',
    subject: `bundle/${bundle.id}`,
    data: { ...details, incident_id: incidentId },
    enforcement: true,
  });
  return answer((await lastBundlePin(tx, workspaceId)) as BundlePinRow, generation);
}

function answer(row: BundlePinRow, generation: number | null): Pinned {
  const { bundle, until } = row;
  const end = until === null ? 'somebody ends it' : until.toISOString();
  const message = `bundle ${bundle.version} decides everything until ${end}; nothing is activated or promoted meanwhile`;
  return { bundle_pin: bundlePinDocument(row), generation, message };
}

/** Ends the pin; without one nothing changes. */
export async function unpinBundle(
  services: Services,
  { workspaceId, owner }: Caller,
  { reason = '' }: BodyOf<typeof operations.unpinBundle>,
): Promise<PinnedBundle> {
  const now = services.clock.now();
  const outcome = await withTransaction(services.db.pool, async (tx): Promise<Pinned> => {
    await lockEnforcement(tx, workspaceId);
    const present = await lastBundlePin(tx, workspaceId);
    if (!present || isBundlePinOver(present, now)) {
      return { bundle_pin: null, generation: null, message: 'nothing was pinned; the rollouts decide' };
    }
    const generation = await endBundlePin(tx, {
      workspaceId,
      pin: present,
      end: 'unpinned',
      by: owner,
      at: now,
      reason,
    });
    return {
      bundle_pin: null,
      generation,
      message: `bundle ${present.bundle.version} is pinned no more; the rollouts decide`,
    };
  });
  return (await reached(services, workspaceId, outcome)) as PinnedBundle;
}

/** Ends pins that are past their time, each with its event; how many. Decisions do not wait for it: they see the time. */
export async function expireBundlePins({ db }: Pick<Services, 'db'>, now: Date): Promise<number> {
  const { rows } = await db.pool.query<{ workspace_id: number }>(
    'select workspace_id from bundle_pin where ended_at is null and until_at <= $1 order by workspace_id limit 100',
    [now],
  );
  let expired = 0;
  for (const { workspace_id: workspaceId } of rows) {
    const expire = async (tx: PoolClient): Promise<number> => {
      await lockEnforcement(tx, workspaceId);
      const present = await lastBundlePin(tx, workspaceId);
      if (!present || !isBundlePinOver(present, now)) return 0;
      await endBundlePin(tx, { workspaceId, pin: present, end: 'expired', by: 'system', at: now });
      return 1;
    };
    expired += await inWorkspace(workspaceId, () => withTransaction(db.pool, expire));
  }
  return expired;
}

/** Waits until this server decides by it. */
async function reached(
  { db, enforcement }: Services,
  workspaceId: number,
  outcome: Pinned | Refusal,
): Promise<PinnedBundle | Refusal> {
  if (outcome instanceof Refusal) return outcome;
  if (outcome.generation !== null) {
    await enforcement.reach(workspaceId, outcome.generation);
    return { ...outcome, generation: outcome.generation };
  }
  return { ...outcome, generation: await generationNow(db.pool, workspaceId) };
}
