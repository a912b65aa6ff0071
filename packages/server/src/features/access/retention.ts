import type { Pool } from 'pg';

const dayMs = 24 * 3600 * 1000;
/** How long a session and a link are kept after their end: a browser that comes back is told that it ended. */
const keptDays = 30;

export async function forgetSessions(pool: Pool, nowMs: number): Promise<void> {
  const before = new Date(nowMs - keptDays * dayMs);
  await pool.query('delete from browser_session where expires_at < $1', [before]);
  await pool.query('delete from sign_in_link where expires_at < $1', [before]);
}
