import type { Pool } from 'pg';
import { databaseFailure } from '../../database-failure.js';
import type { Logger } from '../../logging.js';
import { Refusal, refuse } from '../../refusal.js';
import { type CapRefusal, reserves } from './caps.js';
import type { RecordRow } from './draft.js';
import { recordRows, type Verdict } from './record-statement.js';
import type { Spool } from './spool.js';

/**
 * What became of a decision that was handed in:
 * `recorded` as it was; `exhausted`: recorded as denied by `cap`; `repeated`: not recorded, the decision `stored_id` is
 * the answer; `reused`, `superseded`: not recorded, to be refused; `away`: not recorded, it needs the database, which is
 * away.
 */
export type Recorded =
  | { readonly verdict: 'recorded' | 'reused' | 'superseded' }
  | { readonly verdict: 'exhausted'; readonly cap: CapRefusal }
  | { readonly verdict: 'away' }
  | { readonly verdict: 'repeated'; readonly storedId: string };

export interface Recorder {
  /**
   * Records decisions of one workspace, in one group, and resolves when they are committed (or, while the database is
   * away, on disk). With the `async` log, decisions that claim and reserve nothing resolve at once, unless many wait.
   * Refuses with `overloaded` when too much is waiting.
   */
  record(workspaceId: number, rows: readonly RecordRow[]): Promise<readonly Recorded[] | Refusal>;
  /** Records decisions that are answered while the database is away: to disk, to be drained later. */
  spool(workspaceId: number, rows: readonly RecordRow[]): Promise<Refusal | null>;
  /** True while the database is known to be away. */
  readonly databaseAway: boolean;
  /** Told by whoever finds the database away first. */
  noteAway(error: unknown): void;
  /** Looks whether the database is back, and drains what was kept on disk. Called every second. */
  recover(): Promise<void>;
  /** Resolves when the decisions that were answered before their commit, so far, are recorded or spooled. */
  settled(): Promise<void>;
  /** Connections for what a decision reads: no other query may keep it waiting. */
  readonly pool: Pool;
  /** Decisions handed in and not yet committed; those on disk; those an `async` log has lost. */
  readonly counts: { readonly waiting: number; readonly spooled: number; readonly lost: number };
  /** Records what is waiting, then closes. */
  stop(): Promise<void>;
}

export const recorderLimits = {
  /** Decisions of one group: a flush of 1,000 takes about 40 ms. */
  groupRows: 1_000,
  groupBytes: 8 * 1024 * 1024,
  /** Decisions waiting, in all: beyond it they are refused rather than kept waiting for ever. */
  waitingRows: 20_000,
  waitingBytes: 64 * 1024 * 1024,
  /** With the `async` log, decisions that may wait after their answer: beyond it answers wait for their commit too. */
  answeredRows: 10_000,
  /** Groups under way at a time: more only helps where a commit is slow (a network disk, a distant database). */
  flights: 1,
  /** After this time without an answer the database counts as away. */
  answerMs: 5_000,
} as const;

export interface RecorderOptions {
  /** Connections of its own, more than flights. */
  readonly pool: Pool;
  readonly spool: Spool;
  readonly log: Logger;
  readonly mode: 'durable' | 'async';
  /** Called when the database is there again, before anything is drained. */
  readonly onBack: () => Promise<void>;
  /** Called when everything kept on disk is in the database. */
  readonly onDrained: () => void;
  readonly limits?: Partial<Record<keyof typeof recorderLimits, number>>;
}

interface Submission {
  readonly workspaceId: number;
  readonly rows: readonly RecordRow[];
  readonly bytes: number;
  readonly resolve: (recorded: readonly Recorded[] | Refusal) => void;
  readonly reject: (error: unknown) => void;
}

const recordedAsSent: Recorded = { verdict: 'recorded' };
const needsDatabase: Recorded = { verdict: 'away' };

export function createRecorder(options: RecorderOptions): Recorder {
  const { pool, spool, log, mode, onBack, onDrained } = options;
  const limits = { ...recorderLimits, ...options.limits };
  /** By workspace, in turn: one busy workspace cannot keep the others out. */
  const queues = new Map<number, Submission[]>();
  let waitingRows = 0;
  let waitingBytes = 0;
  let lost = 0;
  let flights = 0;
  let scheduled = false;
  let away = false;
  let stopped = false;
  let recovering: Promise<void> | null = null;
  const answered = new Set<Promise<void>>();
  let idle: (() => void)[] = [];

  const fits = (rows: readonly RecordRow[]): boolean =>
    waitingRows + rows.length <= limits.waitingRows && waitingBytes + bytesOf(rows) <= limits.waitingBytes;

  const full = (): Refusal =>
    refuse('overloaded', `more than ${limits.waitingRows} decisions wait to be recorded, try again shortly`);

  const schedule = (): void => {
    if (scheduled || flights >= limits.flights) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      while (flights < limits.flights && queues.size > 0) void fly(nextGroup());
    });
  };

  const nextGroup = (): Submission[] => {
    const [workspaceId, queue] = queues.entries().next().value as [number, Submission[]];
    let rows = 0;
    let bytes = 0;
    let taken = 0;
    for (const submission of queue) {
      rows += submission.rows.length;
      bytes += submission.bytes;
      if (taken > 0 && (rows > limits.groupRows || bytes > limits.groupBytes)) break;
      taken += 1;
    }
    const group = queue.splice(0, taken);
    queues.delete(workspaceId);
    if (queue.length > 0) queues.set(workspaceId, queue);
    return group;
  };

  const fly = async (group: readonly Submission[]): Promise<void> => {
    flights += 1;
    try {
      await flush(group);
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      flights -= 1;
      for (const { rows, bytes } of group) {
        waitingRows -= rows.length;
        waitingBytes -= bytes;
      }
      if (queues.size > 0) schedule();
      else if (flights === 0) {
        for (const resolve of idle.splice(0)) resolve();
      }
    }
  };

  const flush = async (group: readonly Submission[]): Promise<void> => {
    const [first] = group;
    if (!first) return;
    if (away) return spoolGroup(group);
    const rows = group.flatMap((submission) => submission.rows);
    try {
      const verdicts = await recordRows(pool, first.workspaceId, rows, false, limits.answerMs);
      resolveAll(group, verdicts);
    } catch (error) {
      if (databaseFailure(error) !== null) {
        noteAway(error);
        return spoolGroup(group);
      }
      // One bad row must not take the others with it. If it stands alone, it is a bug, and its caller hears of it.
      if (group.length === 1) return first.reject(error);
      const half = Math.ceil(group.length / 2);
      await flush(group.slice(0, half));
      await flush(group.slice(half));
    }
  };

  /**
   * What the database would have to make safe goes back. The rest is kept on disk as it was answered: under the ids it
   * has, so that nothing is doubled should the commit have come through.
   */
  const spoolGroup = async (group: readonly Submission[]): Promise<void> => {
    await Promise.all(
      group.map(async (submission) => {
        const given = submission.rows.filter((row) => !needsTheDatabase(row));
        const refusal = await toSpool(submission.workspaceId, given).catch((error: unknown) => error as Error);
        if (refusal instanceof Error) return submission.reject(refusal);
        if (refusal) return submission.resolve(refusal);
        submission.resolve(submission.rows.map((row) => (needsTheDatabase(row) ? needsDatabase : recordedAsSent)));
      }),
    );
  };

  const toSpool = async (workspaceId: number, rows: readonly RecordRow[]): Promise<Refusal | null> => {
    if (rows.length === 0) return null;
    try {
      const kept = await spool.append(rows.map((row) => JSON.stringify({ workspace_id: workspaceId, row })));
      if (kept === 'kept') return null;
    } catch (error) {
      if (databaseFailure(error) !== 'full') throw error;
    }
    return refuse('overloaded', 'the database cannot be reached and the disk takes no more records, try again shortly');
  };

  const noteAway = (error: unknown): void => {
    if (away) return;
    away = true;
    log.error({ err: error }, 'the database is away: deciding by the last known policy, records go to disk');
  };

  const enqueue = (workspaceId: number, rows: readonly RecordRow[]): Promise<readonly Recorded[] | Refusal> => {
    if (!fits(rows)) return Promise.resolve(full());
    const bytes = bytesOf(rows);
    waitingRows += rows.length;
    waitingBytes += bytes;
    return new Promise((resolve, reject) => {
      const queue = queues.get(workspaceId);
      const submission = { workspaceId, rows, bytes, resolve, reject };
      if (queue) queue.push(submission);
      else queues.set(workspaceId, [submission]);
      schedule();
    });
  };

  /** Hands decisions in without waiting. They were answered, so what cannot be kept is lost, counted and told. */
  const enqueueAnswered = (workspaceId: number, rows: readonly RecordRow[]): Refusal | null => {
    if (!fits(rows)) return full();
    const lose = (reason: unknown): void => {
      lost += rows.length;
      log.error({ err: reason, lost }, `${rows.length} answered decisions could not be recorded`);
    };
    const written = enqueue(workspaceId, rows)
      .then((result) => {
        if (result instanceof Refusal) lose(result.detail);
      }, lose)
      .finally(() => answered.delete(written));
    answered.add(written);
    return null;
  };

  /** One record the database will not have must not keep the others out for ever: it is set aside, for people to look at. */
  const recordGiven = async (workspaceId: number, rows: readonly RecordRow[]): Promise<void> => {
    try {
      await recordRows(pool, workspaceId, rows, true, limits.answerMs);
    } catch (error) {
      if (databaseFailure(error) !== null) throw error;
      const [row] = rows;
      if (row && rows.length === 1) {
        log.error(
          { err: error, decision_id: row.id },
          'a spooled record is not accepted by the database and is set aside',
        );
        await spool.setAside(JSON.stringify({ workspace_id: workspaceId, row }));
        return;
      }
      const half = Math.ceil(rows.length / 2);
      await recordGiven(workspaceId, rows.slice(0, half));
      await recordGiven(workspaceId, rows.slice(half));
    }
  };

  const drain = async (): Promise<void> => {
    const drained = await spool.drain(async (lines) => {
      const byWorkspace = new Map<number, RecordRow[]>();
      for (const line of lines) {
        const { workspace_id: workspaceId, row } = JSON.parse(line) as { workspace_id: number; row: RecordRow };
        const rows = byWorkspace.get(workspaceId);
        if (rows) rows.push(row);
        else byWorkspace.set(workspaceId, [row]);
      }
      for (const [workspaceId, rows] of byWorkspace) await recordGiven(workspaceId, rows);
    });
    if (drained > 0) log.info({ records: drained }, 'records kept on disk are in the database');
  };

  const recoverOnce = async (): Promise<void> => {
    try {
      if (away) {
        await pool.query({ text: 'select 1', query_timeout: limits.answerMs } as { text: string });
        await onBack();
        away = false;
        log.info('the database is back');
      }
      if (spool.count === 0) return;
      await drain();
      if (spool.count === 0 && !away) onDrained();
    } catch (error) {
      if (databaseFailure(error) === null) throw error;
      noteAway(error);
    }
  };

  return {
    record(workspaceId, rows) {
      if (stopped) return Promise.resolve(refuse('shutting_down', 'the server is stopping, ask another or try again'));
      const answersLater = mode === 'durable' || waitingRows + rows.length > limits.answeredRows;
      if (answersLater || rows.some(needsTheDatabase)) return enqueue(workspaceId, rows);
      return Promise.resolve(enqueueAnswered(workspaceId, rows) ?? rows.map(() => recordedAsSent));
    },
    spool: toSpool,
    get databaseAway() {
      return away;
    },
    noteAway,
    recover() {
      recovering ??= recoverOnce().finally(() => {
        recovering = null;
      });
      return recovering;
    },
    async settled() {
      await Promise.all(answered);
    },
    pool,
    get counts() {
      return { waiting: waitingRows, spooled: spool.count, lost };
    },
    async stop() {
      stopped = true;
      if (waitingRows > 0) await new Promise<void>((resolve) => idle.push(resolve));
      await recovering?.catch(() => undefined);
      await spool.close();
      idle = [];
    },
  };
}

function resolveAll(group: readonly Submission[], verdicts: readonly Verdict[]): void {
  const byPosition = new Map(verdicts.map((verdict) => [verdict.at_position, verdict]));
  let position = 0;
  for (const { rows, resolve } of group) {
    const start = position;
    position += rows.length;
    resolve(rows.map((_, index) => recordedBy(byPosition.get(start + index))));
  }
}

/** What the answer of the database about a row means; undefined: it is as it was sent. */
export function recordedBy(verdict: Verdict | undefined): Recorded {
  if (!verdict) return recordedAsSent;
  if (verdict.verdict === 'exhausted') {
    if (verdict.cap === null) throw new Error('a decision was refused by no cap');
    return { verdict: 'exhausted', cap: verdict.cap };
  }
  if (verdict.verdict !== 'repeated') return { verdict: verdict.verdict };
  if (verdict.stored_id === null) throw new Error('a repeated request_id has no stored decision');
  return { verdict: 'repeated', storedId: verdict.stored_id };
}

function bytesOf(rows: readonly RecordRow[]): number {
  return rows.reduce((sum, row) => sum + row.context.length + row.detail.length, 0);
}

/** Whether a row claims a request id or reserves under a cap: only the database can say that it may. */
function needsTheDatabase({ request_id, caps }: RecordRow): boolean {
  return request_id !== null || reserves(caps);
}
