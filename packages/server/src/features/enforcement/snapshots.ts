import type { Pool } from 'pg';
import type { Clock } from '../../clock.js';
import { databaseFailure } from '../../database-failure.js';
import type { Logger } from '../../logging.js';
import type { Config } from '../../services.js';
import { createDiskCopy } from './disk-copy.js';
import { type Enforced, enforce } from './in-force.js';
import { generationsOf, loadInForce } from './queries.js';

/** What is in force, in memory. */
export interface Enforcement {
  /**
   * What is in force in the workspace. Loads it on first use: from the database, or from the last good copy on disk
   * while that is away. Throws the database's error when neither is there.
   */
  inForce(workspaceId: number): Promise<Enforced>;
  /** Resolves when this server decides by that generation or a later one. */
  reach(workspaceId: number, generation: number): Promise<void>;
  /** Hears `<workspace id>:<generation>`. */
  hear(payload: string): void;
  /** Compares all workspaces in memory with the database, in one query, and loads what changed. */
  poll(): Promise<void>;
  /** Milliseconds since the snapshot was last known to be what the database says; 0 for a workspace not in memory. */
  staleMs(workspaceId: number, nowMs: number): number;
  /** The workspaces in memory, and the generation each is decided by. */
  generations(): ReadonlyMap<number, number>;
  /** Waits for what is still being written to disk. */
  stop(): Promise<void>;
}

export interface EnforcementOptions {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: Pick<Config, 'fourEyesDefault'>;
  /** Where last good snapshots are kept. */
  readonly folder: string;
  /** Workspaces kept in memory; the one not used for longest makes room. */
  readonly maxWorkspaces?: number;
}

interface Entry {
  enforced: Enforced;
  /** When the database last said that this is in force. */
  confirmedMs: number;
  confirmedOnDiskMs: number;
  usedAt: number;
  /** The generation that could not be compiled and is not to be tried again. */
  brokenGeneration: number | null;
}

const confirmOnDiskEveryMs = 30_000;

export function createEnforcement(options: EnforcementOptions): Enforcement {
  const { pool, clock, log, config, folder, maxWorkspaces = 256 } = options;
  const disk = createDiskCopy(folder);
  const entries = new Map<number, Entry>();
  const loading = new Map<number, Promise<Entry>>();
  let writing: Promise<void> = Promise.resolve();
  let uses = 0;

  /** One after another, so that an older snapshot never lands on a newer one. A disk that fails stops no decision. */
  const onDisk = (work: () => Promise<void>): void => {
    writing = writing.then(work).catch((error: unknown) => {
      log.error({ err: error }, 'the last good policy could not be kept on disk');
    });
  };

  const evict = (): void => {
    while (entries.size > maxWorkspaces) {
      let oldest: number | null = null;
      let least = Number.POSITIVE_INFINITY;
      for (const [id, { usedAt }] of entries) {
        if (usedAt < least) [oldest, least] = [id, usedAt];
      }
      if (oldest === null) return;
      entries.delete(oldest);
    }
  };

  const fromDisk = async (workspaceId: number): Promise<Entry | null> => {
    const copy = await disk.read(workspaceId);
    if (!copy) return null;
    const enforced = enforce(copy.source);
    if (typeof enforced === 'string') {
      log.error({ workspace_id: workspaceId }, `the last good policy on disk cannot be used: ${enforced}`);
      return null;
    }
    const { confirmedMs } = copy;
    return { enforced, confirmedMs, confirmedOnDiskMs: confirmedMs, usedAt: 0, brokenGeneration: null };
  };

  const fromDatabase = async (workspaceId: number): Promise<Entry> => {
    const askedMs = clock.now().getTime();
    const source = await loadInForce(pool, config, workspaceId);
    if (!source) {
      entries.delete(workspaceId);
      onDisk(() => disk.remove(workspaceId));
      throw new Error(`workspace ${workspaceId} does not exist`);
    }
    const enforced = enforce(source);
    if (typeof enforced !== 'string') {
      onDisk(() => disk.write(source, askedMs));
      return { enforced, confirmedMs: askedMs, confirmedOnDiskMs: askedMs, usedAt: 0, brokenGeneration: null };
    }
    log.error(
      { workspace_id: workspaceId, generation: source.generation },
      `what is to be in force cannot be used, the last good policy stays: ${enforced}`,
    );
    const lastGood = entries.get(workspaceId) ?? (await fromDisk(workspaceId));
    if (!lastGood) throw new Error(`workspace ${workspaceId} has no policy that can be used: ${enforced}`);
    return { ...lastGood, confirmedMs: askedMs, brokenGeneration: source.generation };
  };

  const load = (workspaceId: number): Promise<Entry> => {
    const running = loading.get(workspaceId);
    if (running) return running;
    const work = fromDatabase(workspaceId)
      .catch(async (error: unknown) => {
        if (databaseFailure(error) === null || entries.has(workspaceId)) throw error;
        const copy = await fromDisk(workspaceId);
        if (!copy) throw error;
        log.warn({ workspace_id: workspaceId }, 'the database is away: deciding by the last good policy on disk');
        return copy;
      })
      .then((entry) => {
        entry.usedAt = ++uses;
        entries.set(workspaceId, entry);
        evict();
        return entry;
      })
      .finally(() => loading.delete(workspaceId));
    loading.set(workspaceId, work);
    return work;
  };

  const generationOf = (entry: Entry): number => entry.brokenGeneration ?? entry.enforced.generation;

  const reach = async (workspaceId: number, generation: number): Promise<void> => {
    // Not in memory: whoever needs it next loads what is in force then.
    if (!entries.has(workspaceId)) await loading.get(workspaceId);
    let entry = entries.get(workspaceId);
    // The first load may have been under way already and have read what was before; the second has not.
    for (let loads = 0; entry && generationOf(entry) < generation; loads += 1) {
      if (loads === 2) throw new Error(`workspace ${workspaceId} has not come to generation ${generation}`);
      entry = await load(workspaceId);
    }
  };

  const refresh = (workspaceId: number, generation: number): void => {
    reach(workspaceId, generation).catch((error: unknown) => {
      const level = databaseFailure(error) === null ? 'error' : 'warn';
      log[level]({ err: error, workspace_id: workspaceId }, `generation ${generation} could not be loaded yet`);
    });
  };

  const confirm = (workspaceId: number, entry: Entry, atMs: number): void => {
    entry.confirmedMs = atMs;
    if (atMs - entry.confirmedOnDiskMs < confirmOnDiskEveryMs) return;
    entry.confirmedOnDiskMs = atMs;
    onDisk(() => disk.confirm(workspaceId, atMs));
  };

  return {
    async inForce(workspaceId) {
      const entry = entries.get(workspaceId) ?? (await load(workspaceId));
      entry.usedAt = ++uses;
      return entry.enforced;
    },

    reach,

    hear(payload) {
      const [workspaceId, generation] = payload.split(':').map(Number);
      if (Number.isSafeInteger(workspaceId) && Number.isSafeInteger(generation)) {
        refresh(workspaceId as number, generation as number);
      }
    },

    async poll() {
      const askedMs = clock.now().getTime();
      const generations = await generationsOf(pool, [...entries.keys()]);
      const loads: Promise<unknown>[] = [];
      for (const [workspaceId, entry] of entries) {
        const generation = generations.get(workspaceId);
        if (generation === undefined) entries.delete(workspaceId);
        else if (generation === generationOf(entry)) confirm(workspaceId, entry, askedMs);
        else loads.push(load(workspaceId));
      }
      await Promise.all(loads);
    },

    staleMs(workspaceId, nowMs) {
      const entry = entries.get(workspaceId);
      return entry ? Math.max(0, nowMs - entry.confirmedMs) : 0;
    },

    generations() {
      return new Map([...entries].map(([workspaceId, { enforced }]) => [workspaceId, enforced.generation]));
    },

    async stop() {
      // What is being loaded is written when it is there.
      await Promise.allSettled(loading.values());
      await writing;
    },
  };
}
