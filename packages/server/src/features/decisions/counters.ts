import type { Pool } from 'pg';
import type { DayBounds } from '../enforcement/queries.js';
import type { LimitsByScope } from './caps.js';
import { idBound } from './decision-id.js';

/** Facts that are counted from the log; the others come from the clock. */
export const counterNames = [
  'error_rate_5min',
  'circuit_open',
  'daily_spend',
  'session_spend',
  'calls_last_hour',
  'budget_used_pct',
  'budget_exhausted',
] as const;
export type CounterName = (typeof counterNames)[number];

/** Whose counters to read, and which. */
export interface CounterQuestion {
  readonly agent: string;
  readonly session: string | null;
  readonly names: readonly CounterName[];
  /** What the session's caps count. */
  readonly account: string;
  /** null: no cap applies. */
  readonly limits: LimitsByScope | null;
}

/** When it is, for counters. */
export interface CountedAt {
  readonly nowMs: number;
  readonly day: string;
  readonly bounds: DayBounds;
  readonly capsEpoch: number;
}

export type Counters = Readonly<Partial<Record<CounterName, number | boolean>>>;

const minuteMs = 60_000;
const windowMinutes = 5;
const closesAfterMinutes = 15;
const openRate = 0.1;
const openDecisions = 20;

/**
 * The counters of each question, in order, read in one query (and a write when a circuit is seen to open); those that cannot be known (the spend of no session) are
 * left out. Rates and calls without a session count whole minutes, the running one included, so a window of 5 minutes
 * covers between 4 and 5.
 */
export async function readCounters(
  pool: Pool,
  workspaceId: number,
  questions: readonly CounterQuestion[],
  { nowMs, day, bounds, capsEpoch }: CountedAt,
): Promise<Counters[]> {
  const wants = (name: CounterName) => questions.map(({ names }) => names.includes(name));
  const { rows } = await pool.query<CounterRow>({
    name: 'read_counters',
    text: statement,
    values: [
      workspaceId,
      questions.map(({ agent }) => agent),
      questions.map(({ session }) => session),
      questions.map(({ names }) => names.includes('error_rate_5min') || names.includes('circuit_open')),
      wants('daily_spend'),
      wants('session_spend'),
      wants('calls_last_hour'),
      day,
      new Date(nowMs - (windowMinutes + closesAfterMinutes) * minuteMs),
      new Date(nowMs - 60 * minuteMs),
      idBound(nowMs - 60 * minuteMs),
      questions.map(({ names, limits }) => limits !== null && names.some(isOfBudgets)),
      questions.map(({ account }) => account),
      questions.map(({ limits }) => limits?.workspace.calls !== undefined),
      questions.map(({ limits }) => limits?.agent.calls !== undefined),
      capsEpoch,
      new Date(bounds.beginsMs),
      new Date(bounds.endsMs),
    ],
  });
  await noteTrips(pool, workspaceId, rows, questions, nowMs);
  return rows.map((row, index) => countersOf(row, questions[index] as CounterQuestion, nowMs));
}

/** Remembers that a circuit is to be open now, for the 15 minutes that follow; again at most every 5 seconds. */
async function noteTrips(
  pool: Pool,
  workspaceId: number,
  rows: readonly CounterRow[],
  questions: readonly CounterQuestion[],
  nowMs: number,
): Promise<void> {
  const tripped = questions.flatMap(({ agent, names }, index) => {
    const row = rows[index];
    if (!row || !names.includes('circuit_open') || !trips(minutesOf(row), Math.floor(nowMs / minuteMs))) return [];
    return nowMs - (row.tripped_at?.getTime() ?? 0) < 5_000 ? [] : [agent];
  });
  if (tripped.length === 0) return;
  await pool.query(
    `insert into circuit_trip as t (workspace_id, agent, at)
     select $1, agent, $3 from (select distinct unnest($2::text[])) as u (agent) order by agent
     on conflict (workspace_id, agent) do update set at = greatest(t.at, excluded.at)`,
    [workspaceId, tripped, new Date(nowMs)],
  );
}

interface CounterRow {
  /** [minutes since 1970, decisions, failed] */
  readonly minutes: readonly (readonly [number, number, number])[] | null;
  readonly tripped_at: Date | null;
  readonly daily_spend: number | null;
  readonly session_spend: number | null;
  readonly calls: number | null;
  readonly budget: Used | null;
}

/** What is used of what caps limit. */
interface Used {
  readonly workspace_spend: number | null;
  readonly workspace_calls: number | null;
  readonly agent_spend: number | null;
  readonly agent_calls: number | null;
  readonly session_spend: number | null;
  readonly session_calls: number | null;
}

function isOfBudgets(name: CounterName): boolean {
  return name === 'budget_used_pct' || name === 'budget_exhausted';
}

const rollups = (columns: string) => `(
    select ${columns} from decision_rollup union all select ${columns} from decision_rollup_delta
  ) r`;

/** What a spend reads as at most: reported costs may add up to more than a number holds, and that must not fail a decision. */
const mostSpend = Number.MAX_SAFE_INTEGER;

const statement = `
  select
    case when q.errors then (
      select json_agg(json_build_array(extract(epoch from m.minute) / 60, m.decisions, m.failed)) from (
        select r.minute, sum(r.decisions) as decisions, sum(r.failed) as failed
        from ${rollups('workspace_id, agent, minute, decisions, failed')}
        where r.workspace_id = $1 and r.agent = q.agent and r.minute > $9 group by r.minute
      ) m
    ) end as minutes,
    case when q.errors then (
      select t.at from circuit_trip t where t.workspace_id = $1 and t.agent = q.agent
    ) end as tripped_at,
    case when q.daily then coalesce((
      select least(amount, ${mostSpend}) from daily_spend s where s.workspace_id = $1 and s.day = $8 and s.agent = q.agent
    ), 0) end as daily_spend,
    case when q.in_session and q.session is not null then coalesce((
      select least(amount, ${mostSpend}) from session_spend s where s.workspace_id = $1 and s.session = q.session
    ), 0) end as session_spend,
    case
      when not q.calls then null
      when q.session is null then coalesce((
        select sum(r.decisions) from ${rollups('workspace_id, agent, minute, decisions')}
        where r.workspace_id = $1 and r.agent = q.agent and r.minute > $10
      ), 0)
      else (
        select count(*) from decision d
        where d.workspace_id = $1 and d.session = q.session and d.id >= $11 and d.agent = q.agent
      )
    end as calls,
    case when q.budget then json_build_object(
      'workspace_spend', (
        select least(amount, ${mostSpend}) from daily_spend s where s.workspace_id = $1 and s.day = $8 and s.agent = '*'
      ),
      'workspace_calls', case when q.calls_of_all then calls_used($1, $8, '*', $16, $17, $18) end,
      'agent_spend', (
        select least(amount, ${mostSpend}) from daily_spend s
        where s.workspace_id = $1 and s.day = $8 and s.agent = q.agent
      ),
      'agent_calls', case when q.calls_of_agent then calls_used($1, $8, q.agent, $16, $17, $18) end,
      'session_spend', (
        select least(amount, ${mostSpend}) from session_spend s where s.workspace_id = $1 and s.session = q.account
      ),
      'session_calls', (
        select calls from session_spend s where s.workspace_id = $1 and s.session = q.account
      )
    ) end as budget
  from unnest($2::text[], $3::text[], $4::boolean[], $5::boolean[], $6::boolean[], $7::boolean[], $12::boolean[],
      $13::text[], $14::boolean[], $15::boolean[])
    with ordinality as q (agent, session, errors, daily, in_session, calls, budget, account, calls_of_all,
      calls_of_agent, place)
  order by q.place`;

function countersOf(row: CounterRow, { names, limits }: CounterQuestion, nowMs: number): Counters {
  const minutes = minutesOf(row);
  const usedPct = fullestPct(limits, row.budget);
  const known: Record<CounterName, number | boolean | null> = {
    error_rate_5min: errorRate(minutes, Math.floor(nowMs / minuteMs)).rate,
    circuit_open: circuitOpen(minutes, row.tripped_at?.getTime() ?? null, nowMs),
    daily_spend: row.daily_spend,
    session_spend: row.session_spend,
    calls_last_hour: row.calls,
    budget_used_pct: usedPct,
    budget_exhausted: usedPct >= 100,
  };
  return Object.fromEntries(names.flatMap((name) => (known[name] === null ? [] : [[name, known[name]]])));
}

/** How much of the fullest cap is used, in percent: 100 and more when nothing is left, 0 without a cap. */
function fullestPct(limits: LimitsByScope | null, used: Used | null): number {
  if (limits === null || used === null) return 0;
  const shares = (['workspace', 'agent', 'session'] as const).flatMap((scope) => [
    share(used[`${scope}_spend`], limits[scope].spend),
    share(used[`${scope}_calls`], limits[scope].calls),
  ]);
  return Math.min(Math.max(...shares), mostSpend);
}

function share(used: number | null, limit: number | undefined): number {
  if (limit === undefined) return 0;
  return limit === 0 ? 100 : ((used ?? 0) / limit) * 100;
}

function minutesOf({ minutes }: CounterRow): Minutes {
  return new Map((minutes ?? []).map(([minute, decisions, failed]) => [minute, { decisions, failed }]));
}

type Minutes = ReadonlyMap<number, { readonly decisions: number; readonly failed: number }>;

/** Failed / decisions over the five minutes that end with `minute` (since 1970); 0 when there were none. */
function errorRate(minutes: Minutes, minute: number): { rate: number; decisions: number } {
  let decisions = 0;
  let failed = 0;
  for (let back = 0; back < windowMinutes; back += 1) {
    const counted = minutes.get(minute - back);
    decisions += counted?.decisions ?? 0;
    failed += counted?.failed ?? 0;
  }
  return { rate: decisions === 0 ? 0 : failed / decisions, decisions };
}

/** Whether 10 % or more of at least 20 decisions of the five minutes that end with `minute` had failed. */
function trips(minutes: Minutes, minute: number): boolean {
  const { rate, decisions } = errorRate(minutes, minute);
  return decisions >= openDecisions && rate >= openRate;
}

/**
 * Whether the circuit is open: it was tripped, or seen to be (`trippedMs`), within the last 15 minutes. So it opens at
 * once and closes after 15 minutes below.
 */
function circuitOpen(minutes: Minutes, trippedMs: number | null, nowMs: number): boolean {
  if (trippedMs !== null && nowMs - trippedMs < closesAfterMinutes * minuteMs) return true;
  const current = Math.floor(nowMs / minuteMs);
  return Array.from({ length: closesAfterMinutes }, (_, back) => current - back).some((minute) =>
    trips(minutes, minute),
  );
}
