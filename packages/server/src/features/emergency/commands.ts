import type { BodyOf, EmergencySwitch, operations } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { inWorkspace } from '../../database/scope.js';
import { samePerson } from '../../person.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { lockEnforcement } from '../approvals/transaction.js';
import { recordChange } from '../events/transaction.js';
import { noteIncident, openIncident } from '../incidents/transaction.js';
import { disableSubject, generationNow, lastPin, type PinRow, pinDocument } from './queries.js';
import { forgetRequest, secondPerson } from './transaction.js';

const minuteMs = 60_000;
/** Within this time of one switch to `allow` the next one takes two. */
const allowAgainMs = 24 * 60 * minuteMs;
/** How long a request waits for the second person: as long as an emergency lets people find each other. */
const confirmMs = 30 * minuteMs;
/** All switches of an emergency are one incident. */
const incidentKey = 'break_glass';

type Asked = BodyOf<typeof operations.disablePolicy>;
type Switched = Omit<EmergencySwitch, 'generation'> & { readonly generation: number | null };

/**
 * Pins one effect for the workspace. This server answers with it when the command answers. The same request of the same
 * person while its pin is on changes nothing, so that it may be repeated. Refusal: `second_person_needed`.
 */
export async function disablePolicy(
  services: Services,
  caller: Caller,
  asked: Asked,
): Promise<EmergencySwitch | Refusal> {
  const now = services.clock.now();
  const { workspaceId } = caller;
  const outcome = await withTransaction(services.db.pool, async (tx): Promise<Switched | Refusal> => {
    await lockEnforcement(tx, workspaceId);
    const present = await lastPin(tx, workspaceId);
    const on = present && present.until > now ? present : null;
    if (on && isRepeated(on, asked, caller.owner)) {
      return { pin: pinDocument(on, now), generation: null, message: said(on) };
    }
    const first = asked.effect === 'allow' && (await recentAllow(tx, workspaceId, now));
    const agreed = first ? await agreement(tx, caller, asked, now) : null;
    if (agreed instanceof Refusal) return agreed;
    if (on) await closePin(tx, workspaceId, on, { at: now, by: caller.owner });
    else if (present) await closePin(tx, workspaceId, present, { at: present.until, by: 'system', end: 'expired' });
    return pin(tx, caller, asked, agreed, now);
  });
  return inForce(services, workspaceId, outcome);
}

function isRepeated(on: PinRow, asked: Asked, by: string): boolean {
  const whole = Math.abs(on.until.getTime() - on.startedAt.getTime() - asked.ttl_minutes * minuteMs) < 1;
  return on.effect === asked.effect && on.reason === asked.reason && whole && samePerson(on.startedBy, by);
}

/** Whether the workspace was switched to `allow` within the last 24 hours, whatever became of it. */
async function recentAllow(tx: PoolClient, workspaceId: number, now: Date): Promise<boolean> {
  const { rows } = await tx.query(
    `select 1 from emergency_pin where workspace_id = $1 and effect = 'allow' and started_at > $2 limit 1`,
    [workspaceId, new Date(now.getTime() - allowAgainMs)],
  );
  return rows.length > 0;
}

interface Agreed {
  readonly askedBy: string;
  readonly ttlMinutes: number;
  readonly reason: string;
}

/** What two people have agreed to; or the refusal, while the first one's request waits. */
async function agreement(tx: PoolClient, caller: Caller, asked: Asked, now: Date): Promise<Agreed | Refusal> {
  const { workspaceId, owner } = caller;
  const first = await secondPerson(tx, {
    workspaceId,
    subject: disableSubject,
    // Two people in one emergency do not word it alike.
    same: { effect: asked.effect },
    details: { ...asked },
    by: owner,
    now,
    ttlMs: confirmMs,
  });
  if (first) {
    const { ttl_minutes: ttl, reason } = first.details as unknown as Asked;
    return { askedBy: first.askedBy, ttlMinutes: Math.min(ttl, asked.ttl_minutes), reason };
  }
  await recordChange(tx, {
    workspaceId,
    at: now,
    actor: owner,
    kind: 'system.disable_requested',
    subject: 'system',
    data: { ...asked, expires_at: new Date(now.getTime() + confirmMs).toISOString() },
  });
  return refuse(
    'second_person_needed',
    `policy was switched to \`allow\` within the last 24 hours already; another admin must ask for \`allow\` too, within ${confirmMs / minuteMs} minutes`,
  );
}

async function pin(tx: PoolClient, caller: Caller, asked: Asked, agreed: Agreed | null, now: Date): Promise<Switched> {
  const { workspaceId, owner } = caller;
  const until = new Date(now.getTime() + (agreed?.ttlMinutes ?? asked.ttl_minutes) * minuteMs);
  const startedBy = agreed?.askedBy ?? owner;
  const confirmedBy = agreed ? owner : null;
  const details = {
    effect: asked.effect,
    reason: agreed?.reason ?? asked.reason,
    until: until.toISOString(),
    started_by: startedBy,
    confirmed_by: confirmedBy,
    ...(agreed ? { confirmed_because: asked.reason } : {}),
  };
  const { id: incidentId } = await openIncident(tx, {
    workspaceId,
    kind: 'break_glass',
    key: incidentKey,
    severity: asked.effect === 'allow' ? 'critical' : 'high',
    summary: `policy is switched off: whoever asks is answered \`${asked.effect}\` until ${until.toISOString()}`,
    details,
    at: now,
    actor: owner,
  });
  await tx.query(
    `insert into emergency_pin (workspace_id, effect, reason, started_by, confirmed_by, started_at, until_at, incident_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [workspaceId, asked.effect, details.reason, startedBy, confirmedBy, now, until, incidentId],
  );
  const { generation } = await recordChange(tx, {
    workspaceId,
    at: now,
    actor: owner,
    kind: 'system.disabled',
    subject: 'system',
    data: { ...details, incident_id: incidentId },
    enforcement: true,
  });
  const made = (await lastPin(tx, workspaceId)) as PinRow;
  return { pin: pinDocument(made, now), generation, message: said(made) };
}

/** Ends the pin and withdraws what waits; without either nothing changes. */
export async function enablePolicy(
  services: Services,
  caller: Caller,
  { reason = '' }: BodyOf<typeof operations.enablePolicy>,
): Promise<EmergencySwitch> {
  const now = services.clock.now();
  const { workspaceId, owner } = caller;
  const outcome = await withTransaction(services.db.pool, async (tx): Promise<Switched> => {
    await lockEnforcement(tx, workspaceId);
    const withdrawn = await forgetRequest(tx, workspaceId, disableSubject);
    const present = await lastPin(tx, workspaceId);
    if (present && present.until > now) {
      await closePin(tx, workspaceId, present, { at: now, by: owner, end: 'enabled' });
      const generation = await recordEnd(tx, {
        workspaceId,
        pin: present,
        kind: 'system.enabled',
        by: owner,
        at: now,
        reason,
      });
      return { pin: null, generation, message: 'the policy decides again' };
    }
    if (withdrawn) {
      await recordChange(tx, {
        workspaceId,
        at: now,
        actor: owner,
        kind: 'system.disable_withdrawn',
        subject: 'system',
        data: { reason },
      });
    }
    const message = withdrawn
      ? 'the request was withdrawn; the policy decides'
      : 'nothing was pinned; the policy decides';
    return { pin: null, generation: null, message };
  });
  return (await inForce(services, workspaceId, outcome)) as EmergencySwitch;
}

/** Ends pins that are past their time, each with its event; how many. Decisions do not wait for it: they see the time. */
export async function expirePins({ db }: Pick<Services, 'db'>, now: Date): Promise<number> {
  const { rows } = await db.pool.query<{ workspace_id: number }>(
    'select workspace_id from emergency_pin where ended_at is null and until_at <= $1 order by workspace_id limit 100',
    [now],
  );
  let expired = 0;
  for (const { workspace_id: workspaceId } of rows) {
    const expire = async (tx: PoolClient): Promise<number> => {
      await lockEnforcement(tx, workspaceId);
      const present = await lastPin(tx, workspaceId);
      if (!present || present.until > now) return 0;
      await closePin(tx, workspaceId, present, { at: present.until, by: 'system', end: 'expired' });
      await recordEnd(tx, { workspaceId, pin: present, kind: 'system.pin_expired', by: 'system', at: now, reason: '' });
      return 1;
    };
    expired += await inWorkspace(workspaceId, () => withTransaction(db.pool, expire));
  }
  return expired;
}

interface Ended {
  readonly at: Date;
  readonly by: string;
  /** Default: another took its place. */
  readonly end?: 'enabled' | 'expired';
}

async function closePin(tx: PoolClient, workspaceId: number, { id }: PinRow, { at, by, end }: Ended): Promise<void> {
  await tx.query(
    `update emergency_pin set ended_at = $3, ended_by = $4, end_reason = $5 where workspace_id = $1 and id = $2`,
    [workspaceId, id, at, by, end ?? 'replaced'],
  );
}

interface End {
  readonly workspaceId: number;
  readonly pin: PinRow;
  readonly kind: 'system.enabled' | 'system.pin_expired';
  readonly by: string;
  readonly at: Date;
  readonly reason: string;
}

/** The event and the incident's entry; the generation from which on the policy decides. */
async function recordEnd(tx: PoolClient, { workspaceId, pin: ended, kind, by, at, reason }: End): Promise<number> {
  const told =
    kind === 'system.enabled' ? 'policy decides again' : 'the switch is over by itself, policy decides again';
  if (ended.incidentId !== null) {
    const text = reason === '' ? told : `${told}: ${reason}`;
    await noteIncident(tx, { workspaceId, id: ended.incidentId, text, at, actor: by });
  }
  const { effect, startedBy, startedAt, until, incidentId } = ended;
  const { generation } = await recordChange(tx, {
    workspaceId,
    at,
    actor: by,
    kind,
    subject: 'system',
    data: {
      effect,
      started_by: startedBy,
      started_at: startedAt.toISOString(),
      until: until.toISOString(),
      incident_id: incidentId,
      reason,
    },
    enforcement: true,
  });
  return generation;
}

function said({ effect, until }: PinRow): string {
  return `whoever asks is answered \`${effect}\` until ${until.toISOString()}; what the policy says is recorded`;
}

/** Waits until this server decides by it. */
async function inForce(
  { db, enforcement }: Services,
  workspaceId: number,
  outcome: Switched | Refusal,
): Promise<EmergencySwitch | Refusal> {
  if (outcome instanceof Refusal) return outcome;
  if (outcome.generation !== null) {
    await enforcement.reach(workspaceId, outcome.generation);
    return { ...outcome, generation: outcome.generation };
  }
  return { ...outcome, generation: await generationNow(db.pool, workspaceId) };
}
