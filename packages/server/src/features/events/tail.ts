import type { ChangeEvent } from '@policy-studio/contract';
import type { Services } from '../../services.js';
import { eventsAfter } from './queries.js';
import { eventChannel } from './transaction.js';

/** How often readers look by themselves, in case NOTIFY got lost, and while nobody hears it. */
const lookMs = 5_000;
const lookUnheardMs = 500;
const pageSize = 100;

/** The end of the event log of each workspace, as this server's readers follow it. */
export interface EventTail {
  follow(workspaceId: number): Follower;
  readonly followers: number;
}

export interface Follower {
  /**
   * The next changes after `seq`, oldest first, at most 100; empty when there were none for `ms`, or the follower is
   * closed. One call at a time.
   */
  next(seq: number, ms: number): Promise<readonly ChangeEvent[]>;
  close(): void;
  readonly closed: boolean;
}

/**
 * Every reader asks the table itself for what comes after its own position, and events become visible in the order of
 * their numbers: so none is missed and none comes twice. NOTIFY only says when to look. Readers at one position share a
 * query, but never one that began before they were woken.
 */
export function createEventTail({ db, listener }: Pick<Services, 'db' | 'listener'>): EventTail {
  const sleepers = new Map<number, Set<() => void>>();
  const reading = new Map<string, Promise<readonly ChangeEvent[]>>();
  let followers = 0;
  let timer: NodeJS.Timeout | undefined;

  const wake = (workspaceId: number): void => {
    for (const key of reading.keys()) if (key.startsWith(`${workspaceId}:`)) reading.delete(key);
    for (const release of [...(sleepers.get(workspaceId) ?? [])]) release();
  };
  const wakeAll = (): void => {
    for (const workspaceId of [...sleepers.keys()]) wake(workspaceId);
  };
  const schedule = (): void => {
    if (timer !== undefined || followers === 0) return;
    const look = (): void => {
      timer = undefined;
      wakeAll();
      schedule();
    };
    timer = setTimeout(look, listener.connected ? lookMs : lookUnheardMs);
    timer.unref();
  };
  listener.listen(eventChannel, (payload) => wake(Number(payload.split(':', 1)[0])));
  listener.onConnected(wakeAll);

  const read = (workspaceId: number, seq: number): Promise<readonly ChangeEvent[]> => {
    const key = `${workspaceId}:${seq}`;
    const running = reading.get(key);
    if (running) return running;
    const work = eventsAfter(db.pool, workspaceId, seq, pageSize).finally(() => {
      if (reading.get(key) === work) reading.delete(key);
    });
    reading.set(key, work);
    return work;
  };

  return {
    follow(workspaceId) {
      let closed = false;
      let woken = false;
      let asleep: () => void = () => undefined;
      const release = (): void => {
        woken = true;
        asleep();
      };
      const others = sleepers.get(workspaceId) ?? new Set();
      sleepers.set(workspaceId, others.add(release));
      followers += 1;
      schedule();
      return {
        async next(seq, ms) {
          let late = false;
          const deadline = setTimeout(() => {
            late = true;
            release();
          }, ms);
          try {
            for (;;) {
              woken = false;
              if (closed) return [];
              const events = await read(workspaceId, seq);
              if (events.length > 0 || late) return events;
              if (!woken) {
                await new Promise<void>((resolve) => {
                  asleep = resolve;
                });
              }
            }
          } finally {
            clearTimeout(deadline);
          }
        },
        get closed() {
          return closed;
        },
        close() {
          if (closed) return;
          closed = true;
          followers -= 1;
          others.delete(release);
          if (others.size === 0 && sleepers.get(workspaceId) === others) sleepers.delete(workspaceId);
          release();
        },
      };
    },
    get followers() {
      return followers;
    },
  };
}
