import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChangeEvent, ChannelKind } from '@policy-studio/contract';
import type { Pool, PoolClient } from 'pg';
import { withTransaction } from '../../database/connection.js';
import { inWorkspace } from '../../database/scope.js';
import { databaseFailure } from '../../database-failure.js';
import type { Services } from '../../services.js';
import { recordChange } from '../events/transaction.js';
import { lockIncidents, openIncident, resolveIncidentOf } from '../incidents/transaction.js';
import { type ChannelTarget, outgoing } from './formats.js';
import { messageOf } from './message.js';
import { type Posted, post } from './post.js';
import { deliveryLimits, isDelivered, isFinal, restMs } from './retry.js';

/** Channels this server sends to at once. */
const channelsAtOnce = 20;
/** Messages a channel is sent before others have their turn. */
const batch = 50;
/** Longer than an attempt takes; then another server may think this one is gone. */
const leaseMs = 20_000;
const lookMs = 500;

interface Claimed {
  readonly id: number;
  readonly workspace_id: number;
  readonly workspace: string;
  readonly name: string;
  readonly kind: ChannelKind;
  readonly sealed: string;
  readonly failures: number;
  readonly failing_since: Date | null;
  readonly lease: string;
}

interface Due extends Omit<ChangeEvent, 'at'> {
  readonly id: string;
  readonly at: Date;
  readonly attempts: number;
  readonly queued_at: Date;
}

/**
 * Sends what is due, and returns when nothing is; how many attempts it made. Each channel gets its messages one after the
 * other, in the order of the events, and channels do not wait for each other. Any server may do so at any time. What was
 * sent and not noted down before a server was lost is sent again, under the same id.
 */
export async function deliverDue(services: Services): Promise<number> {
  const { db, clock, stopping, log } = services;
  const running = new Set<Promise<void>>();
  const inTurn = turns();
  let attempts = 0;
  do {
    const room = channelsAtOnce - running.size;
    const claimed = room > 0 && !stopping.aborted ? await claim(db.pool, clock.now(), room) : [];
    for (const channel of claimed) {
      const work = inWorkspace(channel.workspace_id, () => serve(services, channel, inTurn))
        .then((made) => {
          attempts += made;
        })
        .catch((error: unknown) => {
          // Its lease runs out, and the message is sent again.
          const level = databaseFailure(error) === null ? 'error' : 'debug';
          log[level]({ err: error, channel: channel.id }, 'a channel could not be served');
        })
        .finally(() => running.delete(work));
      running.add(work);
    }
    if (running.size > 0) await Promise.race([...running, sleep(lookMs)]);
  } while (running.size > 0);
  return attempts;
}

type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * What comes of attempts is written down one after the other: of the connections of the pool, which decisions need as
 * well, this takes one, even where many channels fail at once and wait for a workspace.
 */
function turns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
}

async function claim(pool: Pool, now: Date, limit: number): Promise<Claimed[]> {
  const { rows } = await pool.query<Claimed>(
    `with due as (
       select c.id from channel c
        where c.enabled and (c.retry_at is null or c.retry_at <= $1) and (c.leased_until is null or c.leased_until <= $1)
          and exists (select from delivery d where d.channel_id = c.id and d.status = 'pending')
        order by c.id limit $2 for no key update skip locked)
     update channel c set lease = $3, leased_until = $4
       from due, workspace w where c.id = due.id and w.id = c.workspace_id
     returning c.id, c.workspace_id, w.name as workspace, c.name, c.kind, c.sealed, c.failures, c.failing_since, c.lease`,
    [now, limit, randomUUID(), new Date(now.getTime() + leaseMs)],
  );
  return rows;
}

/** Sends to one channel until it has all, fails, or has had its share; how many attempts that were. */
async function serve(services: Services, claimed: Claimed, inTurn: Turns): Promise<number> {
  const { db, stopping } = services;
  let channel = claimed;
  let made = 0;
  while (made < batch && !stopping.aborted) {
    const due = await nextDue(db.pool, channel);
    if (!due) break;
    const posted = await attempt(services, channel, due);
    // Cut short by the end of this server: the next one tries, and this counts as no attempt.
    if (posted === null) break;
    made += 1;
    const sender = channel;
    const next = await inTurn(() =>
      isDelivered(posted) ? noteDelivered(services, sender, due, posted) : noteFailed(services, sender, due, posted),
    );
    if (next === null) break;
    channel = next;
  }
  await db.pool.query('update channel set lease = null, leased_until = null where id = $1 and lease = $2', [
    channel.id,
    channel.lease,
  ]);
  return made;
}

async function nextDue(pool: Pool, { id }: Claimed): Promise<Due | null> {
  const { rows } = await pool.query<Due>(
    `select d.id, d.attempts, d.queued_at, e.seq, e.at, e.actor, e.kind, e.subject, e.data, e.hash
       from delivery d join event e using (workspace_id, seq)
      where d.channel_id = $1 and d.status = 'pending' order by d.seq limit 1`,
    [id],
  );
  return rows[0] ?? null;
}

/** The purpose that a channel's secrets are sealed for. */
export function sealPurpose(channelId: number): string {
  return `channel/${channelId}`;
}

export const unreadable = 'its address cannot be read with the HMAC_SECRET of this server; enter it again';

async function attempt(services: Services, channel: Claimed, due: Due): Promise<Posted | null> {
  const { secrets, config, clock, stopping } = services;
  const opened = secrets.open(channel.sealed, sealPurpose(channel.id));
  if (opened === null) return { status: null, error: unreadable };
  const { id, attempts: _, queued_at: __, ...event } = due;
  const request = outgoing({
    kind: channel.kind,
    target: JSON.parse(opened) as ChannelTarget,
    message: messageOf({ ...event, at: due.at.toISOString() }, channel.workspace, config.publicUrl),
    deliveryId: id,
    installation: secrets.signingKey.id,
    now: clock.now(),
  });
  const { timeoutMs } = deliveryLimits;
  const posted = await post(request, { allowPrivate: config.allowPrivateWebhooks, timeoutMs, signal: stopping });
  return posted.status === null && stopping.aborted ? null : posted;
}

/** null: another server serves the channel by now. */
async function noteDelivered(
  { db, clock }: Services,
  channel: Claimed,
  due: Due,
  { status }: Posted,
): Promise<Claimed | null> {
  const now = clock.now();
  return withTransaction(db.pool, async (tx) => {
    const recovers = channel.failing_since !== null;
    // The workspace before the channel, as whoever deletes one locks them.
    if (recovers) await lockIncidents(tx, channel.workspace_id);
    await tx.query(
      `update delivery set status = 'delivered', attempts = attempts + 1, attempted_at = $2, delivered_at = $2,
              response_status = $3, error = null
        where id = $1 and status = 'pending'`,
      [due.id, now, status],
    );
    const { rowCount } = await tx.query(
      `update channel set failures = 0, retry_at = null, failing_since = null, last_error = null,
              last_delivered_at = $3, leased_until = $4
        where id = $1 and lease = $2`,
      [channel.id, channel.lease, now, new Date(now.getTime() + leaseMs)],
    );
    if (rowCount === 0) return null;
    if (recovers) await tellRecovery(tx, channel, now);
    return { ...channel, failures: 0, failing_since: null };
  });
}

/** null: the channel rests now, or another server serves it. */
async function noteFailed(services: Services, channel: Claimed, due: Due, posted: Posted): Promise<Claimed | null> {
  const { clock, db } = services;
  const now = clock.now();
  const final = posted.status !== null && isFinal(posted.status);
  const error = posted.status === null ? posted.error : answered(channel.kind, posted);
  const { attempts, lifeMs, failuresToTell } = deliveryLimits;
  const dead = final || due.attempts + 1 >= attempts || now.getTime() - due.queued_at.getTime() >= lifeMs;
  const failures = final ? channel.failures : channel.failures + 1;
  const tells = channel.failing_since === null && (dead || failures >= failuresToTell);
  const asked = posted.status === null ? 0 : (posted.retryAfterMs ?? 0);
  const rest = Math.max(restMs(Math.max(failures, 1), due.id), Math.min(asked, deliveryLimits.longestRetryMs));
  return withTransaction(db.pool, async (tx) => {
    if (tells) await lockIncidents(tx, channel.workspace_id);
    await tx.query(
      `update delivery set status = $2, attempts = attempts + 1, attempted_at = $3, response_status = $4, error = $5
        where id = $1 and status = 'pending'`,
      [due.id, dead ? 'dead' : 'pending', now, posted.status, error],
    );
    const { rowCount } = await tx.query(
      `update channel set failures = $3, retry_at = $4, last_error = $5, leased_until = $6,
              failing_since = coalesce(failing_since, $7)
        where id = $1 and lease = $2`,
      [
        channel.id,
        channel.lease,
        failures,
        final ? null : new Date(now.getTime() + rest),
        error,
        new Date(now.getTime() + leaseMs),
        tells ? now : null,
      ],
    );
    if (rowCount === 0) return null;
    if (!final) await giveUpBacklog(tx, channel, now);
    if (tells) await tellFailing(tx, channel, { error, dead, now });
    return final ? { ...channel, failures, failing_since: channel.failing_since ?? now } : null;
  });
}

/** What a receiver said. A service of ours to know tells what is wrong; of any other the body is nobody's business. */
function answered(kind: ChannelKind, { status, text }: Extract<Posted, { status: number }>): string {
  const said = kind === 'webhook' ? '' : text.replace(/[^\x20-\x7e]+/g, ' ').trim();
  const why = status >= 300 && status < 400 ? 'redirects are not followed' : said.slice(0, 200);
  return why === '' ? `it answered ${status}` : `it answered ${status}: ${why}`;
}

/** What waits for too long, or is too much, is given up with the oldest first. */
async function giveUpBacklog(tx: PoolClient, { id }: Claimed, now: Date): Promise<void> {
  const { lifeMs, backlog } = deliveryLimits;
  await tx.query(
    `update delivery set status = 'dead', error = coalesce(error, 'it waited for too long')
      where channel_id = $1 and status = 'pending' and (queued_at <= $2 or seq <= (
        select seq from delivery where channel_id = $1 and status = 'pending' order by seq desc offset $3 limit 1))`,
    [id, new Date(now.getTime() - lifeMs), backlog],
  );
}

async function tellFailing(
  tx: PoolClient,
  { id, workspace_id: workspaceId, name, kind }: Claimed,
  { error, dead, now }: { readonly error: string; readonly dead: boolean; readonly now: Date },
): Promise<void> {
  const subject = `channel/${id}`;
  const data = { name, kind, error, given_up: dead };
  await recordChange(tx, { workspaceId, at: now, actor: 'system', kind: 'channel.failing', subject, data });
  await openIncident(tx, {
    workspaceId,
    kind: 'notifications_failing',
    key: subject,
    severity: 'medium',
    summary: `notifications do not reach \`${name}\`: ${error}`,
    details: { channel: { id, name, kind }, error },
    at: now,
    actor: 'system',
  });
}

async function tellRecovery(
  tx: PoolClient,
  { id, workspace_id: workspaceId, name, kind }: Claimed,
  now: Date,
): Promise<void> {
  const subject = `channel/${id}`;
  await recordChange(tx, {
    workspaceId,
    at: now,
    actor: 'system',
    kind: 'channel.recovered',
    subject,
    data: { name, kind },
  });
  await resolveIncidentOf(tx, {
    workspaceId,
    key: subject,
    text: 'notifications arrive again',
    at: now,
    actor: 'system',
  });
}

/** Forgets delivered messages after 7 days and given up ones after 30; how many. */
export async function forgetDeliveries(pool: Pool, nowMs: number): Promise<number> {
  const day = 24 * 3_600_000;
  const { rowCount } = await pool.query(
    `delete from delivery where (status = 'delivered' and created_at < $1) or (status = 'dead' and created_at < $2)`,
    [new Date(nowMs - 7 * day), new Date(nowMs - 30 * day)],
  );
  return rowCount ?? 0;
}
