import type { AskedFor, Risk } from '@policy-studio/contract';
import type { PoolClient } from 'pg';
import { changedRules } from './changed-rules.js';
import type { ApprovalKind } from './queries.js';
import { higherRisk } from './transition.js';

/** What an approval is about, as far as it says who is asked. */
export interface Matter {
  readonly workspaceId: number;
  readonly approvalId: number;
  readonly kind: ApprovalKind;
  readonly risk: Risk;
  /** Of an action. */
  readonly pair?: Pair;
  /** Of an activation. */
  readonly bundleId?: number | null;
  readonly now: Date;
}

/** Names of an agent and an action, or patterns of them. */
interface Pair {
  readonly agent: string;
  readonly action: string;
}

interface Candidate {
  readonly id: number;
  readonly name: string;
  readonly asked_for: AskedFor;
  readonly members_only: boolean;
  readonly remind_after_minutes: number | null;
  readonly escalate_after_minutes: number | null;
  readonly escalate_to: number | null;
}

const minuteMs = 60_000;

/** Asks the groups whose approvals this is, those that are asked already left as they are; the names of the new ones. */
export async function askGroups(tx: PoolClient, matter: Matter): Promise<string[]> {
  const { workspaceId, approvalId, now } = matter;
  const { rows } = await tx.query<Candidate>(
    `select id, name, asked_for, members_only, remind_after_minutes, escalate_after_minutes, escalate_to
       from approver_group where workspace_id = $1 and deleted_at is null order by name`,
    [workspaceId],
  );
  const fitting = rows.filter(({ asked_for: wanted }) => fitsKind(wanted, matter));
  const pairs = fitting.some(({ asked_for: wanted }) => isNarrow(wanted)) ? await pairsOf(tx, matter) : null;
  const asked: string[] = [];
  for (const group of fitting.filter(({ asked_for: wanted }) => fitsPairs(wanted, pairs))) {
    const after = (minutes: number | null) => (minutes === null ? null : new Date(now.getTime() + minutes * minuteMs));
    const { rowCount } = await tx.query(
      `insert into approval_asked (workspace_id, approval_id, group_id, members_only, asked_at, remind_at, escalate_at, escalate_to)
       values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
      [
        workspaceId,
        approvalId,
        group.id,
        group.members_only,
        now,
        after(group.remind_after_minutes),
        after(group.escalate_after_minutes),
        group.escalate_to,
      ],
    );
    if (rowCount === 1) asked.push(group.name);
  }
  return asked;
}

function fitsKind({ kinds, min_risk: least }: AskedFor, { kind, risk }: Matter): boolean {
  return (kinds === undefined || kinds.includes(kind)) && (least === undefined || higherRisk(risk, least) === risk);
}

function isNarrow({ agents, actions }: AskedFor): boolean {
  return agents !== undefined || actions !== undefined;
}

/** `pairs` null: what can touch every agent and action. */
function fitsPairs({ agents = ['*'], actions = ['*'] }: AskedFor, pairs: readonly Pair[] | null): boolean {
  if (pairs === null) return true;
  return pairs.some(
    ({ agent, action }) =>
      agents.some((pattern) => patternsMeet(pattern, agent)) &&
      actions.some((pattern) => patternsMeet(pattern, action)),
  );
}

/** Whether some name fits both; each is a name, `*` or `prefix.*`. */
export function patternsMeet(a: string, b: string): boolean {
  if (a === '*' || b === '*' || a === b) return true;
  const [prefixA, prefixB] = [prefixOf(a), prefixOf(b)];
  if (prefixA !== null && prefixB !== null) return prefixA.startsWith(prefixB) || prefixB.startsWith(prefixA);
  if (prefixA !== null) return b.startsWith(prefixA);
  return prefixB !== null && a.startsWith(prefixB);
}

function prefixOf(pattern: string): string | null {
  return pattern.endsWith('.*') ? pattern.slice(0, -1) : null;
}

async function pairsOf(tx: PoolClient, { workspaceId, pair, bundleId }: Matter): Promise<readonly Pair[] | null> {
  if (pair) return [pair];
  if (bundleId === undefined || bundleId === null) return null;
  const changed = await changedRules(tx, workspaceId, bundleId);
  if (!changed) return null;
  const { rules_added: added, rules_removed: removed, rules_modified: modified } = changed;
  return [...added, ...removed, ...modified.flatMap(({ before, after }) => [before, after])];
}
