import type { Decision } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import { withTransaction } from '../../database/connection.js';
import { databaseFailure } from '../../database-failure.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import {
  type AskedAction,
  actionDigest,
  actionQuorum,
  actionVerdict,
  askForAction,
  pendingActions,
  useActionApproval,
} from '../approvals/transaction.js';
import type { Enforced } from '../enforcement/queries.js';
import { settingsOf } from '../settings/queries.js';
import type { Pending } from './draft.js';
import type { ApprovalSay } from './overlays.js';
import { persistently, writeRows } from './record-statement.js';
import { type Recorded, recordedBy, recorderLimits } from './recorder.js';

/** A decision that people have a say in, and what became of its record. */
export interface Settled {
  readonly pending: Pending;
  readonly recorded: Recorded | Refusal;
}

type Approved = (pending: Pending, say: ApprovalSay) => Pending;

/** Calls of one server that open or use approvals at a time, and that wait for their turn. */
const turns = { atOnce: 2, waiting: 2_000 } as const;
/** What comes after this many milliseconds counts as no answer of the database. */
const { answerMs } = recorderLimits;

/**
 * Asks people about what needs their approval, or uses the approval that a request names, and records those decisions;
 * by the ids of the drafts that were given. A new approval and the use of one are in one transaction with the record:
 * neither is there without the other.
 */
export async function peopleAsked(
  services: Services,
  enforced: Enforced,
  pending: readonly Pending[],
  approved: Approved,
): Promise<ReadonlyMap<string, Settled>> {
  const asking = pending.filter(({ draft }) => draft.decision.effect === 'needs_approval');
  const settled = new Map<string, Settled>();
  if (asking.length === 0) return settled;
  try {
    const { four_eyes: fourEyes } = await settingsOf(services.recorder.pool, services.config, enforced.workspaceId);
    const all = asking.map((one) => ({ pending: one, asked: askedOf(services, enforced, one, fourEyes) }));
    const waiting = await waitingAlready(services, all);
    const joined: Settled[] = [];
    for (const one of all) {
      const approval = one.pending.question.request.approval_id === undefined && waiting.get(one.asked.digest);
      if (!approval) {
        settled.set(one.pending.draft.row.id, await inTurn(services, one, approved));
        continue;
      }
      const say: ApprovalSay = { kind: 'waits', approval: toWaitFor(services, approval) };
      joined.push({ pending: approved(one.pending, say), recorded: { verdict: 'away' } });
      settled.set(one.pending.draft.row.id, joined[joined.length - 1] as Settled);
    }
    return await recordJoined(services, enforced.workspaceId, settled, joined);
  } catch (error) {
    const failure = databaseFailure(error);
    if (failure === null) throw error;
    if (failure === 'away') services.recorder.noteAway(error);
    for (const one of asking) {
      const { id } = one.draft.row;
      if (!settled.has(id)) settled.set(id, { pending: one, recorded: { verdict: 'away' } });
    }
    return settled;
  }
}

/** What joins an approval that is there changes nothing beside its record, so it goes with all the others. */
async function recordJoined(
  { recorder }: Services,
  workspaceId: number,
  settled: ReadonlyMap<string, Settled>,
  joined: readonly Settled[],
): Promise<ReadonlyMap<string, Settled>> {
  if (joined.length === 0) return settled;
  const recorded = await recorder.record(
    workspaceId,
    joined.map(({ pending }) => pending.draft.row),
  );
  const results = new Map(
    joined.map((one, index): [Settled, Settled['recorded']] => [
      one,
      'code' in recorded ? recorded : (recorded[index] as Recorded),
    ]),
  );
  return new Map(
    [...settled].map(([id, one]) => [id, { pending: one.pending, recorded: results.get(one) ?? one.recorded }]),
  );
}

interface Asking {
  readonly pending: Pending;
  readonly asked: AskedAction;
}

function askedOf(
  { clock }: Services,
  { workspaceId }: Enforced,
  { question, draft }: Pending,
  fourEyes: boolean,
): AskedAction {
  const { agent, action } = question.request;
  const { row, gravity, redacted, decision } = draft;
  return {
    workspaceId,
    keyId: row.key_id,
    owner: row.owner,
    agent,
    action,
    digest: actionDigest(row.key_id, { agent, action }, question.context),
    context: JSON.parse(row.context),
    redacted,
    reason: decision.reason,
    risk: gravity.risk,
    quorum: actionQuorum(gravity.risk, fourEyes, gravity.minApprovers),
    fourEyes,
    now: clock.now(),
  };
}

async function waitingAlready({ recorder }: Services, all: readonly Asking[]) {
  const fresh = all.filter(({ pending }) => pending.question.request.approval_id === undefined);
  const [first] = fresh;
  if (!first) return new Map<string, never>();
  const { workspaceId, keyId, now } = first.asked;
  return pendingActions(
    recorder.pool,
    workspaceId,
    keyId,
    fresh.map(({ asked }) => asked),
    now,
  );
}

function toWaitFor(
  { config }: Services,
  { id, expiresAt }: { readonly id: number; readonly expiresAt: Date },
): NonNullable<Decision['approval']> {
  const path = `/policy/approvals/${id}?wait=30`;
  return { id, wait_url: `${config.publicUrl ?? ''}${path}`, expires_at: expiresAt.toISOString() };
}

/** Thrown to undo what was opened for a decision that was not recorded. */
class NotRecorded extends Error {
  constructor(readonly settled: Settled) {
    super('the request was answered before');
  }
}

/** Opens or uses an approval and records the decision, in one transaction. */
async function throughApproval(services: Services, { pending, asked }: Asking, approved: Approved): Promise<Settled> {
  const { recorder } = services;
  const { workspaceId } = asked;
  const id = pending.question.request.approval_id;
  try {
    return await persistently(recorder.pool, [pending.draft.row], () =>
      withTransaction(recorder.pool, async (tx) => {
        const { say, opened } =
          id === undefined ? await ask(services, tx, asked) : await check(services, tx, id, asked);
        const made = approved(pending, say);
        const [verdict] = await writeRows(tx, workspaceId, [made.draft.row], false, answerMs);
        const settled: Settled = { pending: made, recorded: recordedBy(verdict) };
        const isRecorded = verdict === undefined;
        if (opened && !isRecorded) throw new NotRecorded(settled);
        if (say.kind === 'allows' && isRecorded) await useActionApproval(tx, say.id, asked, made.draft.row.id);
        return settled;
      }),
    );
  } catch (error) {
    if (error instanceof NotRecorded) return error.settled;
    throw error;
  }
}

interface Said {
  readonly say: ApprovalSay;
  /** Whether people are asked that were not asked before. */
  readonly opened: boolean;
}

async function ask(services: Services, tx: PoolClient, asked: AskedAction): Promise<Said> {
  const approval = await askForAction(tx, asked);
  if (approval === null) {
    const detail = 'nobody was asked: too many requests of this key wait for people already';
    return { say: { kind: 'refused', detail }, opened: false };
  }
  return { say: { kind: 'waits', approval: toWaitFor(services, approval) }, opened: approval.opened };
}

async function check(services: Services, tx: PoolClient, id: number, asked: AskedAction): Promise<Said> {
  const answer = await actionVerdict(tx, id, asked);
  switch (answer.verdict) {
    case 'allows':
      return { say: { kind: 'allows', id }, opened: false };
    case 'waits':
      return { say: { kind: 'waits', approval: toWaitFor(services, answer.approval) }, opened: false };
    case 'refused':
      return { say: { kind: 'refused', detail: answer.detail }, opened: false };
  }
}

/** The calls under way and those that wait for their turn, by server: tests run several in one process. */
const queues = new WeakMap<object, { running: number; readonly waiting: (() => void)[] }>();

/** Leaves connections to others, however many agents ask at once. */
async function inTurn(services: Services, asking: Asking, approved: Approved): Promise<Settled> {
  const queue = queues.get(services.recorder) ?? { running: 0, waiting: [] };
  queues.set(services.recorder, queue);
  if (services.stopping.aborted) {
    return { pending: asking.pending, recorded: refuse('shutting_down', 'the server is stopping, ask another') };
  }
  if (queue.waiting.length >= turns.waiting) {
    const detail = `more than ${turns.waiting} requests wait for their approval to be looked at, try again shortly`;
    return { pending: asking.pending, recorded: refuse('overloaded', detail) };
  }
  if (queue.running >= turns.atOnce) await new Promise<void>((resolve) => queue.waiting.push(resolve));
  else queue.running += 1;
  try {
    return await throughApproval(services, asking, approved);
  } finally {
    const next = queue.waiting.shift();
    if (next) next();
    else queue.running -= 1;
  }
}
