import type { CostSums } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';
import type { EvidenceArm } from './arms.js';

/** What the principals of one part did in one arm since a start. */
export interface PartEvidence {
  readonly decisions: number;
  readonly failed: number;
  readonly denied: number;
  readonly newlyDenied: number;
  readonly newlyAllowed: number;
  readonly newlyUnmatched: number;
  readonly outcomes: number;
  readonly outcomeErrors: number;
}

export interface ArmSince {
  /** Principals fall into 128 parts by their name; up to some tens of them each is nearly always a part of its own. */
  readonly byPart: readonly PartEvidence[];
  readonly cost: CostSums;
}

/** What arrived since a moment of the step. */
export interface EvidenceSince {
  /** How many blocks of five seconds the step had before it, 1 or more. */
  readonly ordinal: number;
  readonly arms: Readonly<Record<EvidenceArm, ArmSince>>;
}

const counts = [
  ['decisions', 'decisions'],
  ['failed', 'failed'],
  ['denied', 'denied'],
  ['newlyDenied', 'newly_denied'],
  ['newlyAllowed', 'newly_allowed'],
  ['newlyUnmatched', 'newly_unmatched'],
  ['outcomes', 'outcomes'],
  ['outcomeErrors', 'outcome_errors'],
] as const satisfies readonly (readonly [keyof PartEvidence, string])[];
const costs = ['cost_count', 'cost_sum', 'cost_squares'] as const;
const columns = [...counts.map(([, column]) => column), ...costs];
const list = columns.join(', ');
const sums = columns.map((column) => `sum(${column}) as ${column}`).join(', ');

/** The lengths of blocks, how long they are kept, and the starts that are read: so many blocks ago. */
const fine = { seconds: 5, keptSeconds: 160, ago: [0, 1, 3, 7, 15, 31] } as const;
const coarse = { seconds: 300, keptSeconds: 3 * 3_600, ago: [1, 3, 7, 15, 35] } as const;
const lengths = [fine, coarse] as const;

/** Where a time falls, in blocks of so many seconds. */
const blockOf = (time: string, seconds: number): string =>
  `(floor(extract(epoch from ${time}) / ${seconds}) * ${seconds})::bigint`;
/** How many there are bounds what is read, whoever asks. */
const partCount = 128;
const partOf = `hashtext(principal) & ${partCount - 1}`;
/** A fine block stands in one block of each length. */
const inBothLengths = `cross join (values (${fine.seconds}), (${coarse.seconds})) as length (seconds)`;

/**
 * A part of the statement that folds deltas (`taken`): their blocks. Two blocks hold each delta, so that either length
 * can be read without the other.
 */
export const foldBlocks = `
  insert into rollout_evidence_block as b (rollout_id, step, seconds, at, arm, part, workspace_id, ${list})
    select rollout_id, step, seconds, at / seconds * seconds, arm, part, workspace_id, ${sums} from (
      select rollout_id, step, ${blockOf('arrived_at', fine.seconds)} as at, arm, ${partOf} as part, workspace_id, ${sums}
        from taken group by 1, 2, 3, 4, 5, 6
    ) fine ${inBothLengths}
     group by 1, 2, 3, 4, 5, 6, 7
    on conflict (rollout_id, step, seconds, at, arm, part) do update
      set ${columns.map((column) => `${column} = b.${column} + excluded.${column}`).join(', ')}`;

/** Drops blocks that no start reaches back to any more. */
export async function forgetBlocks(pool: Pool): Promise<void> {
  for (const { seconds, keptSeconds } of lengths) {
    await pool.query(
      `delete from rollout_evidence_block where seconds = ${seconds}
          and at < ${blockOf('now()', seconds)} - ${keptSeconds}`,
    );
  }
}

const startsOf = ({ seconds, ago }: (typeof lengths)[number]): string =>
  `select ${seconds} as seconds, ${blockOf('now()', seconds)} - ${seconds} * n as start
     from unnest(array[${ago.join(', ')}]) as n`;

/**
 * One pass over the blocks: each row of the answer is what lies between one start and the next of its length. `first` is
 * when the first evidence of the step arrived.
 */
const sinceStatement = `
  with first as (
    select least(
      (select min(first_at) from rollout_evidence_sum where rollout_id = $1 and step = $2),
      (select min(arrived_at) from rollout_evidence_delta where rollout_id = $1 and step = $2)) as at
  ), starts as (
    select seconds, array_agg(start order by start) as starts from (${lengths.map(startsOf).join(' union all ')}) every, first
     where start > extract(epoch from first.at) group by seconds
  ), blocks as (
    select seconds, at, arm, part, ${list} from rollout_evidence_block where rollout_id = $1 and step = $2
    union all
    select seconds, at / seconds * seconds, arm, part, ${list} from (
      select ${blockOf('arrived_at', fine.seconds)} as at, arm, ${partOf} as part, ${sums}
        from rollout_evidence_delta where rollout_id = $1 and step = $2 group by 1, 2, 3
    ) fine ${inBothLengths}
  ), parts as materialized (
    select seconds, starts[width_bucket(at, starts)] as start, arm, part, ${sums}
      from blocks join starts using (seconds)
     where at >= starts[1]
     group by 1, 2, 3, 4
  )
  select s.seconds, each.start, ((each.start - extract(epoch from first.at)) / ${fine.seconds})::float8 as blocks_before,
    (select json_agg(json_build_array(p.arm, p.part, ${columns.map((column) => `p.${column}`).join(', ')}))
       from parts p where p.seconds = s.seconds and p.start = each.start) as parts
  from starts s cross join first, unnest(s.starts) as each (start)
  order by each.start desc`;

type PartRow = readonly [arm: EvidenceArm, part: number, ...counts: number[]];

/**
 * What arrived in a step of a rollout since some later moments of it: the last seconds, minutes and hours, each about
 * twice as long as the one before, latest first. By the database's clock, so that it is the same for every server.
 */
export async function evidenceSince(db: Pool | PoolClient, rolloutId: number, step: number): Promise<EvidenceSince[]> {
  const { rows } = await db.query<{ seconds: number; blocks_before: number; parts: PartRow[] | null }>({
    name: 'rollout_evidence_since',
    text: sinceStatement,
    values: [rolloutId, step],
  });
  return lengths.flatMap(({ seconds }) => {
    const added = new Map<EvidenceArm, Map<number, number[]>>();
    return rows
      .filter((row) => row.seconds === seconds)
      .flatMap(({ blocks_before: before, parts }) => {
        if (parts === null) return [];
        for (const row of parts) add(added, row);
        return [{ ordinal: Math.max(1, Math.ceil(before)), arms: armsOf(added) }];
      });
  });
}

function add(added: Map<EvidenceArm, Map<number, number[]>>, [arm, part, ...values]: PartRow): void {
  const parts = added.get(arm) ?? new Map<number, number[]>();
  added.set(arm, parts);
  const before = parts.get(part);
  parts.set(part, before ? before.map((value, index) => value + (values[index] ?? 0)) : values);
}

function armsOf(added: ReadonlyMap<EvidenceArm, ReadonlyMap<number, readonly number[]>>): EvidenceSince['arms'] {
  const arm = (name: EvidenceArm): ArmSince => {
    const parts = [...(added.get(name)?.values() ?? [])];
    const [count, sum, squares] = costs.map((_, index) =>
      parts.reduce((total, values) => total + (values[counts.length + index] ?? 0), 0),
    );
    return { byPart: parts.map(partEvidence), cost: { count: count ?? 0, sum: sum ?? 0, squares: squares ?? 0 } };
  };
  return { stable: arm('stable'), canary: arm('canary'), shadow: arm('shadow') };
}

function partEvidence(values: readonly number[]): PartEvidence {
  return Object.fromEntries(counts.map(([name], index) => [name, values[index] ?? 0])) as unknown as PartEvidence;
}
