import { randomBytes, randomUUID } from 'node:crypto';
import type { BodyOf, ChangedChannel, ChannelKind, ChannelTest, operations, Redelivery } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { invalid } from '../../http/route.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { recordChange } from '../events/transaction.js';
import { isPrivateLiteral } from './addresses.js';
import { sealPurpose, unreadable } from './deliver.js';
import { type ChannelTarget, outgoing } from './formats.js';
import { messageOf } from './message.js';
import { type Posted, post } from './post.js';
import { type ChannelRow, channelById, channelCount, channelDocument } from './queries.js';
import { deliveryLimits, isDelivered } from './retry.js';

const mostChannels = 50;
const pagerDutyUrl = 'https://events.pagerduty.com/v2/enqueue';

/** Tests that a server sends at once. */
const testsAtOnce = 5;

/**
 * The workspace row, which `recordChange` holds while it queues messages: a channel is locked after it, or an event and
 * the end of a channel would wait for each other.
 */
async function lockChannels(tx: PoolClient, workspaceId: number): Promise<void> {
  await tx.query('select 1 from workspace where id = $1 for no key update', [workspaceId]);
}

export async function createChannel(
  services: Services,
  caller: Caller,
  body: BodyOf<typeof operations.createChannel>,
): Promise<ChangedChannel | Refusal> {
  const { db, clock, secrets } = services;
  const { workspaceId, owner: actor } = caller;
  const target = newTarget(body.kind, body, body.kind === 'webhook' ? newSecret() : null);
  const fault = target instanceof Refusal ? target : targetFault(services, target);
  if (target instanceof Refusal || fault) return fault ?? (target as Refusal);
  const { enabled = true } = body;
  const now = clock.now();
  return withTransaction(db.pool, async (tx) => {
    await lockChannels(tx, workspaceId);
    if ((await channelCount(tx, workspaceId)) >= mostChannels) {
      return refuse('channels_full', `a workspace has at most ${mostChannels} channels; delete one first`);
    }
    if (await isTaken(tx, workspaceId, body.name, null)) return nameTaken(body.name);
    const { rows } = await tx.query<{ id: number }>(
      `insert into channel (workspace_id, name, kind, topics, enabled, sealed, target, created_by, created_at, updated_at)
       values ($1, $2, $3, $4, $5, '', $6, $7, $8, $8) returning id`,
      [workspaceId, body.name, body.kind, body.topics, enabled, shownTarget(target), actor, now],
    );
    const { id } = rows[0] as { id: number };
    const sealed = secrets.seal(JSON.stringify(target), sealPurpose(id));
    await tx.query('update channel set sealed = $2 where id = $1', [id, sealed]);
    const { name, kind, topics } = body;
    const data = { name, kind, topics, enabled, target: shownTarget(target) };
    await recordChange(tx, { workspaceId, at: now, actor, kind: 'channel.created', subject: `channel/${id}`, data });
    return { ...channelDocument((await channelById(tx, workspaceId, id)) as ChannelRow), secret: target.secret };
  });
}

export async function updateChannel(
  services: Services,
  caller: Caller,
  id: number,
  body: BodyOf<typeof operations.updateChannel>,
): Promise<ChangedChannel | Refusal> {
  const { db, clock, secrets } = services;
  const { workspaceId, owner: actor } = caller;
  const now = clock.now();
  return withTransaction(db.pool, async (tx) => {
    await lockChannels(tx, workspaceId);
    const row = await channelById(tx, workspaceId, id);
    if (!row) return noChannel(id);
    if (body.name !== undefined && (await isTaken(tx, workspaceId, body.name, id))) return nameTaken(body.name);
    const { rotate_secret: rotate = false } = body;
    if (rotate && row.kind !== 'webhook') {
      return invalid([{ path: '/rotate_secret', message: 'only a webhook has a secret to sign with' }]);
    }
    const opened = secrets.open(row.sealed, sealPurpose(id));
    const before = opened === null ? null : (JSON.parse(opened) as ChannelTarget);
    const secret = row.kind !== 'webhook' ? null : rotate || before === null ? newSecret() : before.secret;
    const target = newTarget(
      row.kind,
      { url: body.url ?? before?.url, routing_key: body.routing_key ?? before?.routingKey ?? undefined },
      secret,
    );
    if (target instanceof Refusal) return target;
    const fault = body.url === undefined ? null : targetFault(services, target);
    if (fault) return fault;
    const next = {
      name: body.name ?? row.name,
      topics: body.topics ?? row.topics,
      enabled: body.enabled ?? row.enabled,
      target: shownTarget(target),
    };
    await tx.query(
      `update channel set name = $2, topics = $3, enabled = $4, target = $5, sealed = $6, updated_at = $7,
              failures = 0, retry_at = null
        where id = $1`,
      [
        id,
        next.name,
        next.topics,
        next.enabled,
        next.target,
        secrets.seal(JSON.stringify(target), sealPurpose(id)),
        now,
      ],
    );
    const secretsChanged =
      target.url !== before?.url || target.routingKey !== before?.routingKey || target.secret !== before?.secret;
    const data = { ...next, secrets_changed: secretsChanged };
    await recordChange(tx, { workspaceId, at: now, actor, kind: 'channel.changed', subject: `channel/${id}`, data });
    const document = channelDocument((await channelById(tx, workspaceId, id)) as ChannelRow);
    return { ...document, secret: target.secret === before?.secret ? null : target.secret };
  });
}

export async function deleteChannel({ db, clock }: Services, caller: Caller, id: number): Promise<Refusal | undefined> {
  const { workspaceId, owner: actor } = caller;
  const now = clock.now();
  return withTransaction(db.pool, async (tx) => {
    await lockChannels(tx, workspaceId);
    const row = await channelById(tx, workspaceId, id);
    if (!row) return noChannel(id);
    await tx.query('delete from channel where workspace_id = $1 and id = $2', [workspaceId, id]);
    const { name, kind, pending } = row;
    const data = { name, kind, pending };
    await recordChange(tx, { workspaceId, at: now, actor, kind: 'channel.deleted', subject: `channel/${id}`, data });
    return undefined;
  });
}

/** Makes what was given up wait again, and lets the channel be tried at once. */
export async function redeliver({ db, clock }: Services, caller: Caller, id: number): Promise<Redelivery | Refusal> {
  const { workspaceId, owner: actor } = caller;
  const now = clock.now();
  return withTransaction(db.pool, async (tx) => {
    await lockChannels(tx, workspaceId);
    const { rowCount } = await tx.query(
      'update channel set failures = 0, retry_at = null where workspace_id = $1 and id = $2',
      [workspaceId, id],
    );
    if (rowCount === 0) return noChannel(id);
    const queued = await tx.query(
      `update delivery set status = 'pending', attempts = 0, queued_at = $2 where channel_id = $1 and status = 'dead'`,
      [id, now],
    );
    const data = { queued: queued.rowCount ?? 0 };
    await recordChange(tx, {
      workspaceId,
      at: now,
      actor,
      kind: 'channel.redelivered',
      subject: `channel/${id}`,
      data,
    });
    return data;
  });
}

/** Sends test messages, a few at a time. */
export function createChannelTests(services: Services): (caller: Caller, id: number) => Promise<ChannelTest | Refusal> {
  let running = 0;
  return async (caller, id) => {
    const row = await channelById(services.db.pool, caller.workspaceId, id);
    if (!row) return noChannel(id);
    if (running >= testsAtOnce) return refuse('overloaded', 'other tests are under way, try again shortly');
    running += 1;
    try {
      return await sendTest(services, caller, row);
    } finally {
      running -= 1;
    }
  };
}

async function sendTest(services: Services, caller: Caller, row: ChannelRow): Promise<ChannelTest> {
  const { clock, db } = services;
  const { workspaceId, owner: actor } = caller;
  const started = clock.now();
  const posted = await postTest(services, caller, row, started);
  const now = clock.now();
  const delivered = isDelivered(posted);
  const error = delivered ? null : posted.status === null ? posted.error : `it answered ${posted.status}`;
  const result = {
    delivered,
    response_status: posted.status,
    error,
    ms: Math.max(0, now.getTime() - started.getTime()),
  };
  await withTransaction(db.pool, (tx) =>
    recordChange(tx, {
      workspaceId,
      at: now,
      actor,
      kind: 'channel.tested',
      subject: `channel/${row.id}`,
      data: { name: row.name, ...result },
    }),
  );
  return result;
}

/** To PagerDuty goes the end of the test as well, so that nobody is left paged. */
async function postTest(services: Services, { workspace, owner }: Caller, row: ChannelRow, now: Date): Promise<Posted> {
  const { secrets, config, stopping } = services;
  const opened = secrets.open(row.sealed, sealPurpose(row.id));
  if (opened === null) return { status: null, error: unreadable };
  const target = JSON.parse(opened) as ChannelTarget;
  const options = { allowPrivate: config.allowPrivateWebhooks, timeoutMs: deliveryLimits.timeoutMs, signal: stopping };
  const kinds = row.kind === 'pagerduty' ? ['incident.opened', 'incident.resolved'] : ['channel.tested'];
  let posted: Posted = { status: null, error: 'nothing was sent' };
  for (const kind of kinds) {
    const event = {
      seq: 0,
      at: now.toISOString(),
      actor: owner,
      kind,
      subject: `channel/${row.id}`,
      data: { summary: `this is a test of the channel ${row.name}`, severity: 'low' },
      hash: '',
    };
    const message = messageOf(event, workspace, config.publicUrl);
    const sending = {
      kind: row.kind,
      target,
      message,
      deliveryId: randomUUID(),
      installation: secrets.signingKey.id,
      now,
    };
    posted = await post(outgoing(sending), options);
    if (!isDelivered(posted)) return posted;
  }
  return posted;
}

function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

function newTarget(
  kind: ChannelKind,
  { url, routing_key: routingKey }: { readonly url?: string | undefined; readonly routing_key?: string | undefined },
  secret: string | null,
): ChannelTarget | Refusal {
  if (kind === 'pagerduty') {
    if (routingKey === undefined) return invalid([{ path: '/routing_key', message: 'is needed for PagerDuty' }]);
    return { url: url ?? pagerDutyUrl, secret: null, routingKey };
  }
  if (routingKey !== undefined) return invalid([{ path: '/routing_key', message: 'is for PagerDuty alone' }]);
  if (url === undefined) return invalid([{ path: '/url', message: `is needed for a channel of kind \`${kind}\`` }]);
  return { url, secret, routingKey: null };
}

/** Addresses that no message will go to are refused at once; a name that leads to one only shows when it is looked up. */
function targetFault({ config }: Services, { url: address }: ChannelTarget): Refusal | null {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null) return invalid([{ path: '/url', message: 'is no address' }]);
  if (url.username !== '' || url.password !== '') {
    return invalid([{ path: '/url', message: 'holds a name or a password, which would not be sent' }]);
  }
  if (!config.allowPrivateWebhooks && (url.protocol !== 'https:' || isPrivateLiteral(url))) {
    return invalid([
      {
        path: '/url',
        message: 'is not a public https address; ALLOW_PRIVATE_WEBHOOKS=true on the server allows others',
      },
    ]);
  }
  return null;
}

function shownTarget({ url }: ChannelTarget): string {
  return new URL(url).origin;
}

async function isTaken(tx: PoolClient, workspaceId: number, name: string, except: number | null): Promise<boolean> {
  const { rowCount } = await tx.query(
    'select 1 from channel where workspace_id = $1 and name = $2 and id is distinct from $3',
    [workspaceId, name, except],
  );
  return (rowCount ?? 0) > 0;
}

function nameTaken(name: string): Refusal {
  return refuse('name_taken', `there is a channel \`${name}\` already`);
}

export function noChannel(id: number): Refusal {
  return refuse('not_found', `there is no channel ${id}; see GET /policy/channels`);
}
