import type { Pool, PoolClient } from 'pg';
import { type ArmEvidence, noEvidence, type PrincipalEvidence, type StepEvidence } from './evidence.js';

const recentMs = 10 * 60_000;
/** Principals of an arm that are told apart. */
const listed = 300;
/** The others are told as so many equal ones: none of them weighs enough to be capped. */
const others = 200;

const counts = `decisions, failed, denied, approvals, unmatched, mismatched, newly_denied, newly_allowed,
  newly_unmatched, outcomes, outcome_errors, cost_count, cost_sum, cost_squares`;
const sums = counts.replaceAll(/\w+/g, (name) => `sum(${name})::double precision as "${name}"`);

interface CountRow {
  readonly arm: 'stable' | 'canary' | 'shadow';
  /** null: all of the arm together. */
  readonly principal: string | null;
  readonly principals: number;
  readonly decisions: number;
  readonly failed: number;
  readonly denied: number;
  readonly approvals: number;
  readonly unmatched: number;
  readonly mismatched: number;
  readonly newly_denied: number;
  readonly newly_allowed: number;
  readonly newly_unmatched: number;
  readonly outcomes: number;
  readonly outcome_errors: number;
  readonly cost_count: number;
  readonly cost_sum: number;
  readonly cost_squares: number;
}

/** What was seen in one step up to now: folded rows and what waits to be folded, of one moment. */
export async function stepEvidence(
  db: Pool | PoolClient,
  rollout: {
    readonly workspace_id: number;
    readonly id: number;
    readonly step: number;
    readonly step_entered_at: Date;
  },
  now: Date,
): Promise<StepEvidence> {
  const { rows } = await db.query<CountRow>(
    `with waiting as (
       select arm, principal, ${sums} from rollout_evidence_delta where rollout_id = $1 and step = $2
        group by arm, principal
     ), largest as (
       select folded.arm, folded.principal, ${counts} from (values ('stable'), ('canary'), ('shadow')) as each (arm),
         lateral (select * from rollout_evidence r where r.rollout_id = $1 and r.step = $2 and r.arm = each.arm
                   order by decisions desc limit ${listed}) as folded
     ), told as (
       select arm, principal, ${sums} from (select * from waiting union all select * from largest) as both_kinds
        group by arm, principal order by sum(decisions) desc limit ${3 * listed}
     ), whole as (
       select arm, ${sums} from (
         select arm, ${counts} from rollout_evidence_sum where rollout_id = $1 and step = $2
         union all select arm, ${counts} from waiting) as both_kinds group by arm
     )
     select arm, principal, 1 as principals, ${counts} from told
     union all
     select arm, null,
       coalesce((select s.principals from rollout_evidence_sum s
                  where s.rollout_id = $1 and s.step = $2 and s.arm = whole.arm), 0)
       + (select count(*) from waiting w where w.arm = whole.arm and not exists (
            select from rollout_evidence r where r.rollout_id = $1 and r.step = $2 and r.arm = w.arm
               and r.principal = w.principal)), ${counts}
       from whole`,
    [rollout.id, rollout.step],
  );
  const of = (arm: CountRow['arm']): ArmEvidence => armOf(rows.filter((row) => row.arm === arm));
  return {
    stable: of('stable'),
    canary: of('canary'),
    shadow: of('shadow'),
    recent: await recentDecisions(db, rollout, now),
    stepMs: Math.max(0, now.getTime() - rollout.step_entered_at.getTime()),
  };
}

function armOf(rows: readonly CountRow[]): ArmEvidence {
  const whole = rows.find(({ principal }) => principal === null);
  if (!whole) return noEvidence;
  const told = rows.filter(({ principal }) => principal !== null).map(principalOf);
  const rest = restOf(principalOf(whole), told);
  const share = mapCounts(rest, (count) => count / others);
  return {
    byPrincipal: rest.decisions < 0.5 ? told : [...told, ...Array<PrincipalEvidence>(others).fill(share)],
    principals: whole.principals,
    cost: { count: whole.cost_count, sum: whole.cost_sum, squares: whole.cost_squares },
  };
}

function principalOf(row: CountRow): PrincipalEvidence {
  return {
    decisions: row.decisions,
    failed: row.failed,
    denied: row.denied,
    approvals: row.approvals,
    unmatched: row.unmatched,
    mismatched: row.mismatched,
    newlyDenied: row.newly_denied,
    newlyAllowed: row.newly_allowed,
    newlyUnmatched: row.newly_unmatched,
    outcomes: row.outcomes,
    outcomeErrors: row.outcome_errors,
  };
}

function restOf(whole: PrincipalEvidence, told: readonly PrincipalEvidence[]): PrincipalEvidence {
  return mapCounts(whole, (count, name) => Math.max(0, count - told.reduce((sum, one) => sum + one[name], 0)));
}

function mapCounts(
  one: PrincipalEvidence,
  change: (count: number, name: keyof PrincipalEvidence) => number,
): PrincipalEvidence {
  const names = Object.keys(one) as (keyof PrincipalEvidence)[];
  return Object.fromEntries(names.map((name) => [name, change(one[name], name)])) as unknown as PrincipalEvidence;
}

/** Decisions of the last ten minutes, but no longer ago than the step began. */
async function recentDecisions(
  db: Pool | PoolClient,
  { workspace_id: workspaceId, step_entered_at: entered }: { workspace_id: number; step_entered_at: Date },
  now: Date,
): Promise<StepEvidence['recent']> {
  const since = new Date(Math.max(now.getTime() - recentMs, entered.getTime()));
  const { rows } = await db.query<{ arm: string; decisions: number }>(
    `select arm, sum(decisions) as decisions from (
       select arm, decisions from decision_rollup where workspace_id = $1 and minute >= $2
       union all select arm, decisions from decision_rollup_delta where workspace_id = $1 and minute >= $2) as both_kinds
      group by arm`,
    [workspaceId, since],
  );
  const of = (arm: string): number => rows.find((row) => row.arm === arm)?.decisions ?? 0;
  return { stable: of('stable'), canary: of('canary') };
}

/** Decisions of stable that a step's cost ceiling is taken from. */
const costSample = 2_000;

/** USD below which 99 of 100 recent decisions of the bundles in force cost; null when none was recorded. */
export async function stableCostCeiling(tx: PoolClient, workspaceId: number): Promise<number | null> {
  const { rows } = await tx.query<{ ceiling: number | null }>(
    `select percentile_disc(0.99) within group (order by coalesce(outcome_cost, reserved, 0))::double precision as ceiling
       from (select outcome_cost, reserved from decision where workspace_id = $1 and arm = 'stable'
              order by id desc limit ${costSample}) as newest`,
    [workspaceId],
  );
  return rows[0]?.ceiling ?? null;
}
