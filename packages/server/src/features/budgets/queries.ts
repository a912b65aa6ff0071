import type { BudgetAccount, BudgetCap, BudgetQuery, Budgets } from '@policy-studio/contract';
import type { Pool } from 'pg';
import { mayActAs } from '../access/queries.js';
import { accountText, leftOf } from '../decisions/queries.js';
import type { Enforced } from '../enforcement/queries.js';

type Capped = Pick<
  Enforced,
  'workspaceId' | 'caps' | 'capsEpoch' | 'costBudget24h' | 'calendarDay' | 'dayBounds' | 'timeZone'
>;

/** Agents of a day that are looked at. */
const agentsLookedAt = 10_000;
const dayMs = 24 * 3_600_000;

/** Caps as they are set, that of `cost_budget_24h` first. */
type Limited = Pick<BudgetCap, 'setting' | 'scope' | 'agent' | 'spend' | 'calls'>;

/** What is used of each cap at `now`, in the order of the settings. */
export async function budgetsOf(pool: Pool, inForce: Capped, query: BudgetQuery, now: Date): Promise<Budgets> {
  const nowMs = now.getTime();
  const { endsMs, beginsMs } = inForce.dayBounds(nowMs);
  const resetsAt = new Date(endsMs).toISOString();
  const day = inForce.calendarDay(nowMs);
  const limited = capsOf(inForce);
  const accounts = limited.some(({ scope }) => scope !== 'session')
    ? await dayAccounts(pool, inForce, {
        day,
        beginsMs,
        endsMs,
        asked: query.agent,
        ofAgents: limited.some(({ scope }) => scope === 'agent'),
      })
    : [];
  const refused = await refusedOf(pool, inForce.workspaceId, day);
  const caps: BudgetCap[] = [];
  for (const cap of limited) {
    const refusedAt = (name: string) => refused.get(JSON.stringify([cap.scope, name])) ?? null;
    if (cap.scope === 'session') {
      caps.push(await sessionCap(pool, inForce, cap, { query, nowMs, day, resetsAt }));
      continue;
    }
    const own = accounts.filter(({ name }) =>
      cap.scope === 'workspace'
        ? name === '*'
        : name !== '*' && mayActAs({ agents: [cap.agent ?? '*'] }, name) && (query.agent ?? name) === name,
    );
    const held = own.map((account) => accountOf(cap, account, { refusedAt: refusedAt(account.name), resetsAt }));
    held.sort((a, b) => fullness(b) - fullness(a) || ((a.subject ?? '') < (b.subject ?? '') ? -1 : 1));
    caps.push({ ...cap, accounts: held.slice(0, query.limit), total_accounts: held.length });
  }
  return { day, time_zone: inForce.timeZone, resets_at: resetsAt, caps };
}

function capsOf({ caps, costBudget24h }: Capped): Limited[] {
  const set = caps.map(
    ({ scope, agent, spend, calls }): Limited => ({
      setting: 'caps',
      scope,
      agent: scope === 'agent' ? (agent ?? '*') : null,
      spend: spend ?? null,
      calls: calls ?? null,
    }),
  );
  if (costBudget24h === null) return set;
  return [{ setting: 'cost_budget_24h', scope: 'workspace', agent: null, spend: costBudget24h, calls: null }, ...set];
}

interface Account {
  /** `*`: the workspace. */
  readonly name: string;
  readonly amount: number;
  readonly reserved: number;
  readonly calls: number;
}

interface Day {
  readonly day: string;
  readonly beginsMs: number;
  readonly endsMs: number;
  readonly asked: string | undefined;
  readonly ofAgents: boolean;
}

/** The workspace's account of the day, and those of its agents: of all that spent or were allowed anything, and of `asked`. */
async function dayAccounts(
  pool: Pool,
  { workspaceId, capsEpoch }: Capped,
  { day, beginsMs, endsMs, asked, ofAgents }: Day,
): Promise<Account[]> {
  const { rows } = await pool.query<Account>(
    `with named as (
       select '*' as name
       union select agent from daily_spend where workspace_id = $1 and day = $2 and $5
       union select agent from decision_rollup
         where workspace_id = $1 and minute >= $3 and minute < $4 and effect = 'allow' and $5
       union select agent from decision_rollup_delta
         where workspace_id = $1 and minute >= $3 and minute < $4 and effect = 'allow' and $5
       union select $6::text where $6::text is not null
     )
     select n.name, coalesce(s.amount, 0)::float8 as amount, coalesce(s.reserved, 0)::float8 as reserved,
       calls_used($1, $2, n.name, $7, $3, $4) as calls
     from (select name from named order by name = '*' desc, name limit $8) n
     left join daily_spend s on s.workspace_id = $1 and s.day = $2 and s.agent = n.name`,
    [workspaceId, day, new Date(beginsMs), new Date(endsMs), ofAgents, asked ?? null, capsEpoch, agentsLookedAt],
  );
  return rows;
}

interface SessionsAsked {
  readonly query: BudgetQuery;
  readonly nowMs: number;
  readonly day: string;
  readonly resetsAt: string;
}

/** The sessions of the last 24 hours with the least left of a cap, or the one that is asked for. */
async function sessionCap(
  pool: Pool,
  { workspaceId }: Capped,
  cap: Limited,
  { query: { session, limit }, nowMs, day, resetsAt }: SessionsAsked,
): Promise<BudgetCap> {
  const { rows } = await pool.query<Account & { total: number; refused_at: Date | null }>(
    `select s.session as name, amount::float8 as amount, reserved::float8 as reserved, calls, count(*) over () as total, (
         select min(b.at) from cap_breach b
          where b.workspace_id = $1 and b.scope = 'session' and b.subject = s.session
       ) as refused_at
       from session_spend s
      where s.workspace_id = $1 and (($2::text is null and s.updated_at >= $3) or s.session = $2)
        and (left(s.session, 1) <> E'\\x01' or right(s.session, 10) = $7)
      order by greatest(
          case when $4::numeric > 0 then amount / $4 when $4 = 0 then 1 end,
          case when $5::numeric > 0 then calls / $5 when $5 = 0 then 1 end
        ) desc, s.session
      limit $6`,
    [workspaceId, session ?? null, new Date(nowMs - dayMs), cap.spend, cap.calls, limit, day],
  );
  const none = { name: session ?? '', amount: 0, reserved: 0, calls: 0, refused_at: null };
  const found = rows.length === 0 && session !== undefined ? [none] : rows;
  const accounts = found.map((row) => {
    const name = accountText(row.name);
    const daily = name !== row.name;
    const told = { refusedAt: row.refused_at, resetsAt: daily ? resetsAt : null };
    return accountOf(cap, { ...row, name }, told);
  });
  return { ...cap, accounts, total_accounts: rows[0]?.total ?? accounts.length };
}

/** When a cap of the day first refused something, by scope and account. */
async function refusedOf(pool: Pool, workspaceId: number, day: string): Promise<ReadonlyMap<string, Date>> {
  const { rows } = await pool.query<{ scope: string; subject: string; at: Date }>(
    `select scope, subject, min(at) as at from cap_breach
      where workspace_id = $1 and period = $2 and scope <> 'session' group by scope, subject`,
    [workspaceId, day],
  );
  return new Map(rows.map(({ scope, subject, at }) => [JSON.stringify([scope, subject === '' ? '*' : subject]), at]));
}

function accountOf(
  { scope, spend, calls }: Limited,
  account: Account,
  { refusedAt, resetsAt }: { readonly refusedAt: Date | null; readonly resetsAt: string | null },
): BudgetAccount {
  const spent =
    spend === null
      ? null
      : { limit: spend, used: account.amount, left: leftOf(spend, account.amount), reserved: account.reserved };
  const called = calls === null ? null : { limit: calls, used: account.calls, left: leftOf(calls, account.calls) };
  return {
    subject: scope === 'workspace' ? null : account.name,
    spend: spent,
    calls: called,
    exhausted: spent?.left === 0 || called?.left === 0,
    refused_at: refusedAt?.toISOString() ?? null,
    resets_at: resetsAt,
  };
}

/** The larger share used of the two limits. */
function fullness({ spend, calls }: BudgetAccount): number {
  const share = (held: { limit: number; used: number } | null): number =>
    held === null ? 0 : held.limit === 0 ? 1 : held.used / held.limit;
  return Math.max(share(spend), share(calls));
}
