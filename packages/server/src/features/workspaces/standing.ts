import type { Operation, OperationId, Quotas } from '@policy-studio/contract';
import type { Pool } from 'pg';
import type { Clock } from '../../clock.js';
import { databaseFailure } from '../../database-failure.js';
import type { Listener } from '../../listener.js';
import type { Logger } from '../../logging.js';
import { type Refusal, refuse } from '../../refusal.js';

/** Channel on which servers hear that a workspace was archived, restored, or has other quotas. */
export const workspaceChannel = 'policy_workspace';

/** What of a workspace every request is held against, as this server knows it. */
interface Standing {
  readonly readOnly: boolean;
  readonly storageFull: boolean;
  readonly quotas: Partial<Quotas>;
}

export interface Standings {
  /** Why `operation` is not done in this workspace now, `archived` or beyond a quota; null: it may be. Counts decisions. */
  refusal(workspaceId: number, operation: Operation, body: unknown): Refusal | null;
  /** Reads all of them again, in one query. While the database is away what was known last holds. */
  refresh(): Promise<void>;
}

/** Decisions left to a workspace on this server, as a bucket that fills by its quota and holds one second of it. */
interface Bucket {
  left: number;
  atMs: number;
}

/** What an archived workspace still answers besides GET: what changes nothing, and what takes access away. */
const harmless = new Set<string>([
  'lintRules',
  'verifyBundle',
  'revokeApiKey',
  'endSession',
  'signOut',
] satisfies OperationId[]);
/** A GET that hands out what is in force: with it decisions would go on elsewhere. */
const handsOut = new Set<string>(['getSnapshot'] satisfies OperationId[]);

/** Knows of each workspace whether it is archived and what its quotas are, so that no request asks the database. */
export function createStandings(options: {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly listener: Listener;
}): Standings {
  const { pool, clock, log, listener } = options;
  let known = new Map<number, Standing>();
  const buckets = new Map<number, Bucket>();
  let reading: Promise<void> = Promise.resolve();

  const read = async (): Promise<void> => {
    const { rows } = await pool.query<Standing & { id: number }>(
      // Closed ones as well: while their rows are being deleted, who was let in a moment ago must not write again.
      `select id, read_only_at is not null as "readOnly", storage_full as "storageFull", quotas from workspace`,
    );
    known = new Map(rows.map(({ id, ...standing }) => [id, standing]));
    for (const id of buckets.keys()) if (!known.has(id)) buckets.delete(id);
  };
  /** One after another, and never one that began before it was asked for. */
  const refresh = (): Promise<void> => {
    const next = reading.catch(() => undefined).then(read);
    reading = next;
    return next;
  };
  const refreshSoon = (): void => {
    refresh().catch((error: unknown) => {
      if (databaseFailure(error) === null) log.error({ err: error }, 'the standing of workspaces could not be read');
    });
  };
  listener.listen(workspaceChannel, refreshSoon);
  // What was said while nobody listened is lost.
  listener.onConnected(refreshSoon);

  const throttle = (workspaceId: number, perSecond: number, decisions: number): Refusal | null => {
    const nowMs = clock.now().getTime();
    const bucket = buckets.get(workspaceId) ?? { left: perSecond, atMs: nowMs };
    // A clock that was set back fills nothing.
    const filled = bucket.left + (Math.max(0, nowMs - bucket.atMs) * perSecond) / 1000;
    bucket.left = Math.min(perSecond, filled);
    bucket.atMs = nowMs;
    buckets.set(workspaceId, bucket);
    if (bucket.left < Math.min(1, perSecond) || perSecond === 0) {
      const wait = perSecond === 0 ? 60 : (1 - bucket.left) / perSecond;
      return refuse(
        'rate_limited',
        `this workspace may have ${perSecond} decisions a second on each server; ask more slowly, or ask the instance admin for a larger quota`,
        [],
        { retry_after: wait },
      );
    }
    // A batch larger than what is left is taken whole, and paid off before the next.
    bucket.left -= decisions;
    return null;
  };

  return {
    refusal(workspaceId, operation, body) {
      const standing = known.get(workspaceId);
      // A new workspace that this server has not heard of, or a start without the database: as without quotas.
      if (standing === undefined || operation.access === 'instance') return null;
      const { readOnly, storageFull, quotas } = standing;
      if (readOnly && (operation.method === 'GET' ? handsOut.has(operation.id) : !harmless.has(operation.id))) {
        return refuse(
          'workspace_archived',
          'this workspace is archived: it can be read and nothing else; the instance admin can restore it',
        );
      }
      const decisions = decisionsAsked(operation, body);
      if (decisions === 0) return null;
      if (storageFull) {
        return refuse(
          'storage_full',
          `this workspace keeps ${quotas.decisions_kept} decisions, as many as it may; set \`retention_days\` lower, or ask the instance admin for a larger quota`,
          [],
          { retry_after: 60 },
        );
      }
      const perSecond = quotas.decisions_per_second ?? null;
      return perSecond === null ? null : throttle(workspaceId, perSecond, decisions);
    },
    refresh,
  };
}

/** How many decisions a valid body asks for. */
function decisionsAsked({ id }: Operation, body: unknown): number {
  if (id === 'evaluate') return 1;
  if (id === 'evaluateBatch') return (body as { requests: readonly unknown[] }).requests.length;
  return 0;
}
