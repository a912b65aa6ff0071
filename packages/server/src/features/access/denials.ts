import type { ProblemCode } from '@policy-studio/contract';
import type { Caller } from '../../caller.js';
import type { Clock } from '../../clock.js';
import { type Database, withTransaction } from '../../database/connection.js';
import { inWorkspace } from '../../database/scope.js';
import type { Logger } from '../../logging.js';
import { recordChange } from '../events/transaction.js';

const denialLimits = {
  /** At most one entry of the audit trail a caller in this time; what happens meanwhile is counted. */
  everyMs: 60_000,
  /** Callers, and kinds of attempts of one, that are told apart; beyond them the rest is counted together. */
  callers: 10_000,
  attempts: 50,
} as const;

/** What of the refusals of a known caller the audit trail has to show. */
const deniedCodes: ReadonlySet<Denied['code']> = new Set([
  'forbidden',
  'agent_not_permitted',
  'self_approval',
  'key_revoked',
  'key_expired',
  'member_removed',
]);

/** Somebody known here who was refused. */
export interface Denied {
  readonly caller: Pick<Caller, 'workspaceId' | 'owner' | 'keyId' | 'isMember'>;
  /** The operation, or what was tried. */
  readonly what: string;
  readonly code: ProblemCode | 'key_revoked' | 'key_expired' | 'member_removed';
  readonly address: string;
}

interface Counted {
  readonly caller: Denied['caller'];
  readonly attempts: Map<string, number>;
  total: number;
  since: Date;
  address: string;
  /** When the last entry was written; null: none since this caller is counted. */
  writtenMs: number | null;
}

/** Attempts that were denied, on their way to the audit trail. */
export interface Denials {
  /** Counts a refusal that denies something, and passes over others. Never waits, never fails. */
  note(denied: Denied): void;
  /** Writes an entry for each caller whose turn it is: the first attempt within a second, more of them once a minute. */
  write(now: Date): Promise<void>;
  /** The last turn, for everybody. */
  stop(): Promise<void>;
}

export function createDenials({ db, clock, log }: { db: Database; clock: Clock; log: Logger }): Denials {
  const counted = new Map<string, Counted>();

  const write = async (now: Date, everybody: boolean): Promise<void> => {
    for (const [id, entry] of counted) {
      const waited = entry.writtenMs === null || Math.abs(now.getTime() - entry.writtenMs) >= denialLimits.everyMs;
      if (!waited && !everybody) continue;
      if (entry.total === 0) {
        counted.delete(id);
        continue;
      }
      const { total, since, address } = entry;
      const attempts = Object.fromEntries(entry.attempts);
      entry.attempts.clear();
      entry.total = 0;
      entry.writtenMs = now.getTime();
      try {
        const { workspaceId, owner: actor } = entry.caller;
        const data = { attempts, total, since: since.toISOString(), address };
        const subject = subjectOf(entry.caller);
        const written = await inWorkspace(workspaceId, () =>
          withTransaction(db.pool, async (tx) => {
            const there = await tx.query('select 1 from workspace where id = $1', [workspaceId]);
            if (there.rowCount === 0) return false;
            await recordChange(tx, { workspaceId, at: now, actor, kind: 'access.denied', subject, data });
            return true;
          }),
        );
        // Deleted meanwhile, with its trail: nothing is to be told there, and nobody else is to wait for it.
        if (!written) counted.delete(id);
      } catch (error) {
        for (const [what, count] of Object.entries(attempts)) add(entry, what, count);
        entry.since = since;
        throw error;
      }
    }
  };

  return {
    note({ caller, what, code, address }) {
      if (!deniedCodes.has(code)) return;
      const id = `${caller.workspaceId} ${subjectOf(caller)}`;
      let entry = counted.get(id);
      if (!entry) {
        if (counted.size >= denialLimits.callers) return;
        entry = { caller, attempts: new Map(), total: 0, since: clock.now(), address, writtenMs: null };
        counted.set(id, entry);
      }
      if (entry.total === 0) entry.since = clock.now();
      entry.address = address;
      add(entry, `${what}: ${code}`, 1);
    },
    write: (now) => write(now, false),
    async stop() {
      await write(clock.now(), true).catch((error: Error) =>
        log.warn({ err: error }, 'the last denied attempts did not reach the audit trail'),
      );
    },
  };
}

function add(entry: Counted, what: string, count: number): void {
  const key = entry.attempts.has(what) || entry.attempts.size < denialLimits.attempts ? what : 'other';
  entry.attempts.set(key, (entry.attempts.get(key) ?? 0) + count);
  entry.total += count;
}

/** Who it was, as the audit trail names things. */
export function subjectOf({ keyId, isMember }: Pick<Caller, 'keyId' | 'isMember'>): string {
  if (keyId === null) return 'admin_token';
  return isMember ? `member/${keyId}` : `api_key/${keyId}`;
}
