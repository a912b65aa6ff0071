import type { PoolClient } from 'pg';

/** Channel on which replicas hear that something known has ended or changed: payload its name, such as `key/5`. */
export const accessChannel = 'policy_access';

/** Tells every server, when the transaction is through, that what goes by `name` is not what it was. */
export async function announceEnd(tx: PoolClient, name: string): Promise<void> {
  await tx.query('select pg_notify($1, $2)', [accessChannel, name]);
}

/** What everything of a workspace goes by: told when it is closed for good. */
export function nameOfWorkspace(id: number): string {
  return `workspace/${id}`;
}
