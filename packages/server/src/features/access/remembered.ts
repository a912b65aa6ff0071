import type { Clock } from '../../clock.js';
import { databaseFailure } from '../../database-failure.js';
import { within } from '../../deadline.js';
import type { Listener } from '../../listener.js';
import { refuse } from '../../refusal.js';
import { accessChannel } from './transaction.js';

export const rememberingLimits = {
  cachedCredentials: 10_000,
  /** How long an unknown credential stays unknown without asking the database. */
  unknownMs: 5_000,
  /** How old what is known may be while endings are heard, and while they are not. */
  recheckMs: 60_000,
  recheckUnheardMs: 500,
  /** While the database is away, how long what was seen before is trusted. */
  trustMs: 5 * 60_000,
  /** How long a request waits for the database to confirm what is known. */
  confirmMs: 400,
} as const;
export type RememberingLimits = Readonly<Record<keyof typeof rememberingLimits, number>>;

export interface Entry<T> {
  readonly value: T;
  checkedMs: number;
  /** When its last use was noted. */
  touchedMs: number;
}

/** Credentials of one kind as the database knows them, remembered for a while. */
export interface Remembered<T> {
  /**
   * What `id` stands for, by `find` when that is not known well enough; null when there is no such thing.
   *
   * @throws Refusal `database_unavailable` when that cannot be told now, and whatever `find` throws
   */
  get(id: string, nowMs: number, find: () => Promise<T | null>): Promise<Entry<T> | null>;
  /** Whether `id` was found lately. */
  has(id: string): boolean;
  /** Forgets, on this server and at once, everything that goes by `name`. */
  forget(name: string): void;
}

export interface RememberedOptions<T> {
  readonly clock: Clock;
  readonly listener: Listener;
  readonly limits: RememberingLimits;
  /** What its ending may be told by. */
  namesOf(value: T): readonly string[];
}

export function createRemembered<T>({ clock, listener, limits, namesOf }: RememberedOptions<T>): Remembered<T> {
  const known = new Map<string, Entry<T>>();
  const unknown = new Map<string, number>();
  const confirming = new Map<string, Promise<boolean>>();
  // When, counted in endings, something ended: a lookup under way must not bring back what it read before that.
  const ended = new Map<string, number>();
  let endings = 0;
  let connections = 0;
  let awaySeenMs = 0;

  const forget = (name: string): void => {
    endings += 1;
    remember(ended, name, endings, limits.cachedCredentials);
    for (const [id, { value }] of known) if (namesOf(value).includes(name)) known.delete(id);
  };
  listener.listen(accessChannel, forget);
  // What was said while nobody listened is lost: look at everything again.
  listener.onConnected(() => {
    connections += 1;
    for (const entry of known.values()) entry.checkedMs = 0;
  });

  /** Straight from the database, and since when that is known. */
  const look = async (find: () => Promise<T | null>): Promise<{ value: T; checkedMs: number } | null> => {
    for (;;) {
      const [before, since, checkedMs] = [connections, endings, clock.now().getTime()];
      const value = await find();
      if (value === null) return null;
      if (namesOf(value).some((name) => (ended.get(name) ?? 0) > since)) continue;
      return { value, checkedMs: before === connections ? checkedMs : 0 };
    }
  };

  /** Looks again at what is known. False: it is gone. Throws when the database is away. */
  const confirm = (id: string, touchedMs: number, find: () => Promise<T | null>): Promise<boolean> => {
    const running = confirming.get(id);
    if (running !== undefined) return running;
    const work = (async () => {
      const found = await look(find);
      if (found) known.set(id, { ...found, touchedMs });
      else known.delete(id);
      return found !== null;
    })().finally(() => confirming.delete(id));
    work.catch(() => undefined);
    confirming.set(id, work);
    return work;
  };

  return {
    async get(id, nowMs, find) {
      const entry = known.get(id);
      if (!entry) {
        if (isRecent(unknown.get(id) ?? 0, nowMs, limits.unknownMs)) return null;
        const found = await look(find);
        if (!found) {
          remember(unknown, id, nowMs, limits.cachedCredentials);
          return null;
        }
        const fresh = { ...found, touchedMs: 0 };
        remember(known, id, fresh, limits.cachedCredentials);
        return fresh;
      }
      const recheckMs = listener.connected ? limits.recheckMs : limits.recheckUnheardMs;
      if (isRecent(entry.checkedMs, nowMs, recheckMs)) return entry;
      const trusted = isRecent(entry.checkedMs, nowMs, limits.trustMs);
      if (trusted && isRecent(awaySeenMs, nowMs, 1_000)) return entry;
      try {
        const there = await within(confirm(id, entry.touchedMs, find), limits.confirmMs, tooSlow);
        if (there === tooSlow) throw tooSlow;
        return there ? (known.get(id) ?? null) : null;
      } catch (error) {
        if (error !== tooSlow && databaseFailure(error) === null) throw error;
        awaySeenMs = nowMs;
        if (trusted) return entry;
        throw error === tooSlow
          ? refuse('database_unavailable', 'the credential cannot be checked now, try again shortly')
          : error;
      }
    },
    has: (id) => known.has(id),
    forget,
  };
}

/** Whether `atMs` is at most `limitMs` away: a clock that was set back must not keep anything fresh until it catches up. */
export function isRecent(atMs: number, nowMs: number, limitMs: number): boolean {
  return Math.abs(nowMs - atMs) <= limitMs;
}

/** Sets, and forgets the oldest entry beyond `max`. */
export function remember<K, V>(map: Map<K, V>, key: K, value: V, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= max) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}

const tooSlow = new Error('the database did not answer in time');
