import type { RolloutDocument } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { samePerson } from '../../person.js';
import { Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { lockEnforcement } from '../approvals/transaction.js';
import { recordChange } from '../events/transaction.js';
import { settingsOf } from '../settings/queries.js';
import {
  type Judged,
  judged,
  type RolloutRow,
  rolloutById,
  rolloutDocument,
  type SkipAsked,
  stateOf,
} from './queries.js';
import { writeRollout } from './transaction.js';
import { nextStep, type RolloutCommand, type RolloutOutcome, transition } from './transition.js';

/** What a person asks of a rollout; a rollback goes its own way (`rollback.ts`). */
export type Ask =
  | { readonly kind: 'pause'; readonly reason?: string }
  | { readonly kind: 'resume' }
  /** Without a share: to the next step. */
  | { readonly kind: 'promote'; readonly targetPct?: number }
  | { readonly kind: 'skip'; readonly targetPct: number; readonly reason: string }
  | { readonly kind: 'sign_off' };

export interface Asked {
  readonly rolloutId: number;
  readonly ask: Ask;
  /** The generation that was seen; without it that of when the request arrived. */
  readonly generation?: number;
}

/**
 * Does to a rollout what a person asks, once: of two at the same time one wins, and the other is refused with `conflict`
 * and the state of now. Returns when this server decides by it.
 */
export async function changeRollout(
  services: Services,
  caller: Caller,
  { rolloutId, ask, generation }: Asked,
): Promise<RolloutDocument | Refusal> {
  const { db, clock, enforcement } = services;
  const { workspaceId } = caller;
  const now = clock.now();
  const before = await rolloutById(db.pool, workspaceId, rolloutId);
  if (!before) return noRollout(rolloutId);
  const outcome = await withTransaction(db.pool, async (tx) => {
    await lockEnforcement(tx, workspaceId);
    await lockBundles(tx, before);
    const row = await rolloutById(tx, workspaceId, rolloutId, 'for update');
    if (!row) return noRollout(rolloutId);
    if (row.generation !== (generation ?? before.generation)) return overtaken(row);
    const seen = await judged(tx, row, now);
    const told = await secondPerson(tx, services, { caller, seen, ask, now });
    if (told instanceof Refusal) return told;
    if (told) return { row: told, generation: null };
    const change = transition(stateOf(row), commandOf(ask, seen), now);
    if ('refused' in change) return withState(change, seen);
    if (!('event' in change)) return { row, generation: null };
    const { to, event } = change;
    const data = { asked: ask.kind, ...reasonsOf(ask, row) };
    return writeRollout(tx, { row, to, event, actor: caller.owner, now, data });
  });
  if (outcome instanceof Refusal) return outcome;
  if (outcome.generation !== null) await enforcement.reach(workspaceId, outcome.generation);
  return rolloutDocument(await judged(db.pool, outcome.row, now), caller.role, now);
}

/** Bundles before rollouts, as everybody locks them. */
async function lockBundles(tx: PoolClient, row: RolloutRow): Promise<void> {
  await tx.query('select id from bundle where workspace_id = $1 and id = any ($2) order by id for update', [
    row.workspace_id,
    [row.bundle_id, ...(row.previous_bundle_id === null ? [] : [row.previous_bundle_id])],
  ]);
}

function overtaken(row: RolloutRow): Refusal {
  return refuse(
    'conflict',
    `rollout ${row.id} changed meanwhile: it is in ${row.phase} at ${row.share_pct} %; look again before you go on`,
    [],
    { rollout: { phase: row.phase, share_pct: row.share_pct, generation: row.generation } },
  );
}

function commandOf(ask: Ask, { row, reading }: Judged): RolloutCommand {
  switch (ask.kind) {
    case 'promote':
      return { kind: 'promote', targetPct: ask.targetPct ?? nextStep(stateOf(row)), reading };
    case 'skip':
      return { kind: 'skip', targetPct: ask.targetPct, frozen: reading.frozen };
    default:
      return { kind: ask.kind };
  }
}

/** A refusal of the transition with the state it is about and what the gates say. */
function withState(
  { refused, detail }: Extract<RolloutOutcome, { refused: unknown }>,
  { row, gates }: Judged,
): Refusal {
  const reasons = gates.filter(({ verdict }) => verdict !== 'pass');
  const shown = refused === 'gates_not_passed' || refused === 'rollout_held' ? reasons : [];
  return refuse(
    refused,
    [detail, ...shown.map(({ sentence }) => sentence)].join('; '),
    shown.map(({ gate, sentence }) => ({ code: gate, path: '', message: sentence })),
    { rollout: { phase: row.phase, share_pct: row.share_pct, generation: row.generation, holds: row.holds } },
  );
}

function reasonsOf(ask: Ask, row: RolloutRow): Readonly<Record<string, unknown>> {
  if (ask.kind === 'pause') return ask.reason === undefined ? {} : { reason: ask.reason };
  if (ask.kind === 'skip') return { reason: ask.reason, asked_first_by: row.skip_asked?.by ?? null };
  return {};
}

interface Second {
  readonly caller: Caller;
  readonly seen: Judged;
  readonly ask: Ask;
  readonly now: Date;
}

/**
 * Under four eyes a skip takes two people, and a sign-off another one than who activated. Null: go on; a row: the first of
 * two has asked, and the rollout waits for the second.
 */
async function secondPerson(
  tx: PoolClient,
  { config }: Services,
  { caller, seen, ask, now }: Second,
): Promise<Refusal | RolloutRow | null> {
  const { row } = seen;
  if (ask.kind !== 'skip' && ask.kind !== 'sign_off') return null;
  const settings = await settingsOf(tx, config, caller.workspaceId);
  if (!settings.four_eyes) return null;
  if (ask.kind === 'sign_off') {
    if (row.sign_off !== 'needed' || !samePerson(row.created_by, caller.owner)) return null;
    return refuse('self_approval', `you activated this bundle; another person must sign off what it newly allows`);
  }
  // What would be refused anyway is refused to the first already.
  if ('refused' in transition(stateOf(row), commandOf(ask, seen), now)) return null;
  const first = row.skip_asked;
  if (first?.target_pct === ask.targetPct) {
    if (!samePerson(first.by, caller.owner)) return null;
    return refuse('self_approval', `you asked for this skip; another person must ask for ${ask.targetPct} % as well`);
  }
  return askForSkip(tx, { row, caller, now, targetPct: ask.targetPct, reason: ask.reason });
}

async function askForSkip(
  tx: PoolClient,
  asked: { row: RolloutRow; caller: Caller; now: Date; targetPct: number; reason: string },
): Promise<RolloutRow> {
  const { row, caller, now, targetPct, reason } = asked;
  const skip: SkipAsked = { target_pct: targetPct, reason, by: caller.owner, at: now.toISOString() };
  await tx.query(
    `update rollout set skip_asked = $3, generation = generation + 1, updated_at = $4
      where workspace_id = $1 and id = $2`,
    [row.workspace_id, row.id, JSON.stringify(skip), now],
  );
  await recordChange(tx, {
    workspaceId: row.workspace_id,
    at: now,
    actor: caller.owner,
    kind: 'rollout.skip_asked',
    subject: `rollout/${row.id}`,
    data: { bundle_id: row.bundle_id, version: row.version, target_pct: targetPct, reason },
  });
  return (await rolloutById(tx, row.workspace_id, row.id)) as RolloutRow;
}

export function noRollout(id: number): Refusal {
  return refuse('not_found', `there is no rollout ${id}; list them with GET /policy/rollouts`);
}
