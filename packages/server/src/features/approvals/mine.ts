import type { Pool } from 'pg';
import type { Caller } from '../../caller.js';
import { samePerson } from '../../person.js';
import type { WaitingFor } from './queries.js';

/** How the caller is known among what is pending; null: nothing waits for somebody of this role. */
export async function waitingFor(pool: Pool, { workspaceId, owner, role }: Caller): Promise<WaitingFor | null> {
  if (role !== 'approver' && role !== 'admin') return null;
  // What is the same person is not for SQL to say.
  const names = await pool.query<{ name: string }>(
    `select distinct requested_by as name from approval where workspace_id = $1 and status = 'pending'
     union
     select distinct v.voter from approval_vote v join approval a on a.id = v.approval_id
      where a.workspace_id = $1 and a.status = 'pending'`,
    [workspaceId],
  );
  const groups = await pool.query<{ id: number; members: string[] }>(
    'select id, members from approver_group where workspace_id = $1',
    [workspaceId],
  );
  return {
    names: names.rows.map(({ name }) => name).filter((name) => samePerson(name, owner)),
    groups: groups.rows
      .filter(({ members }) => members.some((member) => samePerson(member, owner)))
      .map(({ id }) => id),
  };
}
