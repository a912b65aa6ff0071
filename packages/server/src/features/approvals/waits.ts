import { asSystem } from '../../database/scope.js';
import type { Services } from '../../services.js';
import { decidedAmong } from './queries.js';
import { approvalChannel } from './transaction.js';

const pollMs = 500;
/** Requests that wait at once on this server; one more is answered at once. */
const maxWaiting = 1000;

export interface ApprovalWaits {
  /**
   * Resolves when approval `id` may have been decided, after `ms`, or when the server stops. Begin to wait before
   * looking at the approval, so that nothing is missed in between. Holds no database connection.
   */
  wait(id: number, ms: number): { readonly over: Promise<void>; cancel(): void };
}

/**
 * Those who wait for people. They hear a decision through NOTIFY, from whichever server took it; a poll every half
 * second, while anybody waits, finds what a lost connection missed and what has expired.
 */
export function createApprovalWaits({ db, clock, log, listener, stopping }: Services): ApprovalWaits {
  const waiters = new Map<number, Set<() => void>>();
  let waiting = 0;
  let timer: NodeJS.Timeout | undefined;

  const wake = (id: number): void => {
    for (const release of [...(waiters.get(id) ?? [])]) release();
  };
  const poll = async (): Promise<void> => {
    try {
      for (const id of await asSystem(() => decidedAmong(db.pool, [...waiters.keys()], clock.now()))) wake(id);
    } catch (error) {
      log.debug({ err: error }, 'looking for decided approvals failed, trying again');
    }
    timer = undefined;
    schedule();
  };
  const schedule = (): void => {
    if (timer !== undefined || waiting === 0) return;
    timer = setTimeout(() => void poll(), pollMs);
    timer.unref();
  };
  listener.listen(approvalChannel, (payload) => wake(Number(payload)));
  stopping.addEventListener('abort', () => {
    for (const id of [...waiters.keys()]) wake(id);
  });

  return {
    wait(id, ms) {
      if (waiting >= maxWaiting || stopping.aborted) return { over: Promise.resolve(), cancel: () => undefined };
      let release = (): void => undefined;
      const over = new Promise<void>((resolve) => {
        const deadline = setTimeout(() => release(), ms);
        release = () => {
          if (!waiters.get(id)?.delete(release)) return;
          if (waiters.get(id)?.size === 0) waiters.delete(id);
          waiting -= 1;
          clearTimeout(deadline);
          resolve();
        };
      });
      const others = waiters.get(id) ?? new Set();
      waiters.set(id, others.add(release));
      waiting += 1;
      schedule();
      return { over, cancel: release };
    },
  };
}
