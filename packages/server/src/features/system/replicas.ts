import type { Replica } from '@policy-studio/contract';
import type { Pool } from 'pg';
import { within } from '../../deadline.js';
import type { Logger } from '../../logging.js';
import type { Services } from '../../services.js';

/** How this server tells the others what it decides by. */
export interface Presence {
  readonly id: string;
  /** Writes the generations this server decides by, when one has changed or it is time to be seen again. */
  acknowledge(): Promise<void>;
  /** This server stops: it is no longer listed. */
  leave(): Promise<void>;
}

export interface PresenceOptions {
  readonly pool: Pool;
  readonly enforcement: Pick<Services['enforcement'], 'generations'>;
  readonly log: Logger;
  /** Unlike that of any other server, running or gone. */
  readonly id: string;
  readonly host: string;
  readonly version: string;
}

const seenEveryMs = 5_000;
/** Three times missed. */
const silentSeconds = 15;
const forgottenAfter = '1 hour';

export function createPresence(options: PresenceOptions): Presence {
  const { pool, enforcement, log, id, host, version } = options;
  let told = '';
  let toldMs = Number.NEGATIVE_INFINITY;
  let left = false;

  return {
    id,
    async acknowledge() {
      const generations = [...enforcement.generations()];
      const telling = JSON.stringify(generations);
      // Of this process alone, so no clock that somebody may set matters.
      const nowMs = performance.now();
      if (left || (telling === told && nowMs - toldMs < seenEveryMs)) return;
      await pool.query(
        `with seen as (
           insert into replica as r (id, host, version, started_at, seen_at) values ($1, $2, $3, now(), now())
           on conflict (id) do update set seen_at = now()),
         gone as (delete from replica_generation where replica_id = $1 and workspace_id <> all ($4::integer[])),
         forgotten as (delete from replica where seen_at < now() - interval '${forgottenAfter}' and id <> $1)
         insert into replica_generation as g (workspace_id, replica_id, generation, acknowledged_at)
         select each.workspace_id, $1, each.generation, now()
           from unnest($4::integer[], $5::integer[]) as each (workspace_id, generation)
           join workspace w on w.id = each.workspace_id
         on conflict (workspace_id, replica_id) do update
           set generation = excluded.generation, acknowledged_at = excluded.acknowledged_at
           where g.generation <> excluded.generation`,
        [id, host, version, generations.map(([workspaceId]) => workspaceId), generations.map(([, each]) => each)],
      );
      told = telling;
      toldMs = nowMs;
    },
    async leave() {
      left = true;
      const gone = pool.query('delete from replica where id = $1', [id]).then(
        () => true,
        () => false,
      );
      if (!(await within(gone, 1_000, false))) log.debug('this server stays listed until it is forgotten');
    },
  };
}

export interface ReplicasAsked {
  readonly workspaceId: number;
  /** Of the server that answers, and what it decides by: that is known better than the table says. */
  readonly own: { readonly id: string; readonly generation: number };
}

/** The servers that share this database, by id, and what each decides by in a workspace; with the latest generation. */
export async function replicasOf(
  pool: Pool,
  { workspaceId, own }: ReplicasAsked,
): Promise<{ readonly latest: number | null; readonly replicas: Replica[] }> {
  const head = await pool.query<{ generation: number }>('select generation from workspace where id = $1', [
    workspaceId,
  ]);
  const latest = head.rows[0]?.generation ?? null;
  const { rows } = await pool.query<Omit<Replica, 'started_at' | 'state' | 'answers'> & { started_at: Date }>(
    `select r.id, r.host, r.version, r.started_at,
            floor(extract(epoch from now() - r.seen_at))::integer as seen_seconds, g.generation
       from replica r left join replica_generation g on g.replica_id = r.id and g.workspace_id = $1
      where r.seen_at > now() - interval '${forgottenAfter}' order by r.id`,
    [workspaceId],
  );
  const replicas = rows.map((row): Replica => {
    const answers = row.id === own.id;
    const known = answers ? { ...row, generation: own.generation, seen_seconds: 0 } : row;
    return { ...known, started_at: row.started_at.toISOString(), state: stateOf(known, latest), answers };
  });
  return { latest, replicas };
}

function stateOf(
  { seen_seconds, generation }: Pick<Replica, 'seen_seconds' | 'generation'>,
  latest: number | null,
): Replica['state'] {
  if (seen_seconds > silentSeconds) return 'silent';
  if (generation === null) return 'idle';
  return generation === latest ? 'current' : 'behind';
}
