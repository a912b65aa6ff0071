import type { BodyOf, FreezeRule, FreezeWindow, operations, ProblemItem } from '@policy-studio/contract';
import { canonicalJson, isTimeZone } from '@policy-studio/engine';
import type { PoolClient } from 'pg';
import type { Caller } from '../../caller.js';
import { withTransaction } from '../../database/connection.js';
import { invalid } from '../../http/route.js';
import { type Refusal, refuse } from '../../refusal.js';
import type { Services } from '../../services.js';
import { lockEnforcement } from '../approvals/transaction.js';
import { recordChange } from '../events/transaction.js';
import { settingsOf } from '../settings/queries.js';
import { type FreezeWindowRow, freezeWindowById, freezeWindowDocument } from './queries.js';
import { type FreezeWindowRule, spanAfter, spanAt } from './window.js';

/** All of them are looked at whenever a rollout is. */
const maxWindows = 100;

/** Adds a freeze window. It counts from the answer on. */
export async function createFreezeWindow(
  { db, clock, config }: Services,
  caller: Caller,
  body: BodyOf<typeof operations.createFreezeWindow>,
): Promise<FreezeWindow | Refusal> {
  const now = clock.now();
  const { workspaceId, owner } = caller;
  return withTransaction(db.pool, async (tx) => {
    await lockEnforcement(tx, workspaceId);
    const timeZone = body.time_zone ?? (await settingsOf(tx, config, workspaceId)).time_zone;
    const faults = ruleFaults({ rule: body.rule, timeZone }, now);
    if (faults.length > 0) return invalid(faults);
    const { rows } = await tx.query<{ id: number }>(
      `insert into freeze_window (workspace_id, name, reason, rule, time_zone, enabled, created_by, created_at, updated_by, updated_at)
       select $1, $2, $3, $4, $5, $6, $7, $8, $7, $8
        where (select count(*) from freeze_window where workspace_id = $1) < $9
       returning id`,
      [
        workspaceId,
        body.name,
        body.reason ?? '',
        JSON.stringify(body.rule),
        timeZone,
        body.enabled ?? true,
        owner,
        now,
        maxWindows,
      ],
    );
    const id = rows[0]?.id;
    if (id === undefined) {
      return refuse('freeze_windows_full', `a workspace has at most ${maxWindows} freeze windows; delete one first`);
    }
    const made = (await freezeWindowById(tx, workspaceId, id)) as FreezeWindowRow;
    await record(tx, { caller, now, id, kind: 'created', data: { after: audited(made) } });
    return freezeWindowDocument(made, now);
  });
}

/** Changes what is given. Without any difference nothing is recorded. */
export async function putFreezeWindow(
  { db, clock }: Services,
  caller: Caller,
  id: number,
  body: BodyOf<typeof operations.putFreezeWindow>,
): Promise<FreezeWindow | Refusal> {
  const now = clock.now();
  const { workspaceId, owner } = caller;
  return withTransaction(db.pool, async (tx) => {
    await lockEnforcement(tx, workspaceId);
    const before = await freezeWindowById(tx, workspaceId, id);
    if (!before) return noFreezeWindow(id);
    const after = {
      name: body.name ?? before.name,
      reason: body.reason ?? before.reason,
      rule: body.rule ?? before.rule,
      timeZone: body.time_zone ?? before.timeZone,
      enabled: body.enabled ?? before.enabled,
    };
    if (canonicalJson(audited(after)) === canonicalJson(audited(before))) return freezeWindowDocument(before, now);
    const ruleChanges = body.rule !== undefined || body.time_zone !== undefined;
    const faults = ruleChanges ? ruleFaults(after, now) : [];
    if (faults.length > 0) return invalid(faults);
    await tx.query(
      `update freeze_window set name = $3, reason = $4, rule = $5, time_zone = $6, enabled = $7, updated_by = $8, updated_at = $9
        where workspace_id = $1 and id = $2`,
      [
        workspaceId,
        id,
        after.name,
        after.reason,
        JSON.stringify(after.rule),
        after.timeZone,
        after.enabled,
        owner,
        now,
      ],
    );
    await record(tx, {
      caller,
      now,
      id,
      kind: 'changed',
      data: { before: audited(before), after: audited(after) },
    });
    return freezeWindowDocument({ ...before, ...after, updatedBy: owner, updatedAt: now }, now);
  });
}

export async function deleteFreezeWindow(
  { db, clock }: Services,
  caller: Caller,
  id: number,
): Promise<Refusal | undefined> {
  const now = clock.now();
  const { workspaceId } = caller;
  return withTransaction(db.pool, async (tx) => {
    await lockEnforcement(tx, workspaceId);
    const before = await freezeWindowById(tx, workspaceId, id);
    if (!before) return noFreezeWindow(id);
    await tx.query('delete from freeze_window where workspace_id = $1 and id = $2', [workspaceId, id]);
    await record(tx, { caller, now, id, kind: 'deleted', data: { before: audited(before) } });
    return undefined;
  });
}

export function noFreezeWindow(id: number): Refusal {
  return refuse('not_found', `there is no freeze window ${id}; list them with GET /policy/freeze-windows`);
}

interface Recorded {
  readonly caller: Caller;
  readonly now: Date;
  readonly id: number;
  readonly kind: 'created' | 'changed' | 'deleted';
  readonly data: Readonly<Record<string, unknown>>;
}

async function record(tx: PoolClient, { caller, now, id, kind, data }: Recorded): Promise<void> {
  await recordChange(tx, {
    workspaceId: caller.workspaceId,
    at: now,
    actor: caller.owner,
    kind: `freeze_window.${kind}`,
    subject: `freeze-window/${id}`,
    data,
  });
}

type Told = Pick<FreezeWindowRow, 'name' | 'reason' | 'rule' | 'timeZone' | 'enabled'>;

function audited({ name, reason, rule, timeZone, enabled }: Told): Readonly<Record<string, unknown>> {
  return { name, reason, rule, time_zone: timeZone, enabled };
}

/** What the schema does not say of a rule. */
function ruleFaults({ rule, timeZone }: FreezeWindowRule, now: Date): ProblemItem[] {
  if (!isTimeZone(timeZone)) {
    return [{ path: '/time_zone', message: 'is not a time zone known here; use an IANA name such as `Europe/Vienna`' }];
  }
  const impossible = impossibleDays(rule);
  if (impossible.length > 0) return impossible;
  if (rule.type !== 'dates') return [];
  if (rule.to <= rule.from) return [{ path: '/rule/to', message: 'must be after `from`' }];
  if (spanAt({ rule, timeZone }, now) !== null || spanAfter({ rule, timeZone }, now) !== null) return [];
  return [{ path: '/rule/to', message: 'is over already: this window would never be on' }];
}

function impossibleDays(rule: FreezeRule): ProblemItem[] {
  if (rule.type !== 'yearly' && rule.type !== 'dates') return [];
  return (['from', 'to'] as const).flatMap((name): ProblemItem[] => {
    // The 29th of February is a day of some years.
    const day = rule.type === 'yearly' ? `2000-${rule[name]}` : rule[name].slice(0, 10);
    const parsed = new Date(`${day}T00:00:00Z`);
    const exists = !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(day);
    return exists ? [] : [{ path: `/rule/${name}`, message: 'is no day of the calendar' }];
  });
}
